// The server's clock, as far as this device knows it: a handheld's own may be minutes off, or stand in another year.

import { signal } from "@preact/signals-core";

const MAX_BELIEVED_ROUND_TRIP_MS = 4_000;
const TICK_MS = 1_000;

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
  // Within the second that the header hides, what was believed before is as good.
  if (Math.abs(measured - skewMs.value) > 750) skewMs.value = measured;
}

/** A store may live in another time than its server, as a day that is replayed does. */
let shiftMs = 0;

/** @param {string} storeTime the moment of the store, as of an answer that was just heard */
export function calibrate(storeTime) {
  const shift = Date.parse(storeTime) - Date.now() - skewMs.value;
  shiftMs = Math.abs(shift) > MAX_BELIEVED_ROUND_TRIP_MS ? shift : 0;
  tick.value = now();
}

/** Store time now, in ms. */
export const now = () => Date.now() + skewMs.value + shiftMs;

/** Store time now, as the API takes it. */
export const nowText = () => new Date(now()).toISOString();

setInterval(() => {
  tick.value = now();
}, TICK_MS);
