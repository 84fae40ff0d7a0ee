// What putting backstock away books: units from where they stood into a bin, and back if it was a mistake.

import { changed } from "../../core/cart.js";
import { nowText } from "../../core/clock.js";
import { bad, good, look } from "../../core/feedback.js";
import { t } from "../../core/i18n.js";
import { uuid } from "../../core/ids.js";
import * as outbox from "../../core/outbox.js";
import { storePath } from "../../core/session.js";
import { noted, undone } from "../../ui/done_list.js";

/**
 * @typedef {object} Stowing
 * @property {import("../../core/cart.js").Load[]} cart the first is in hand
 * @property {boolean} walking from bin to bin, not loading any more
 * @property {number | null} putting how many of what is in hand go into the next bin; null: all
 * @property {string} sure code of what was scanned in hand on the walk, so that any bin will do
 * @property {string} from where things are taken from now; empty: wherever they wait
 * @property {import("../../ui/done_list.js").Done[]} done
 */
/** @type {Stowing} */
export const NOTHING = { cart: [], walking: false, putting: null, sure: "", from: "", done: [] };

/** @param {Stowing} stowing @returns {number} how many go into the next bin */
export const putting = ({ cart, putting: wanted }) => Math.min(wanted ?? Infinity, cart[0]?.qty ?? 0);

/**
 * Whether the bin looks like the one before, scanned once more, and not like the goal of what is in hand.
 * @param {Stowing} stowing
 * @param {string} bin
 */
export const isRepeated = ({ cart: [held], done: [last], sure }, bin) => last?.to === bin && !last.undone && held.bins[0]?.location !== bin && sure !== held.code;

/** @typedef {{value: Stowing, changeWith: (changes: Partial<Stowing>, put: (notes: Record<string, unknown>) => Promise<any>) => Promise<any>}} Work */

/** Put what is in hand into the bin. @param {Work} work @param {string} bin */
export async function putInto(work, bin) {
  const { cart, done, walking } = work.value;
  const [held] = cart;
  const qty = putting(work.value);
  const left = held.qty - qty;
  const after = changed(cart, held.code, { qty: left, bins: held.bins.filter((one) => one.location !== bin) });
  const one = { id: uuid(), code: held.code, name: held.description ?? held.code, qty, from: held.from, to: bin, undone: false };
  if (left) look(t("stow.left", { n: left }));
  else good(bin);
  const changes = { cart: after, putting: null, sure: "", walking: walking && after.length > 0, done: noted(done, one) };
  await work.changeWith(changes, (notes) => outbox.put({ ...moveOf(one, held.from, bin), what: "act.move", notes }));
}

/** Carry it back: booked as a move the other way. @param {Work} work @param {import("../../ui/done_list.js").Done} one */
export async function undo(work, one) {
  good(t("undo"));
  await work.changeWith({ done: undone(work.value.done, one.id) }, (notes) =>
    outbox.put({ ...moveOf(one, one.to, one.from, uuid()), what: "act.move", notes }),
  );
}

/** @param {Work} work */
export function undoLast(work) {
  const last = work.value.done.find((one) => !one.undone);
  return last ? undo(work, last) : bad();
}

/** @param {import("../../ui/done_list.js").Done} one @param {string} src @param {string} dst @param {string} [id] of the way back */
const moveOf = (one, src, dst, id = one.id) => ({
  path: storePath("moves"),
  body: { code: one.code, qty: one.qty, from_location: src, to_location: dst, occurred_at: nowText() },
  about: { n: one.qty, name: one.name, to: dst, id, chain: one.id },
});
