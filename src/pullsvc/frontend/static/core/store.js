// What this device keeps across reloads, crashes and battery changes.

import { openDB } from "idb";

const VERSION = 1;

/** Acts that were made and not yet answered, in order. */
export const OUTBOX = "outbox";
/** Acts that the service refused for good, until somebody has looked at them. */
export const ATTENTION = "attention";
/** Answers of the service by path, for use without a network. */
export const CACHE = "cache";
/** Small things by name. */
export const NOTES = "notes";

/** The database of this device. */
export const database = openDB("pullsvc", VERSION, {
  upgrade(db) {
    db.createObjectStore(OUTBOX, { keyPath: "seq", autoIncrement: true });
    db.createObjectStore(ATTENTION, { keyPath: "seq" });
    db.createObjectStore(CACHE);
    db.createObjectStore(NOTES);
  },
});

/**
 * Write in one transaction, of which everything is handed over and the end asked for before anything is waited for: the
 * browser finishes it although the page goes away (a reload right after a scan). Were it to wait between two steps, it
 * would be undone.
 * @param {string[]} stores
 * @param {"strict" | "relaxed"} durability strict: on the disk once this resolves
 * @param {(tx: any) => Promise<any>[]} hand hands the writes over
 * @returns {Promise<any[]>} what each came to
 */
export async function inOneGo(stores, durability, hand) {
  const tx = (await database).transaction(stores, "readwrite", { durability });
  const handed = hand(tx);
  tx.commit();
  const [came] = await Promise.all([Promise.all(handed), tx.done]);
  return came;
}

/** @param {string} name @returns {Promise<any>} what was noted under the name, undefined if nothing */
export const noted = async (name) => (await database).get(NOTES, name);

/** @param {string} name @param {unknown} value */
export const note = (name, value) => inOneGo([NOTES], "relaxed", (tx) => [tx.objectStore(NOTES).put(value, name)]);

/** @param {string} name */
export const forget = (name) => inOneGo([NOTES], "relaxed", (tx) => [tx.objectStore(NOTES).delete(name)]);

// The browser may otherwise clear it when the disk runs full.
navigator.storage?.persist?.().catch(() => undefined);
