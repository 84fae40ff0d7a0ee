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

/** @param {string} name @returns {Promise<any>} what was noted under the name, undefined if nothing */
export const noted = async (name) => (await database).get(NOTES, name);

/** @param {string} name @param {unknown} value */
export const note = async (name, value) => (await database).put(NOTES, value, name);

/** @param {string} name */
export const forget = async (name) => (await database).delete(NOTES, name);

// The browser may otherwise clear it when the disk runs full.
navigator.storage?.persist?.().catch(() => undefined);
