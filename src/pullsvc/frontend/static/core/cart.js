// What somebody carries to the backroom: items with where they come from and where they go. Pure; the screen shows it.

/**
 * @typedef {object} Bin
 * @property {string} location
 * @property {string} zone
 * @property {number} walk_seq
 * @property {number} qty of the item there, by the book
 */

/**
 * @typedef {object} Load
 * @property {string} code sku, or what was scanned where nobody could say whose it is
 * @property {string} [sku]
 * @property {string} [description]
 * @property {string} [department]
 * @property {number} case_pack
 * @property {string | null} [home]
 * @property {number} qty on the cart
 * @property {string} from where it was taken from
 * @property {{location: string, qty: number}[]} standing where it waits, by the book
 * @property {Bin[]} bins where it goes, best first
 */

/** Where goods arrive: what nobody knows the origin of came from there. */
export const RECEIVING = "RECEIVING";

/**
 * @param {import("./known.js").Thing} item
 * @param {string} from where the hands take things from now; empty: wherever it waits
 * @returns {Load} none of it yet
 */
export const loadOf = ({ sku, code, description, department, case_pack = 1, home }, from) => ({ code: sku ?? code, sku, description, department, case_pack, home, qty: 0, from: from || RECEIVING, standing: [], bins: [] });

/** Add units; the item comes first, as the one in hand. @param {Load[]} cart @param {Load} load @param {number} qty @returns {Load[]} */
export function loaded(cart, load, qty) {
  const held = cart.find((one) => one.code === load.code) ?? load;
  return [{ ...held, qty: held.qty + qty }, ...cart.filter((one) => one !== held)];
}

/**
 * Say where the item waits and where it goes.
 * @param {Load[]} cart
 * @param {string} code
 * @param {{standing: Load["standing"], bins: Bin[], home?: string | null}} advice
 * @param {string} from where the hands take things from now; empty: wherever most of it waits
 * @returns {Load[]}
 */
export const advised = (cart, code, { standing, bins, home }, from) =>
  cart.map((one) => (one.code === code ? { ...one, standing, bins, home: home ?? one.home, from: from || standing[0]?.location || one.from } : one));

/** @param {Load[]} cart @param {string} code @param {Partial<Load>} changes @returns {Load[]} without what is empty */
export const changed = (cart, code, changes) => cart.map((one) => (one.code === code ? { ...one, ...changes } : one)).filter((one) => one.qty > 0);

/** Take another item in hand. @param {Load[]} cart @param {string} code @returns {Load[]} */
export const inHand = (cart, code) => [...cart.filter((one) => one.code === code), ...cart.filter((one) => one.code !== code)];

/** In the order of the walk; what has no bin yet comes last. @param {Load[]} cart @returns {Load[]} */
export function alongTheWalk(cart) {
  const place = (one) => one.bins[0]?.walk_seq ?? Infinity;
  return [...cart].sort((a, b) => (place(a) === place(b) ? (a.bins[0]?.location ?? "").localeCompare(b.bins[0]?.location ?? "") : place(a) - place(b)));
}

/**
 * What still waits, reckoned with moves that are not sent yet.
 * @template {{location: string, sku: string, qty: number}} T
 * @param {T[]} rows by the book
 * @param {{body?: any}[]} acts
 * @returns {T[]}
 */
export function stillThere(rows, acts) {
  const moved = (row, end) => acts.filter(({ body }) => body?.[end] === row.location && body.code === row.sku).reduce((sum, { body }) => sum + body.qty, 0);
  return rows.map((row) => ({ ...row, qty: row.qty - moved(row, "from_location") + moved(row, "to_location") })).filter((row) => row.qty > 0);
}

/** How many of it wait where it is taken from. @param {Load} load @returns {number} */
export const waitingOf = (load) => load.standing.find((one) => one.location === load.from)?.qty ?? 0;
