// Shows /openapi.json: operations by tag, their schemas, and a form to try each one. No outside resource, no library.
"use strict";

const METHODS = ["get", "post", "put", "patch", "delete"];
const MAX_SCHEMA_DEPTH = 6;
const SHOWN_CHARS = 20000;

function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

function resolve(spec, node) {
  if (!node || !node.$ref) return node;
  return node.$ref.slice(2).split("/").reduce((at, step) => at[step.replace(/~1/g, "/").replace(/~0/g, "~")], spec);
}

function typeName(spec, schema) {
  if (!schema) return "any";
  if (schema.$ref) return schema.$ref.split("/").pop();
  const choices = schema.anyOf || schema.oneOf;
  if (choices) return choices.map((choice) => typeName(spec, choice)).join(" | ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.type === "array") return `${typeName(spec, schema.items)}[]`;
  return [schema.type || "any", schema.format && `(${schema.format})`].filter(Boolean).join(" ");
}

function bounds(schema) {
  const words = { minimum: "≥", exclusiveMinimum: ">", maximum: "≤", exclusiveMaximum: "<", maxLength: "length ≤",
    minLength: "length ≥", maxItems: "items ≤", pattern: "matches", default: "default" };
  return Object.keys(words).filter((word) => word in schema)
    .map((word) => `${words[word]} ${typeof schema[word] === "string" ? schema[word] : JSON.stringify(schema[word])}`)
    .join(", ");
}

function objectSchema(spec, schema) {
  const resolved = resolve(spec, schema) || {};
  if (resolved.properties) return resolved;
  if (resolved.type === "array") return objectSchema(spec, resolved.items);
  for (const choice of resolved.anyOf || resolved.oneOf || []) {
    const found = objectSchema(spec, choice);
    if (found) return found;
  }
  return null;
}

function schemaTable(spec, schema, depth = 0) {
  const object = objectSchema(spec, schema);
  if (!object || depth > MAX_SCHEMA_DEPTH) return null;
  const rows = Object.entries(object.properties).map(([name, part]) => {
    const inner = objectSchema(spec, part);
    const nested = inner && inner !== object
      ? make("details", {}, make("summary", {}, "fields"), schemaTable(spec, part, depth + 1) || "") : null;
    const needed = (object.required || []).includes(name);
    return make("tr", {},
      make("td", {}, make("code", {}, name), needed ? make("b", { title: "required" }, " *") : ""),
      make("td", {}, make("code", {}, typeName(spec, part)), make("small", {}, ` ${bounds(part)}`)),
      make("td", {}, part.description || "", nested));
  });
  return make("table", {}, ...rows);
}

function quote(text) {
  return `'${text.replace(/'/g, "'\\''")}'`;
}

function example(parameter) {
  const schema = parameter.schema || {};
  const given = parameter.example ?? (schema.examples || [])[0] ?? schema.default;
  if (given === undefined || given === null) return "";
  return typeof given === "object" ? String(given[0] ?? "") : String(given);
}

function fieldFor(parameter) {
  const value = parameter.required ? (example(parameter) || "1") : "";
  const input = make("input", { value, placeholder: example(parameter), "aria-label": parameter.name });
  return { parameter, input };
}

// What the form says, as a request.
function requestOf(path, method, fields, body) {
  const headers = {};
  const query = new URLSearchParams();
  let address = path;
  for (const { parameter, input } of fields) {
    if (parameter.in === "path") address = address.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
    else if (input.value === "") continue;
    else if (parameter.in === "query") query.append(parameter.name, input.value);
    else headers[parameter.name] = input.value;
  }
  const key = document.getElementById("key").value.trim();
  if (key) headers.Authorization = `Bearer ${key}`;
  if (body) headers["Content-Type"] = body.dataset.type;
  const url = location.origin + address + (query.size ? `?${query}` : "");
  return { url, method: method.toUpperCase(), headers, body: body ? body.value : undefined };
}

function curl(request) {
  const parts = ["curl", "-X", request.method, quote(request.url)];
  for (const [name, value] of Object.entries(request.headers)) {
    parts.push("-H", quote(`${name}: ${name === "Authorization" ? "Bearer $KEY" : value}`).replace("$KEY", "'\"$KEY\"'"));
  }
  if (request.body !== undefined) parts.push("--data-binary", quote(request.body));
  return parts.join(" ");
}

async function send(request, output) {
  output.textContent = "...";
  try {
    const answer = await fetch(request.url, { ...request, credentials: "omit" });
    const text = await answer.text();
    let shown = text;
    try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* not JSON: shown as it is */ }
    output.textContent = `${answer.status} ${answer.headers.get("content-type") || ""}\n\n${shown.slice(0, SHOWN_CHARS)}`;
  } catch (failure) {
    output.textContent = String(failure);
  }
}

function tryForm(path, method, fields, bodyContent) {
  const fresh = fields.find(({ parameter }) => parameter.name === "Idempotency-Key");
  const body = bodyContent ? make("textarea", { rows: "8", spellcheck: "false", "aria-label": "Body" }) : null;
  if (body) {
    const [type, media] = Object.entries(bodyContent)[0];
    body.dataset.type = type;
    body.value = typeof media.example === "string" ? media.example : JSON.stringify(media.example ?? {}, null, 2);
  }
  const output = make("pre", { "aria-live": "polite" });
  const renew = () => {
    if (!fresh) return;
    // Not crypto.randomUUID: browsers offer that on https only, and stores do use plain http.
    fresh.input.value = [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");
  };
  renew();
  const go = async () => { await send(requestOf(path, method, fields, body), output); renew(); };
  const show = () => { output.textContent = curl(requestOf(path, method, fields, body)); };
  const isStream = path.endsWith("/stream");
  return make("div", { class: "try" }, body,
    isStream ? null : make("button", { onclick: go }, "Send"), make("button", { onclick: show }, "Show as curl"), output);
}

function parametersTable(spec, fields) {
  return make("table", {}, ...fields.map(({ parameter, input }) => make("tr", {},
    make("td", {}, make("code", {}, parameter.name), parameter.required ? make("b", { title: "required" }, " *") : "",
      make("small", {}, ` ${parameter.in}`)),
    make("td", {}, input),
    make("td", {}, parameter.description || "", make("small", {}, ` ${bounds(parameter.schema || {})}`)))));
}

function responsesTable(spec, responses) {
  return make("table", {}, ...Object.entries(responses).map(([status, raw]) => {
    const response = resolve(spec, raw);
    const media = Object.values(response.content || {})[0];
    const table = status.startsWith("2") && media ? schemaTable(spec, media.schema) : null;
    return make("tr", {}, make("td", {}, make("code", {}, status)),
      make("td", {}, response.description || "", table));
  }));
}

function operationBody(spec, path, method, operation) {
  const fields = (operation.parameters || []).map((parameter) => fieldFor(resolve(spec, parameter)));
  const content = operation.requestBody ? resolve(spec, operation.requestBody).content : null;
  const bodyTable = content ? schemaTable(spec, Object.values(content)[0].schema) : null;
  return make("div", {},
    ...(operation.description || "").split("\n\n").map((text) => make("p", {}, text)),
    fields.length ? make("h4", {}, "Parameters") : null, fields.length ? parametersTable(spec, fields) : null,
    bodyTable ? make("h4", {}, "Body") : null, bodyTable,
    make("h4", {}, "Answers"), responsesTable(spec, operation.responses),
    make("h4", {}, "Try"), tryForm(path, method, fields, content));
}

function operationEntry(spec, path, method, operation) {
  const details = make("details", { class: "operation", id: operation.operationId },
    make("summary", {}, make("span", { class: `method ${method}` }, method.toUpperCase()),
      make("code", {}, path), make("span", { class: "what" }, operation.summary || "")));
  details.dataset.text = `${method} ${path} ${operation.summary} ${operation.operationId}`.toLowerCase();
  // Filled when opened: a long contract shows at once.
  details.addEventListener("toggle", () => details.append(operationBody(spec, path, method, operation)), { once: true });
  return details;
}

function show(spec) {
  document.getElementById("title").textContent = `${spec.info.title} ${spec.info.version}`;
  const api = document.getElementById("api");
  api.replaceChildren(make("p", {}, spec.info.description || ""));
  for (const tag of spec.tags) {
    const entries = Object.entries(spec.paths).flatMap(([path, item]) => METHODS
      .filter((method) => (item[method]?.tags || []).includes(tag.name))
      .map((method) => operationEntry(spec, path, method, item[method])));
    api.append(make("section", {}, make("h2", {}, tag.name), make("p", {}, tag.description || ""), ...entries));
  }
  const linked = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (linked) { linked.open = true; linked.scrollIntoView(); }
}

document.getElementById("filter").addEventListener("input", (event) => {
  const words = event.target.value.toLowerCase().split(/\s+/);
  for (const entry of document.querySelectorAll(".operation")) {
    entry.hidden = !words.every((word) => entry.dataset.text.includes(word));
  }
});

fetch("/openapi.json").then((answer) => answer.json()).then(show).catch((failure) => {
  document.getElementById("api").textContent = `The contract could not be read: ${failure}`;
});
