// The range of the store with all its barcodes, kept on the device, so that the first scan of an item means something
// without a network too. A copy of what the service knows, in a database of its own: unlike the outbox it may be lost.

import { openDB } from "idb";
import { Refusal, request } from "./api.js";
import { now } from "./clock.js";
import { normalCode } from "./codes.js";
import { storePath } from "./session.js";
import { forget, note, noted } from "./store.js";

const ITEMS = "items";
const PAGE_ROWS = 100;
/** Items beyond these are known once they were scanned with a network. */
const MAX_PAGES = 1_000;
const AGAIN_MS = 7 * 24 * 3600 * 1000;
/** On a network as slow as that the range waits for a better one: acts go first. */
const SLOW_PAGE_MS = 3_000;
/** Longer than any page takes: one that is given up counts as a network that is gone. */
const TIMEOUT_MS = 60_000;

/** @typedef {{store: string, cursor: string | null, pages: number, at: number}} Progress  `cursor`: what comes next; `at`: when all of it was here, 0: never */

const range = openDB("pullsvc-range", 1, { upgrade: (db) => void db.createObjectStore(ITEMS) });

/** @param {string} code normal @returns {Promise<import("./known.js").Thing | undefined>} the item that has the code; undefined too where the copy cannot be read */
export const itemOf = (code) => range.then((db) => db.get(ITEMS, storePath(code))).catch(() => undefined);

/** @type {Promise<void> | null} */
let learning = null;

/** Learn the range, where it is not known or a week old; goes on where an earlier try ended. */
export function learnRange() {
  learning ??= learn().catch(beginAnew).catch(() => undefined).finally(() => {
    learning = null;
  });
  return learning;
}

/** A cursor that the service does not read, as of another version, would be refused for ever. @param {unknown} failure */
const beginAnew = (failure) => (failure instanceof Refusal && failure.code === "bad-cursor" ? forget("range").then(learn) : undefined);

async function learn() {
  const store = storePath("");
  let progress = await begun(store);
  if (progress.at && now() - progress.at < AGAIN_MS) return;
  for (let isSlow = false; !isSlow && store === storePath(""); ) {
    const from = performance.now();
    const next = progress.cursor ? `&cursor=${encodeURIComponent(progress.cursor)}` : "";
    const { items, next_cursor } = await request("GET", `${store}items?active=true&limit=${PAGE_ROWS}${next}`, { timeoutMs: TIMEOUT_MS });
    isSlow = performance.now() - from > SLOW_PAGE_MS;
    await keep(store, items);
    const isLast = !next_cursor || progress.pages + 1 >= MAX_PAGES;
    progress = isLast ? { store, cursor: null, pages: 0, at: now() } : { store, cursor: next_cursor, pages: progress.pages + 1, at: 0 };
    await note("range", progress);
    if (isLast) return;
  }
}

/** @param {string} store @returns {Promise<Progress>} how far it came; a device that came from another store begins anew */
async function begun(store) {
  const before = await noted("range");
  if (before?.store === store) return before;
  await (await range).clear(ITEMS);
  return { store, cursor: null, pages: 0, at: 0 };
}

/** @param {string} store @param {{sku: string, description: string, department: string, case_pack: number, barcodes: {code: string, pack_qty: number}[]}[]} rows */
async function keep(store, rows) {
  const tx = (await range).transaction(ITEMS, "readwrite");
  for (const thing of thingsOf(rows)) void tx.store.put(thing, store + thing.code);
  await tx.done;
}

/** @param {Parameters<typeof keep>[1]} rows items of a list @returns {import("./known.js").Thing[]} one for each code that they go by; a barcode leads over a sku */
export function thingsOf(rows) {
  const [skus, barcodes] = [/** @type {import("./known.js").Thing[]} */ ([]), /** @type {import("./known.js").Thing[]} */ ([])];
  for (const { sku, description, department, case_pack, barcodes: codes } of rows) {
    const item = { is: /** @type {const} */ ("item"), sku, description, department, case_pack };
    skus.push({ ...item, code: normalCode(sku), pack_qty: 1 });
    for (const { code, pack_qty } of codes) barcodes.push({ ...item, code, pack_qty });
  }
  return [...skus, ...barcodes];
}
