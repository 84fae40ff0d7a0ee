// What a code is in this store: asked once, then known, also without a network.

import { Refusal, online, request } from "./api.js";
import { keep, lastKnown } from "./cache.js";
import { now } from "./clock.js";
import { normalCode } from "./codes.js";
import { itemOf, thingsOf } from "./range.js";
import { storePath } from "./session.js";
import { note, noted } from "./store.js";

const PATIENCE_MS = 4_000;
const ASK_AGAIN_MS = 3600 * 1000;
const PAGE_ROWS = 200;
/** Places of a store beyond these are asked for one by one. */
const MAX_PAGES = 25;
const PLACES = "places";

/**
 * @typedef {object} Thing
 * @property {"item" | "place" | "unknown" | "unreadable" | "unreached"} is `unreached`: no network, and never seen here
 * @property {string} code as the service keeps it
 * @property {string} [sku] of an item, as are the next ones
 * @property {string} [description]
 * @property {string} [department]
 * @property {number} [pack_qty] eaches that one scan stands for
 * @property {number} [case_pack]
 * @property {string | null} [home]
 * @property {string} [kind] of a place: backroom, shelf, receiving, tub, lane
 * @property {string} [zone]
 * @property {number} [walk_seq]
 */

/** @type {Map<string, Thing>} */
const memory = new Map();
/** Ids of other stores mean other things. @param {string} code */
const inStore = (code) => storePath(code);

/** @param {Thing} thing @returns {Thing} */
function remember(thing) {
  memory.set(inStore(thing.code), thing);
  return thing;
}

/** @param {string} raw a scan @returns {Thing | undefined} what it is, if that was heard before */
export const recall = (raw) => memory.get(inStore(normalCode(raw)));

/** Learn items that came with a list. @param {Parameters<typeof thingsOf>[0]} rows */
export function learnItems(rows) {
  thingsOf(rows).forEach(remember);
}

/** Learn the items of a list that was read before, without asking for it. @param {string} path */
export async function relearnItems(path) {
  learnItems((await lastKnown(path))?.value.items ?? []);
}

/** Learn where everything is, so that a place is told from an item without a network; asked for at most once an hour. */
export async function learnPlaces() {
  const kept = await noted(PLACES);
  const mine = kept?.store === storePath("");
  if (mine) kept.places.forEach(remember);
  if (online.value && !(mine && now() - kept.at < ASK_AGAIN_MS)) void askForPlaces().catch(() => undefined);
}

async function askForPlaces() {
  const places = [];
  let cursor = "";
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const { items, next_cursor } = await request("GET", storePath(`locations?active=true&limit=${PAGE_ROWS}${cursor}`));
    places.push(...items.map(placeOf));
    if (!next_cursor) break;
    cursor = `&cursor=${encodeURIComponent(next_cursor)}`;
  }
  places.forEach(remember);
  await note(PLACES, { store: storePath(""), at: now(), places });
}

/** @param {{location: string, kind: string, zone: string, walk_seq: number}} row @returns {Thing} */
const placeOf = ({ location, kind, zone, walk_seq }) => ({ is: "place", code: location, kind, zone, walk_seq });

/** @param {string} code @param {any} said a Lookup @returns {Thing} */
function thingOf(code, { item, location }) {
  if (item) return { is: "item", code, ...item };
  return location ? { ...placeOf(location), code } : { is: "unknown", code };
}

/**
 * Find out what a scan is: from memory, from what is kept, from the service.
 * @param {string} raw
 * @returns {Promise<Thing>}
 * @throws {Refusal} the service does not want to say, for another reason than the code
 */
export async function identify(raw) {
  const known = recall(raw);
  if (known) return known;
  const code = normalCode(raw);
  const path = storePath(`lookup?code=${encodeURIComponent(code)}`);
  const kept = await lastKnown(path);
  if (kept) {
    if (online.value && now() - kept.at > ASK_AGAIN_MS) void ask(path, code).catch(() => undefined);
    return remember(thingOf(code, kept.value));
  }
  const item = await itemOf(code);
  if (item) {
    if (online.value) void ask(path, code).catch(() => undefined);
    return remember(item);
  }
  return online.value ? ask(path, code) : { is: "unreached", code };
}

/** @param {string} path @param {string} code @returns {Promise<Thing>} */
async function ask(path, code) {
  try {
    const said = await request("GET", path, { timeoutMs: PATIENCE_MS });
    const thing = thingOf(code, said);
    if (thing.is === "unknown") return thing; // It may be taken into the range at any time.
    await keep(path, said);
    return remember(thing);
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    if (refusal.status === 404) return { is: "unknown", code };
    if (refusal.status === 422) return { is: "unreadable", code };
    if (refusal.passes) return { is: "unreached", code };
    throw refusal;
  }
}
