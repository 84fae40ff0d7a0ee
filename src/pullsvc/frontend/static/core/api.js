// The way to the service: one request, one answer, or one Refusal that says what to do.

import { signal } from "@preact/signals-core";
import { learn } from "./clock.js";

const TIMEOUT_MS = 10_000;
const PROBE_EVERY_MS = 4_000;
const RETRIED = new Set([0, 408, 425, 429, 502, 503, 504]);

/** Whether the service was within reach when last asked. */
export const online = signal(true);

/** Whom this page acts for; in another tab somebody else may have signed in. 0: nobody. */
let actsFor = 0;

/** @param {number} person */
export function actAs(person) {
  actsFor = person;
}

/** Who wants to know that a request was refused for want of a session: `code` of the problem. */
const doorkeepers = new Set();

/** @param {(code: string) => void} listener called at each 401 @returns {() => void} stop listening */
export function onTurnedAway(listener) {
  doorkeepers.add(listener);
  return () => void doorkeepers.delete(listener);
}

/** What the service, or the way to it, said instead of an answer. */
export class Refusal extends Error {
  /** @param {{status: number, code: string, title?: string, detail?: string, retryAfterS?: number, facts?: object}} said */
  constructor({ status, code, title = "", detail = "", retryAfterS = 0, facts = {} }) {
    super(detail || title || code);
    /** HTTP status; 0 when there was no answer at all. */
    this.status = status;
    /** Stable name of the problem, or `offline`, `timeout`. */
    this.code = code;
    this.title = title;
    this.detail = detail;
    this.retryAfterS = retryAfterS;
    /** Everything the problem said beside the standard members. */
    this.facts = facts;
  }

  /** Whether the same request may succeed later, unchanged. */
  get passes() {
    return RETRIED.has(this.status) || this.status >= 500;
  }

  /** Whether there is no session that the service accepts. */
  get wantsSignIn() {
    return this.status === 401;
  }
}

/**
 * Ask the service.
 * @param {string} method
 * @param {string} path
 * @param {{body?: unknown, key?: string, version?: string, timeoutMs?: number, file?: {type: string, content: ArrayBuffer}}} [options]
 *   `key`: Idempotency-Key; `version`: for If-Match; `file`: a body that is not JSON.
 * @returns {Promise<any>} the answer as JSON (text when it is none), null for 204
 * @throws {Refusal}
 */
export async function request(method, path, options = {}) {
  return (await exchange(method, path, options)).value;
}

/**
 * As `request`, but with the ETag of the answer, for an edit that names it.
 * @returns {Promise<{value: any, version: string | null}>}
 */
export async function exchange(method, path, { body, key, version, file, timeoutMs = TIMEOUT_MS } = {}) {
  /** @type {Record<string, string>} */
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (file) headers["Content-Type"] = file.type;
  if (key) headers["Idempotency-Key"] = key;
  if (version) headers["If-Match"] = version;
  if (actsFor) headers["X-Acts-For"] = String(actsFor);
  const sentAt = Date.now();
  const answer = await reach(path, {
    method,
    headers,
    body: file ? file.content : body === undefined ? undefined : JSON.stringify(body),
    credentials: "same-origin",
    cache: "no-store",
    signal: AbortSignal.timeout(timeoutMs),
  });
  learn(answer.headers.get("date"), sentAt, Date.now());
  const value = await read(answer);
  // Something between here and the service said "all is well" in its stead: nobody knows what became of the act.
  if (key && answer.ok && answer.status !== 204 && typeof value === "string") throw cutOff();
  if (answer.ok) return { value, version: answer.headers.get("etag") };
  throw refused(answer, value);
}

/** @param {string} path @param {RequestInit} init */
async function reach(path, init) {
  try {
    const answer = await fetch(path, init);
    online.value = true;
    return answer;
  } catch (failure) {
    wentOffline();
    const timedOut = failure instanceof DOMException && failure.name === "TimeoutError";
    throw new Refusal({ status: 0, code: timedOut ? "timeout" : "offline" });
  }
}

/** @param {Response} answer */
async function read(answer) {
  if (answer.status === 204) return null;
  const isJson = (answer.headers.get("content-type") ?? "").includes("json");
  try {
    return isJson ? await answer.json() : await answer.text();
  } catch {
    // The connection broke within the answer: nobody knows what it said.
    throw cutOff();
  }
}

function cutOff() {
  wentOffline();
  return new Refusal({ status: 0, code: "offline" });
}

/** @param {Response} answer @param {any} problem */
function refused(answer, problem) {
  const said = problem && typeof problem === "object" ? problem : {};
  const refusal = new Refusal({
    status: answer.status,
    code: said.code ?? `http-${answer.status}`,
    title: said.title,
    detail: said.detail,
    retryAfterS: Number(answer.headers.get("retry-after")) || 0,
    facts: said,
  });
  if (refusal.wantsSignIn) doorkeepers.forEach((listener) => listener(refusal.code));
  return refusal;
}

let probing = 0;

function wentOffline() {
  online.value = false;
  clearTimeout(probing);
  probing = setTimeout(probe, PROBE_EVERY_MS);
}

/** Look whether the service is back; also called when the device says so. */
export async function probe() {
  clearTimeout(probing);
  await request("GET", "/livez", { timeoutMs: PROBE_EVERY_MS }).catch(() => undefined);
}

addEventListener("online", probe);
addEventListener("offline", wentOffline);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && !online.value) probe();
});
