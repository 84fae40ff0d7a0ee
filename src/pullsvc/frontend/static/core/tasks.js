// The tub in hand: the task as the service last told it, with what waits to be sent laid over it. It is found again after
// a reload, a crash or another battery, with or without a network.

import { computed, signal } from "@preact/signals-core";
import { Refusal, request } from "./api.js";
import * as cache from "./cache.js";
import { nowText } from "./clock.js";
import { isPlate, normalCode } from "./codes.js";
import { bad } from "./feedback.js";
import { uuid } from "./ids.js";
import * as outbox from "./outbox.js";
import { owner, person, storePath } from "./session.js";
import { forget, note, noted } from "./store.js";
import { after, told } from "./task_view.js";

/** What one may have in hand at the same time, and the states of a task in which one goes on with it. */
const PURPOSES = { work: ["claimed", "filling", "abandoned"], floor: ["on_floor"] };

const FOR_WANT_OF_TUB = new Set(["no-such-tub", "needs-tub"]);

/**
 * Whose hand, and what for. Each has its own tub: an answer that comes late, when another screen is open or somebody else
 * is signed in, still goes to the hand that asked for it.
 * @typedef {{purpose: "work" | "floor", note: string, store: string}} Hand `note`: where the path of its task is noted
 */

/** What is known of items, by normal code. @typedef {Map<string, {sku: string, pack: number}>} Wares */

/** @typedef {{at: Hand, path: string, task: import("./task_view.js").Task, wares: Wares}} Held `task`: as the service last told it */

/** @type {import("@preact/signals-core").Signal<"work" | "floor">} */
const purpose = signal("work");
/** The hand of who is signed in, for the screen that is open. @type {import("@preact/signals-core").ReadonlySignal<Hand>} */
const hand = computed(() => ({ purpose: purpose.value, note: `task.${purpose.value}.${owner()}`, store: storePath("") }));
/** By the note of the hand. @type {import("@preact/signals-core").Signal<Map<string, Held>>} */
const hands = signal(new Map());
const inHand = computed(() => hands.value.get(hand.value.note) ?? null);
/** Codes of the lanes. @type {import("@preact/signals-core").Signal<Set<string>>} */
const lanes = signal(new Set());
/** How often something was heard of an act: what was asked for before may be older than that. */
let heard = 0;

/** @param {number} id @param {string} [store] */
const pathOf = (id, store = storePath("")) => `${store}tasks/${id}`;

/** Acts on the task that are not answered yet. @param {Held | null | undefined} held */
const unansweredOf = (held) => outbox.undecided.value.filter((act) => act.about.keeps === held?.path);

/** The task as it is by all that was done on this device. @param {Held | null | undefined} held */
const shown = (held) => (held ? unansweredOf(held).reduce((seen, act) => after(seen, act.about), held.task) : null);

/** The tub in hand; null: none. */
export const task = computed(() => shown(inHand.value));

/** Whether the tub in hand still is: else somebody else goes on with it, and no act of this device may reach it. */
export const isMine = computed(() => inHand.value?.task.claimed_by === person.value?.principal_id);

outbox.onAnswer((act, answer, refusal, kept) => {
  heard += 1;
  for (const held of hands.value.values()) {
    if (held.path !== act.about.keeps) continue;
    // What was refused was shown as done: take the service's word for all of it.
    if (refusal) void refresh(held.at);
    else show({ ...held, task: kept ?? told(held.task, act.about, answer) });
  }
});
// What another tab was answered is kept by it, and no longer waits here.
outbox.keepUpWith(
  () => [...hands.value.values()].map(({ path }) => path),
  (path, kept) => {
    heard += 1;
    for (const held of hands.value.values()) if (held.path === path) show({ ...held, task: kept });
  },
);

/** @param {Held} held */
function show(held) {
  hands.value = new Map(hands.value).set(held.at.note, held);
}

/** Find the tub in hand; asks the service when it is within reach. @param {"work" | "floor"} wanted @returns {Promise<void>} */
export async function resume(wanted) {
  purpose.value = wanted;
  const at = hand.value;
  await recall(at);
  await refresh(at);
  const left = shown(hands.value.get(at.note));
  if (left && !PURPOSES[wanted].includes(left.state)) await letGo(at);
  if (!hands.value.has(at.note)) await findMine(at);
}

/** @param {Hand} at */
async function recall(at) {
  if (hands.value.has(at.note)) return;
  const path = await noted(at.note);
  const last = path ? (await cache.lastKnown(path))?.value : null;
  if (last) show({ at, path, task: last, wares: await waresOf(last) });
}

/** @param {Hand} at @returns {Promise<void>} */
async function findMine(at) {
  const before = heard;
  try {
    const { items } = await request("GET", `${at.store}tasks?mine=true&live=true`);
    if (heard !== before) return await findMine(at);
    const mine = items.find((one) => PURPOSES[at.purpose].includes(one.state));
    if (mine) await hold(mine, at);
  } catch (failure) {
    if (!(failure instanceof Refusal && failure.passes)) throw failure;
  }
}

/** Read the task again, unless acts wait that the service does not know of yet. @param {Hand} at @returns {Promise<void>} */
async function refresh(at) {
  const held = hands.value.get(at.note);
  if (!held || unansweredOf(held).length) return;
  const before = heard;
  try {
    const fresh = await request("GET", held.path);
    if (hands.value.get(at.note)?.path !== held.path || unansweredOf(held).length) return;
    if (heard !== before) return await refresh(at);
    await hold(fresh, at);
  } catch (failure) {
    if (!(failure instanceof Refusal)) throw failure;
    if (failure.status === 404) await letGo(at);
  }
}

/** @param {import("./task_view.js").Task} fresh @param {Hand} at */
async function hold(fresh, at) {
  const path = pathOf(fresh.task_id, at.store);
  // Where there is no room for the note, the service still knows whose the tub is.
  await Promise.all([cache.keep(path, fresh), note(at.note, path).catch(() => undefined)]);
  const before = hands.value.get(at.note);
  const isKnown = before?.path === path && before.wares.size > 0;
  // Before it is shown, so that its first scan is known.
  const wares = isKnown ? before.wares : await waresOf(fresh);
  show({ at, path, task: fresh, wares });
}

/** Let go of the tub: it is staged, closed, given back or somebody else's. */
export const drop = () => letGo(hand.value);

/** @param {Hand} at */
async function letGo(at) {
  await forget(at.note);
  const left = new Map(hands.value);
  left.delete(at.note);
  hands.value = left;
}

/**
 * Claim the next tub; needs the network, as nobody else may get the same.
 * @param {{tub?: string}} [wish]
 * @returns {Promise<boolean>} whether there was something to do
 * @throws {Refusal}
 */
export async function claim({ tub } = {}) {
  const at = hand.value;
  const given = await request("POST", storePath("claims"), { key: claimKey(at, tub), body: tub ? { tub } : {} });
  attempt = { wish: "", key: "" };
  if (!given) return false;
  await hold(given, at);
  return true;
}

let attempt = { wish: "", key: "" };

/** The same wish again is the same claim: its first answer may have been lost on the way. @param {Hand} at @param {string} [tub] */
function claimKey(at, tub = "") {
  const wish = `${at.note} ${tub}`;
  if (!attempt.key || attempt.wish !== wish) attempt = { wish, key: uuid() };
  return attempt.key;
}

/** Give the task back before anything is in the tub. @throws {Refusal} */
export async function release() {
  const [at, known] = [hand.value, task.value];
  if (!known || !isMine.value) return;
  await request("POST", `${pathOf(known.task_id)}/release`, { key: uuid(), body: { fence: known.fence } });
  await letGo(at);
}

/** Take a staged tub onto the floor, or go on with one that was left. @param {number} id @param {string} state of its task @throws {Refusal} */
export async function takeOver(id, state) {
  const at = hand.value;
  const act = state === "staged" ? "delivery" : "resumption";
  await hold(await request("POST", `${pathOf(id)}/${act}`, { key: uuid() }), at);
}

/** What can be scanned for this task is fetched once, so that it can be told without a network. @param {import("./task_view.js").Task} of @returns {Promise<Wares>} */
async function waresOf(of) {
  const skus = [...new Set(of.lines.map((line) => line.sku))].sort();
  const query = new URLSearchParams(skus.map((sku) => ["sku", sku]));
  try {
    const [items, places] = await Promise.all([
      cache.read(storePath(`items?limit=100&${query}`)),
      cache.read(storePath("locations?kind=lane&limit=200")),
    ]);
    lanes.value = new Set(places.value.items.map((place) => place.location));
    return new Map(items.value.items.flatMap(codesOf));
  } catch (failure) {
    if (!(failure instanceof Refusal)) throw failure;
    return new Map();
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
  const ware = inHand.value?.wares.get(code);
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
  const known = task.value;
  if (!known || !isMine.value) return bad();
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
  outbox.attention.value.filter((act) => act.about.keeps === inHand.value?.path && FOR_WANT_OF_TUB.has(act.refusal?.code ?? "")),
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
