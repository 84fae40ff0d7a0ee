// The server's clock, as far as this device knows it: a handheld's own may be minutes off, or stand in another year.

import { signal } from "@preact/signals-core";
import { note, noted } from "./store.js";

const MAX_BELIEVED_ROUND_TRIP_MS = 4_000;
const TICK_MS = 1_000;
/** The header has whole seconds, and a busy server writes it anew but once in a second or two. */
const HEADER_LAG_MS = 2_000;
/** A correction of the clock by less does not put acts of this device into another order. */
const MAX_STEP_BACK_MS = 10_000;

/** Server time minus device time, in ms; 0 until an answer came. */
export const skewMs = signal(0);

/** Server time, once a second, for everything on a screen that counts. */
export const tick = signal(Date.now());

/**
 * Learn from an answer. The Date header has whole seconds, so half of one is added, and half of the way.
 * @param {string | null} date the header
 * @param {number} sentAt device time at sending, ms
 * @param {number} heardAt device time at the answer, ms
 */
export function learn(date, sentAt, heardAt) {
  const server = date ? Date.parse(date) : NaN;
  if (Number.isNaN(server) || heardAt - sentAt > MAX_BELIEVED_ROUND_TRIP_MS) return;
  const measured = server + 500 - (sentAt + heardAt) / 2;
  // Within what the header and the way hide, what was believed before is as good.
  const hiddenMs = HEADER_LAG_MS + (heardAt - sentAt) / 2;
  if (Math.abs(measured - skewMs.value) <= hiddenMs) return;
  skewMs.value = measured;
  remember();
}

/** A store may live in another time than its server, as a day that is replayed does. */
let shiftMs = 0;

/** @param {string} storeTime the moment of the store, as of an answer that was just heard */
export function calibrate(storeTime) {
  const shift = Date.parse(storeTime) - Date.now() - skewMs.value;
  shiftMs = Math.abs(shift) > MAX_BELIEVED_ROUND_TRIP_MS ? shift : 0;
  tick.value = now();
  remember();
}

const NOTE = "clock";
const remember = () => void note(NOTE, { skewMs: skewMs.value, shiftMs, at: now() }).catch(() => undefined);

/**
 * Go on by what an earlier run learnt, until an answer says better: without a network that may take a whole shift. A
 * clock that fell behind what it showed then, as after an empty battery, is taken to show that moment.
 */
export async function recall() {
  const known = await noted(NOTE);
  if (!known) return;
  [skewMs.value, shiftMs] = [known.skewMs, known.shiftMs];
  skewMs.value += Math.max(known.at - now(), 0);
  tick.value = now();
}

/** Store time now, in ms. */
export const now = () => Date.now() + skewMs.value + shiftMs;

let lastActMs = -Infinity;

/** Store time now, as the API takes it: later each time, so that of two counts of one place the second is the later. */
export function nowText() {
  const at = now();
  lastActMs = lastActMs - at < MAX_STEP_BACK_MS ? Math.max(at, lastActMs + 1) : at;
  return new Date(lastActMs).toISOString();
}

setInterval(() => {
  tick.value = now();
}, TICK_MS);
