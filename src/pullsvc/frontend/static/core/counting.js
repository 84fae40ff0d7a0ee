// A count in hand: what was scanned at one place, and what came of it. Pure; the screen shows it.

/** Off by so much, and by such a part of what there should be: somebody may have miscounted. */
const FAR_OFF_QTY = 4;
const FAR_OFF_PART = 0.25;

/**
 * @typedef {object} Line
 * @property {string} code sku, or what was scanned where nobody could say whose it is
 * @property {string} [sku]
 * @property {string} [description]
 * @property {string} [department]
 * @property {number} case_pack
 * @property {number | null} qty eaches; null: asked for, and not looked at yet
 * @property {string} at when it was last changed, store time
 */

/** @param {{sku?: string, code: string, description?: string, department?: string, case_pack?: number}} item @returns {Line} */
export const lineOf = ({ sku, code, description, department, case_pack = 1 }) => ({ code: sku ?? code, sku, description, department, case_pack, qty: null, at: "" });

/**
 * Add units of an item; its line comes first, as the one in hand.
 * @param {Line[]} lines
 * @param {Parameters<typeof lineOf>[0]} item
 * @param {number} qty
 * @param {string} at
 * @returns {Line[]}
 */
export function counted(lines, item, qty, at) {
  const fresh = lineOf(item);
  const line = lines.find((one) => one.code === fresh.code) ?? fresh;
  return [{ ...line, qty: Math.max(0, (line.qty ?? 0) + qty), at }, ...lines.filter((one) => one !== line)];
}

/** Set what is in hand. @param {Line[]} lines @param {number} qty @param {string} at @returns {Line[]} */
export const amended = ([first, ...rest], qty, at) => [{ ...first, qty, at }, ...rest];

/** Take another line in hand. @param {Line[]} lines @param {string} code @returns {Line[]} */
export const inHand = (lines, code) => [...lines.filter((one) => one.code === code), ...lines.filter((one) => one.code !== code)];

/** @param {Line[]} lines @returns {Line[]} */
export const unseen = (lines) => lines.filter((line) => line.qty === null);

/**
 * Put what there is to count into the order of the walk.
 * @template {{walk_seq: number, location: string, sku: string}} T
 * @param {T[]} requested
 * @returns {{location: string, rows: T[]}[]}
 */
export function alongTheWalk(requested) {
  const sorted = [...requested].sort((a, b) => a.walk_seq - b.walk_seq || a.location.localeCompare(b.location) || a.sku.localeCompare(b.sku));
  const stops = new Map();
  for (const row of sorted) stops.set(row.location, [...(stops.get(row.location) ?? []), row]);
  return [...stops].map(([location, rows]) => ({ location, rows }));
}

/** Whether a person should count again. @param {{counted_qty: number, book_qty: number}} count @returns {boolean} */
export function isFarOff({ counted_qty, book_qty }) {
  const off = Math.abs(counted_qty - book_qty);
  return off >= FAR_OFF_QTY && off >= FAR_OFF_PART * Math.max(counted_qty, book_qty);
}
