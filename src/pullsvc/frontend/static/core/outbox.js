// What was done on this device and is on its way to the service: kept before it is sent, sent in order, sent again
// until there is an answer, done once. Each act has its own Idempotency-Key, so a repeat is harmless.

import { batch, computed, signal } from "@preact/signals-core";
import { Refusal, online, request } from "./api.js";
import { now, nowText } from "./clock.js";
import { bad } from "./feedback.js";
import { uuid } from "./ids.js";
import { ATTENTION, CACHE, NOTES, OUTBOX, database, inOneGo } from "./store.js";

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
/** A mistake of the service is tried this often; then a person has to look, and the rest goes on. */
const MAX_TRIES_AT_A_BUG = 6;
/** After this long no session that made an act lives any more: it is kept for whoever did it, and waits for nothing else. */
const KEPT_AFTER_MS = 12 * 3600 * 1000;
const MAX_OUTCOMES = 50;
/** Code of the Refusal of an act that is not done, as it could not be kept. */
export const NOT_KEPT = "not-kept";

/**
 * @typedef {object} Act
 * @property {number} seq place in the order of this device
 * @property {string} key Idempotency-Key
 * @property {string} path
 * @property {any} body
 * @property {string} what text key that names the act to a person
 * @property {Record<string, any>} about values for that text, and for screens; `chain`: acts of one chain are done in order
 * @property {number} person who did it; only they can send it
 * @property {string} [name] what others call them
 * @property {string} madeAt server time, as far as known
 * @property {number} tries
 * @property {{code: string, title: string, detail: string}} [refusal] why it needs attention
 * @property {boolean} [holds] the service never said what became of it: later acts of its chain wait until somebody has seen to it
 */

/** Acts that are kept. @type {import("@preact/signals-core").Signal<Act[]>} */
const kept = signal([]);
/** Acts that are being written, for a few ms: a screen shows them at once. @type {import("@preact/signals-core").Signal<Act[]>} */
const drafts = signal([]);
/** Acts waiting to be answered, in order. */
export const waiting = computed(() => [...kept.value, ...drafts.value]);
/** Acts whose end nobody knows yet: those that wait, and those that hold up others. */
export const undecided = computed(() => [...attention.value.filter((act) => act.holds), ...waiting.value].sort((a, b) => placeOf(a) - placeOf(b)));
const placeOf = ({ seq }) => seq || Infinity;
/** Acts refused for good. @type {import("@preact/signals-core").Signal<Act[]>} */
export const attention = signal([]);
/** What became of the latest acts of this page, by `seq`. @type {import("@preact/signals-core").Signal<Map<number, {answer: any, refusal: Refusal | null}>>} */
export const outcomes = signal(new Map());
/** Whether the latest act could not be kept: this device has no room left, so it was not done. */
export const full = signal(false);
/** Whether an act is on its way right now. */
export const sending = signal(false);

/** @typedef {(act: Act, answer: any, refusal: Refusal | null, kept: any) => void} Listener `kept`: see foldWith */
const listeners = new Set();
/** @type {((path: string, kept: any, act: Act, answer: any) => any) | null} */
let fold = null;
/** @type {{paths: () => string[], take: (path: string, kept: any) => void} | null} */
let shown = null;
/** How often `kept` was changed here: what is read meanwhile may be older. */
let changes = 0;
let person = 0;
let name = "";
let device = "0";
let pauseMs = FIRST_PAUSE_MS;
let timer = 0;
const news = "BroadcastChannel" in globalThis ? new BroadcastChannel("outbox") : null;

/** @param {Listener} listener @returns {() => void} stop listening */
export function onAnswer(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/**
 * Say how an answer changes what is kept under the path in `about.keeps`; written together with the end of the act, so
 * that after a crash the act is either waiting or in what is kept, never both.
 * @param {(path: string, kept: any, act: Act, answer: any) => any} how
 */
export function foldWith(how) {
  fold = how;
}

/**
 * Another tab sends too: name the paths that are shown, and hear what is kept under them as soon as the acts that led there
 * no longer wait, so that nothing looks undone in between.
 * @param {() => string[]} paths
 * @param {(path: string, kept: any) => void} take
 */
export function keepUpWith(paths, take) {
  shown = { paths, take };
}

/** Read what an earlier run left. */
export async function open() {
  await mirror();
  if (news) news.onmessage = () => void mirror();
  online.subscribe((within) => within && void flush());
}

/** Send for this person from now on; acts of others wait for them. @param {number} who @param {number | string} where @param {string} [called] */
export function actFor(who, where, called = "") {
  person = who;
  name = called;
  device = String(where);
  pauseMs = FIRST_PAUSE_MS;
  void flush();
}

/** Whether an act waits for what is to become of an earlier one. @param {Act} act */
export const isHeld = (act) => attention.value.some((one) => one.holds && one.about.chain === act.about.chain);

/** Whether an act has waited so long that whoever did it has gone home. @param {Act} act */
export const isKept = (act) => now() - Date.parse(act.madeAt) > KEPT_AFTER_MS;

/** Whether a newer version of the app may take over: nothing waits that is about to be sent. */
export const mayRenew = () => waiting.value.every(isKept);

/**
 * Keep an act and send it when it is its turn. Notes are written with it: after a crash both are there, or neither.
 * @param {{path: string, body?: any, what: string, about?: Record<string, any>, notes?: Record<string, unknown>}} act
 * @returns {Promise<Act>} once it is kept; its answer comes to the listeners
 * @throws {Refusal} there is no room left; who asked may leave that to the badge beside the title, which says so
 */
export async function put({ path, body, what, about = {}, notes = {} }) {
  const draft = { path, body, what, about, person, name, madeAt: nowText(), tries: 0, key: "", seq: 0 };
  drafts.value = [...drafts.value, draft];
  try {
    const act = await write(draft, notes);
    changes += 1;
    batch(() => {
      full.value = false;
      kept.value = [...kept.value.filter((one) => one.seq !== act.seq), act];
      drafts.value = drafts.value.filter((one) => one !== draft);
    });
    news?.postMessage("changed");
    void flush();
    return act;
  } catch (failure) {
    batch(() => {
      full.value = true;
      drafts.value = drafts.value.filter((one) => one !== draft);
    });
    bad();
    throw new Refusal({ status: 0, code: NOT_KEPT, detail: String(failure) });
  }
}

/** @param {Act} draft @param {Record<string, unknown>} notes @returns {Promise<Act>} with its place and its key */
async function write({ seq: _none, ...draft }, notes) {
  const act = { ...draft, key: `h${device}-${uuid()}` };
  const noted = Object.entries(notes);
  const [seq] = await inOneGo([OUTBOX, NOTES], "strict", (tx) => [
    tx.objectStore(OUTBOX).add(act),
    ...noted.map(([name, value]) => tx.objectStore(NOTES).put(value, name)),
  ]);
  return { ...act, seq: Number(seq) };
}

/** Send what waits, if nobody is at it already. */
export async function flush() {
  clearTimeout(timer);
  if (sending.value || !waiting.value.some(mine)) return;
  sending.value = true;
  try {
    await alone(drain);
  } finally {
    sending.value = false;
  }
}

/** @param {Act} act */
const mine = (act) => act.person === person;

/** One tab at a time, where the browser can tell tabs apart. @param {() => Promise<void>} work */
function alone(work) {
  return navigator.locks ? navigator.locks.request("outbox", work) : work();
}

async function drain() {
  for (let act = await next(); act; act = await next()) {
    try {
      const answer = await request("POST", act.path, { body: act.body, key: act.key });
      pauseMs = FIRST_PAUSE_MS;
      await settle(act, answer);
    } catch (failure) {
      if (!(failure instanceof Refusal)) {
        pause(0); // No room to write down what became of it: it goes again, under the same key.
        throw failure;
      }
      if (failure.wantsSignIn) return; // They sign in again, and the outbox is opened for them.
      if (failure.passes && !(await isHopeless(act, failure))) return pause(failure.retryAfterS);
      await refuse(act, failure);
    }
  }
}

/** The oldest act that may go: not of a chain that an earlier act holds up. @returns {Promise<Act | undefined>} */
async function next() {
  const db = await database;
  const [acts, refused] = await Promise.all([db.getAll(OUTBOX), db.getAll(ATTENTION)]);
  const held = new Set(refused.filter((act) => act.holds).map((act) => act.about.chain));
  return acts.find((act) => mine(act) && !held.has(act.about.chain));
}

/** @param {Act} act @param {Refusal} failure */
async function isHopeless(act, failure) {
  if (failure.status !== 500) return false;
  act.tries += 1;
  await (await database).put(OUTBOX, act);
  return act.tries >= MAX_TRIES_AT_A_BUG;
}

/** @param {number} leastS */
function pause(leastS) {
  const ms = Math.max(pauseMs * (0.75 + Math.random() / 2), leastS * 1000);
  pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  timer = setTimeout(() => void flush(), ms);
}

/** @param {Act} act @param {any} answer */
async function settle(act, answer) {
  const tx = (await database).transaction([OUTBOX, CACHE], "readwrite", { durability: "strict" });
  await tx.objectStore(OUTBOX).delete(act.seq);
  const { keeps } = act.about;
  let folded;
  if (keeps && fold) {
    const cache = tx.objectStore(CACHE);
    folded = fold(keeps, (await cache.get(keeps))?.value, act, answer);
    if (folded) await cache.put({ value: folded, at: Date.parse(act.madeAt) }, keeps);
  }
  await tx.done;
  tell(act, answer, null, folded);
}

/** @param {Act} act @param {Refusal} refusal */
async function refuse(act, refusal) {
  const tx = (await database).transaction([OUTBOX, ATTENTION], "readwrite", { durability: "strict" });
  const { code, title, detail } = refusal;
  // What the service said no to is over, and it will judge later acts itself. After a mistake of its own it cannot.
  const refused = { ...act, refusal: { code, title, detail }, holds: refusal.passes && Boolean(act.about.chain) };
  await tx.objectStore(OUTBOX).delete(act.seq);
  await tx.objectStore(ATTENTION).put(refused);
  await tx.done;
  batch(() => {
    attention.value = [...attention.value, refused];
    tell(act, null, refusal, undefined);
  });
}

/** @type {Listener} */
function tell(act, answer, refusal, folded) {
  changes += 1;
  batch(() => {
    kept.value = kept.value.filter((one) => one.seq !== act.seq);
    outcomes.value = new Map([...outcomes.value, [act.seq, { answer, refusal }]].slice(-MAX_OUTCOMES));
    listeners.forEach((listener) => listener(act, answer, refusal, folded));
  });
  news?.postMessage("changed");
}

/** Take a refused act off the list: somebody has seen to it. What it held up goes on without it. @param {number} seq */
export async function dismiss(seq) {
  await (await database).delete(ATTENTION, seq);
  await changed();
}

/** Try a refused act once more, in its place and under its key: what stood in its way may be gone. @param {Act} act */
export async function again({ refusal: _refusal, holds: _holds, ...act }) {
  const tx = (await database).transaction([OUTBOX, ATTENTION], "readwrite", { durability: "strict" });
  await tx.objectStore(ATTENTION).delete(act.seq);
  await tx.objectStore(OUTBOX).put({ ...act, tries: 0 });
  await tx.done;
  await changed();
}

/** Give up what waits, once somebody has it in writing. @param {Act[]} acts */
export function giveUp(acts) {
  return alone(async () => {
    const tx = (await database).transaction(OUTBOX, "readwrite", { durability: "strict" });
    for (const { seq } of acts) await tx.store.delete(seq);
    await tx.done;
    await changed();
  });
}

async function changed() {
  await mirror();
  news?.postMessage("changed");
  pauseMs = FIRST_PAUSE_MS;
  void flush();
}

addEventListener("unhandledrejection", (event) => {
  if (event.reason instanceof Refusal && event.reason.code === NOT_KEPT) event.preventDefault();
});

/** @returns {Promise<void>} */
async function mirror() {
  const before = changes;
  const tx = (await database).transaction([OUTBOX, ATTENTION, CACHE]);
  const paths = shown?.paths() ?? [];
  const [acts, refused, ...told] = await Promise.all([
    tx.objectStore(OUTBOX).getAll(),
    tx.objectStore(ATTENTION).getAll(),
    ...paths.map((path) => tx.objectStore(CACHE).get(path)),
  ]);
  if (changes !== before) return mirror();
  batch(() => {
    [kept.value, attention.value] = [acts, refused];
    paths.forEach((path, n) => told[n] && shown?.take(path, told[n].value));
  });
  return undefined;
}
