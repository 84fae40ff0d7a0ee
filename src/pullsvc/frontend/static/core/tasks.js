// The tub in hand: the task as the service last told it, with what waits to be sent laid over it. It is found again after
// a reload, a crash or another battery, with or without a network.

import { computed, signal } from "@preact/signals-core";
import { Refusal, request } from "./api.js";
import * as cache from "./cache.js";
import { nowText } from "./clock.js";
import { isPlate, normalCode } from "./codes.js";
import { uuid } from "./ids.js";
import * as outbox from "./outbox.js";
import { storePath } from "./session.js";
import { forget, note, noted } from "./store.js";
import { after, told } from "./task_view.js";

/** What one may have in hand at the same time, and the states of a task in which one goes on with it. */
const PURPOSES = { work: ["claimed", "filling", "abandoned"], floor: ["on_floor"] };

const FOR_WANT_OF_TUB = new Set(["no-such-tub", "needs-tub"]);

/** @type {"work" | "floor"} */
let purpose = "work";
const noteName = () => `task.${purpose}`;

/** @type {import("@preact/signals-core").Signal<import("./task_view.js").Task | null>} */
const base = signal(null);
/** What is known of items, by normal code. @type {import("@preact/signals-core").Signal<Map<string, {sku: string, pack: number}>>} */
const wares = signal(new Map());
/** Codes of the lanes. @type {import("@preact/signals-core").Signal<Set<string>>} */
const lanes = signal(new Set());

/** @param {number} id */
const pathOf = (id) => storePath(`tasks/${id}`);

/** The tub in hand as it is by all that was done on this device; null: none. */
export const task = computed(() => {
  const known = base.value;
  if (!known) return null;
  const own = outbox.undecided.value.filter((act) => act.about.task_id === known.task_id);
  return own.reduce((seen, act) => after(seen, act.about), known);
});

/** How many acts on the tub in hand are not answered yet. */
export const unsent = computed(() => outbox.undecided.value.filter((act) => act.about.task_id === base.value?.task_id).length);

outbox.foldWith((_path, kept, act, answer) => told(kept, act.about, answer));
outbox.onAnswer((act, _answer, refusal, kept) => {
  if (act.about.task_id !== base.value?.task_id) return;
  if (kept) base.value = kept;
  // What was refused was shown as done: take the service's word for all of it.
  else if (refusal) void refresh();
});

/** Find the tub in hand; asks the service when it is within reach. @param {"work" | "floor"} wanted @returns {Promise<void>} */
export async function resume(wanted) {
  purpose = wanted;
  const id = await noted(noteName());
  if (base.value?.task_id !== id) {
    const last = id ? (await cache.lastKnown(pathOf(id)))?.value : null;
    if (last) await learnWares(last);
    base.value = last ?? null;
  }
  await refresh();
  if (task.value && !PURPOSES[purpose].includes(task.value.state)) await drop();
  if (!base.value) await findMine();
}

async function findMine() {
  try {
    const { items } = await request("GET", storePath("tasks?mine=true&live=true"));
    const held = items.find((one) => PURPOSES[purpose].includes(one.state));
    if (held) await hold(held);
  } catch (failure) {
    if (!(failure instanceof Refusal && failure.passes)) throw failure;
  }
}

/** Read the task again, unless acts wait that the service does not know of yet. */
export async function refresh() {
  const known = base.value;
  if (!known || unsent.value) return;
  try {
    const fresh = await request("GET", pathOf(known.task_id));
    if (!unsent.value && base.value?.task_id === fresh.task_id) await hold(fresh);
  } catch (failure) {
    if (!(failure instanceof Refusal)) throw failure;
    if (failure.status === 404) await drop();
  }
}

/** @param {import("./task_view.js").Task} fresh */
async function hold(fresh) {
  await Promise.all([cache.keep(pathOf(fresh.task_id), fresh), note(noteName(), fresh.task_id)]);
  // Before it is shown, so that its first scan is known.
  if (base.value?.task_id !== fresh.task_id) await learnWares(fresh);
  base.value = fresh;
}

/** Let go of the tub: it is staged, closed, given back or somebody else's. */
export async function drop() {
  await forget(noteName());
  base.value = null;
}

/**
 * Claim the next tub; needs the network, as nobody else may get the same.
 * @param {{tub?: string}} [wish]
 * @returns {Promise<boolean>} whether there was something to do
 * @throws {Refusal}
 */
export async function claim({ tub } = {}) {
  const given = await request("POST", storePath("claims"), { key: claimKey(tub), body: tub ? { tub } : {} });
  attempt = { tub: "", key: "" };
  if (!given) return false;
  await hold(given);
  return true;
}

let attempt = { tub: "", key: "" };

/** The same wish again is the same claim: its first answer may have been lost on the way. @param {string} [tub] */
function claimKey(tub = "") {
  if (!attempt.key || attempt.tub !== tub) attempt = { tub, key: uuid() };
  return attempt.key;
}

/** Give the task back before anything is in the tub. @throws {Refusal} */
export async function release() {
  const known = task.value;
  if (!known) return;
  await request("POST", `${pathOf(known.task_id)}/release`, { key: uuid(), body: { fence: known.fence } });
  await drop();
}

/** Take a staged tub onto the floor, or go on with one that was left. @param {number} id @param {string} state of its task @throws {Refusal} */
export async function takeOver(id, state) {
  const act = state === "staged" ? "delivery" : "resumption";
  await hold(await request("POST", `${pathOf(id)}/${act}`, { key: uuid() }));
}

/** What can be scanned for this task is fetched once, so that it can be told without a network. @param {import("./task_view.js").Task} of */
async function learnWares(of) {
  const skus = [...new Set(of.lines.map((line) => line.sku))].sort();
  const query = new URLSearchParams(skus.map((sku) => ["sku", sku]));
  try {
    const [items, places] = await Promise.all([
      cache.read(storePath(`items?limit=100&${query}`)),
      cache.read(storePath("locations?kind=lane&limit=200")),
    ]);
    wares.value = new Map(items.value.items.flatMap(codesOf));
    lanes.value = new Set(places.value.items.map((place) => place.location));
  } catch (failure) {
    if (!(failure instanceof Refusal)) throw failure;
  }
}

/** @param {any} item @returns {[string, {sku: string, pack: number}][]} */
function codesOf({ sku, barcodes }) {
  const codes = barcodes.map(({ code, pack_qty }) => [code, { sku, pack: pack_qty }]);
  return [[sku, { sku, pack: 1 }], [sku.padStart(14, "0"), { sku, pack: 1 }], ...codes];
}

/**
 * @param {string} scanned
 * @returns {{kind: string, code: string, sku?: string, pack?: number}} kind: item, tub, lane, or place for all else
 */
export function meaning(scanned) {
  const code = normalCode(scanned);
  const known = task.value;
  const ware = wares.value.get(code);
  if (ware) return { kind: "item", code, ...ware };
  if (known?.tub === code || isPlate(code)) return { kind: "tub", code };
  if (lanes.value.has(code)) return { kind: "lane", code };
  if (known?.lines.some((line) => line.from_location === code || line.shelf === code)) return { kind: "place", code };
  return { kind: "unknown", code };
}

/**
 * Do something with the tub in hand.
 * @param {string} act last step of the address
 * @param {Record<string, any>} body without the fence
 * @param {Record<string, any>} about `kind` and values, as task_view.js knows them
 * @param {{timed?: boolean}} [options] `timed`: the act says when it happened
 */
async function does(act, body, about, { timed = false } = {}) {
  const known = /** @type {import("./task_view.js").Task} */ (task.value);
  const path = `${pathOf(known.task_id)}/${act}`;
  const when = timed ? { occurred_at: nowText() } : {};
  await outbox.put({
    path,
    body: { fence: known.fence, ...body, ...when },
    what: `act.${about.kind}`,
    about: { ...about, task_id: known.task_id, keeps: pathOf(known.task_id), chain: pathOf(known.task_id) },
  });
}

/** @param {string} tub */
export const bindTub = (tub) => does("tub", { tub }, { kind: "tub", tub });

/** What was refused of the tub in hand because nobody knows its plate, in order. */
const refusedForTub = computed(() =>
  outbox.attention.value.filter((act) => act.about.task_id === base.value?.task_id && FOR_WANT_OF_TUB.has(act.refusal?.code ?? "")),
);

/** The plate that was scanned for the tub in hand and that the store does not know; empty: none. */
export const unknownTub = computed(() => refusedForTub.value.find((act) => act.about.kind === "tub")?.about.tub ?? "");

/** It is registered now: what was refused for want of it goes again, each in its place. */
export async function bindAgain() {
  for (const act of refusedForTub.value) await outbox.again(act);
}

/** It was a slip: another tub will be scanned. */
export async function forgetTub() {
  for (const act of refusedForTub.value) if (act.about.kind === "tub") await outbox.dismiss(act.seq);
}

/** @param {import("./task_view.js").Line} line @param {number} qty */
export const pick = ({ line_no, description }, qty) =>
  does("picks", { line_no, qty }, { kind: "pick", line_no, qty, n: qty, description }, { timed: true });

/** @param {import("./task_view.js").Line} line @param {number} qty */
export const unpick = ({ line_no, description }, qty) =>
  does("unpicks", { line_no, qty }, { kind: "unpick", line_no, qty, n: qty, description }, { timed: true });

/** @param {import("./task_view.js").Line} line @param {string} reason */
export const short = ({ line_no, description }, reason) =>
  does("shorts", { line_no, reason }, { kind: "short", line_no, reason, description }, { timed: true });

/** @param {import("./task_view.js").Line} line */
export const undoShort = ({ line_no, description }) => does("short-undos", { line_no }, { kind: "unshort", line_no, description });

/** @param {import("./task_view.js").Line} line */
export const skip = ({ line_no, description }) => does("skips", { line_no }, { kind: "skip", line_no, description });

/** @param {string} lane */
export const stage = (lane) => does("staging", { lane }, { kind: "stage", lane, tub: task.value?.tub }, { timed: true });

/** @param {import("./task_view.js").Line} line @param {{put?: number, returned?: number, damaged?: number, missing?: number}} where */
export const settle = ({ line_no, description }, where) =>
  does("puts", { lines: [{ line_no, ...where }] }, { kind: "put", line_no, description, ...where }, { timed: true });

/** All that is left in the tub went onto its shelves. */
export const settleRest = () => does("puts", { all_put: true }, { kind: "put_rest", tub: task.value?.tub }, { timed: true });
