// Every screen by the first step of its address: where its module is, which texts it needs, and what one must be allowed
// to do to see it. Modules are fetched when they are needed; the service worker has them all.

/**
 * @typedef {object} Screen
 * @property {() => Promise<{default: (props: {steps: string[]}) => any}>} load `steps`: of the address, after the first
 * @property {string[]} [texts] parts of the texts beside `base`
 * @property {string} [needs] permission
 */

/** @type {Record<string, Screen>} */
export const SCREENS = {
  "": { load: () => import("./home.js") },
  work: { load: () => import("./work/work.js"), texts: ["work"], needs: "work" },
  "put-away": { load: () => import("./put_away/put_away.js"), texts: ["put_away", "work"], needs: "put" },
  ask: { load: () => import("./item/ask.js"), texts: ["item"], needs: "ask" },
  walk: { load: () => import("./item/walk.js"), texts: ["item"], needs: "ask" },
  find: { load: () => import("./item/find.js"), texts: ["item"], needs: "read" },
  count: { load: () => import("./stock/count.js"), texts: ["stock", "item"], needs: "stock" },
  receive: { load: () => import("./stock/receive.js"), texts: ["stock", "item"], needs: "stock" },
  stow: { load: () => import("./stock/stow.js"), texts: ["stock", "item"], needs: "stock" },
  tray: { load: () => import("./tray.js") },
  board: { load: () => import("./board.js"), texts: ["board"], needs: "read" },
  pin: { load: () => import("./change_pin.js") },
  manage: { load: () => import("./manage.js"), texts: ["manage", "board"], needs: "lead" },
  settings: { load: () => import("./settings.js") },
};
