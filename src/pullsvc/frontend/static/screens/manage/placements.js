// The planogram: what fits on each shelf, changed in place, many lines at once; CSV out and in.

import { useRef, useState } from "preact/hooks";
import { Refusal, request } from "../../core/api.js";
import { save } from "../../core/files.js";
import { number, t } from "../../core/i18n.js";
import { storePath } from "../../core/session.js";
import { Button, Department, Notice, Trouble, html, toast } from "../../ui/ui.js";
import { List, text, useAct, useItems, useList, useSettled } from "./parts.js";

const PAGE = 50;
const MAX_QTY = 100_000;
/** As the service takes. */
const MAX_FILE_BYTES = 32 * 1024 * 1024;
const LEAST = { capacity: 1, presentation_min: 0, facings: 1 };
const id = (line) => `${line.location} ${line.sku}`;

export default function Placements() {
  const [filter, setFilter] = useState({ by: "zone", value: "" });
  const sought = useSettled(filter.value.trim());
  const chosen = sought ? `&${filter.by}=${encodeURIComponent(sought)}` : "";
  const list = useList(`placements?limit=${PAGE}${chosen}`);
  const items = useItems(list.items);
  const [edits, setEdits] = useState(/** @type {Record<string, any>} */ ({}));
  const { busy, refusal, run } = useAct();
  const changed = list.items.filter((line) => Object.entries(edits[id(line)] ?? {}).some(([name, value]) => value !== line[name]));
  const set = (line, name) => ({ target }) => setEdits((now) => ({ ...now, [id(line)]: { ...now[id(line)], [name]: Number(target.value) } }));
  const send = async () => {
    const body = { edits: changed.map((line) => ({ location: line.location, sku: line.sku, version: line.version, ...edits[id(line)] })) };
    if (!(await run(() => request("PATCH", storePath("placements"), { body })))) return;
    toast(t("manage.placements.saved", { n: changed.length }));
    forget();
    list.reload();
  };
  // What another choice of lines hides stays as it was typed, to be saved when it is shown again.
  const forget = () => setEdits((now) => Object.fromEntries(Object.entries(now).filter(([name]) => !changed.some((line) => id(line) === name))));
  return html`
    <div class="tools">
      <select class="input" aria-label=${t("manage.placements.by")} value=${filter.by} onChange=${(event) => setFilter({ ...filter, by: event.target.value })}>${["zone", "location", "sku"].map((by) => html`<option value=${by}>${t(`manage.placements.${by}`)}</option>`)}</select>
      <input class="input" type="search" aria-label=${t("manage.placements.find")} placeholder=${t("manage.placements.find")} value=${filter.value} onInput=${text((value) => setFilter({ ...filter, value }))} />
      <${Files} after=${list.reload} />
    </div>
    <${List} list=${list} empty=${t("manage.placements.none")}>
      <div class="table-box" tabindex="0" role="region" aria-label=${t("manage.placements")}><table class="table cards">
        <thead><tr><th>${t("manage.placements.location")}</th><th>${t("manage.placements.item")}</th>${Object.keys(LEAST).map((name) => html`<th class="figure-cell">${t(`manage.placements.${name}`)}</th>`)}</tr></thead>
        <tbody>${list.items.map((line) => html`<tr key=${id(line)} class=${changed.includes(line) ? "changed" : ""}>
          <td class="code">${line.location}</td>
          <td class="item-cell"><span class="strong">${items[line.sku]?.description ?? line.sku}</span> ${items[line.sku] && html`<${Department} name=${items[line.sku].department} />`}</td>
          ${Object.entries(LEAST).map(([name, least]) => html`<td class="figure-cell" data-label=${t(`manage.placements.${name}`)}><input type="number" class="input slim" min=${least} max=${MAX_QTY} aria-label=${`${t(`manage.placements.${name}`)}, ${items[line.sku]?.description ?? line.sku}`} value=${edits[id(line)]?.[name] ?? line[name]} onInput=${set(line, name)} /></td>`)}
        </tr>`)}</tbody>
      </table></div>
    <//>
    ${refusal && html`<${Trouble} refusal=${refusal} />`}
    ${changed.length > 0 && html`<div class="save-bar"><span>${t("manage.placements.changed", { n: changed.length })}</span><${Button} kind="small" onClick=${forget}>${t("undo")}<//><${Button} kind="small primary" disabled=${busy} onClick=${send}>${t("save")}<//></div>`}`;
}

/** CSV out and in; what is in a file is tried before it is done. @param {{after: () => void}} props */
function Files({ after }) {
  const picker = useRef(/** @type {HTMLInputElement | null} */ (null));
  const [tried, setTried] = useState(/** @type {{content: ArrayBuffer, name: string, result: any} | null} */ (null));
  const { busy, refusal, run } = useAct();
  const send = (content, isTrial) => request("POST", storePath(`imports/placements?dry_run=${isTrial}`), { file: { type: "text/csv", content }, timeoutMs: 60_000 });
  const pick = async (event) => {
    const [file] = event.target.files;
    event.target.value = "";
    setTried(null);
    if (file) await run(async () => {
      if (file.size > MAX_FILE_BYTES) throw new Refusal({ status: 413, code: "body-too-large" });
      const content = await file.arrayBuffer(); // As it is: the service says so when it is no UTF-8.
      setTried({ content, name: file.name, result: await send(content, true) });
    });
  };
  const apply = async () => {
    if (!(await run(() => send(tried?.content ?? new ArrayBuffer(0), false)))) return;
    setTried(null);
    toast(t("manage.saved"));
    after();
  };
  return html`<${Button} kind="small" icon="sent" disabled=${busy} onClick=${() => run(() => save(storePath("exports/placements"), "placements.csv"))}>${t("manage.csv.out")}<//>
    <${Button} kind="small" icon="receive" disabled=${busy} onClick=${() => picker.current?.click()}>${t("manage.csv.in")}<//>
    <input ref=${picker} type="file" accept=".csv,text/csv" hidden aria-label=${t("manage.csv.in")} onChange=${pick} />
    ${tried && html`<div class="wide-tool"><${Notice} kind="look" title=${tried.name}>${t("manage.csv.tried", { created: tried.result.created, changed: tried.result.changed, unchanged: tried.result.unchanged })}
      <${Button} kind="small primary" disabled=${busy} onClick=${apply}>${t("manage.csv.do")}<//><//></div>`}
    ${refusal && html`<div class="wide-tool"><${Trouble} refusal=${refusal} /><${Rows} refusal=${refusal} /></div>`}`;
}

/** What is wrong with which row. @param {{refusal: unknown}} props */
function Rows({ refusal }) {
  const errors = refusal instanceof Refusal ? refusal.facts.errors : null;
  if (!Array.isArray(errors) || !errors.length || !("row" in errors[0])) return null;
  return html`<ul class="rows">${errors.map((one) => html`<li><b>${t("manage.csv.row", { row: number(one.row) })}</b> ${one.column ?? ""} ${one.detail}</li>`)}</ul>`;
}
