// Answers that are kept, so that a screen shows what was last known when there is no network.

import { Refusal, request } from "./api.js";
import { now } from "./clock.js";
import { CACHE, NOTES, database } from "./store.js";

const PATIENCE_MS = 4_000;
/** Notes that name the path of a task, see tasks.js. */
const IN_HAND = IDBKeyRange.bound("task.", "task.\uffff");
const KEEP_MS = 7 * 24 * 3600 * 1000;

/**
 * @template T
 * @typedef {{value: T, at: number, fresh: boolean}} Kept  `at`: server time of the answer, ms; `fresh`: just asked
 */

/**
 * Read from the service, or what it said last when it is out of reach.
 * @param {string} path
 * @returns {Promise<Kept<any>>}
 * @throws {Refusal} it refuses; or it is out of reach and nothing is kept
 */
export async function read(path) {
  try {
    const value = await request("GET", path, { timeoutMs: PATIENCE_MS });
    await keep(path, value);
    return { value, at: now(), fresh: true };
  } catch (refusal) {
    const last = refusal instanceof Refusal && refusal.passes ? await lastKnown(path) : null;
    if (last) return last;
    throw refusal;
  }
}

/** @param {string} path @returns {Promise<Kept<any> | null>} what is kept, without asking the service */
export async function lastKnown(path) {
  const kept = await (await database).get(CACHE, path);
  return kept ? { ...kept, fresh: false } : null;
}

/**
 * Keep it for later, where there is room: who asked has the answer anyway. An older one would pass for what was said last,
 * so it goes.
 * @param {string} path
 * @param {unknown} value
 */
export async function keep(path, value) {
  const db = await database;
  await db.put(CACHE, { value, at: now() }, path).catch(() => db.delete(CACHE, path)).catch(() => undefined);
}

/** Forget everything: another person, or another store. Only a tub that somebody has in hand is left for them. */
export async function clear() {
  const tx = (await database).transaction([CACHE, NOTES], "readwrite");
  const left = new Set(await tx.objectStore(NOTES).getAll(IN_HAND));
  for await (const cursor of tx.objectStore(CACHE)) if (!left.has(cursor.key)) await cursor.delete();
  await tx.done;
}

/** Drop what is too old to be believed. */
export async function sweep() {
  const tx = (await database).transaction(CACHE, "readwrite");
  for await (const cursor of tx.store) if (now() - cursor.value.at > KEEP_MS) await cursor.delete();
  await tx.done;
}
