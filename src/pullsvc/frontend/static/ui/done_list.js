// What was just booked on this screen, the newest first, each with a way back that is booked as well.

import { t } from "../core/i18n.js";
import { attention } from "../core/outbox.js";
import { linkTo } from "./router.js";
import { Button, Tag, html } from "./ui.js";

/** So many are kept in sight. */
export const SHOWN = 30;

/**
 * @typedef {object} Done
 * @property {string} id by which its act names it
 * @property {string} code
 * @property {string} name
 * @property {number} qty
 * @property {string} from
 * @property {string} to
 * @property {boolean} undone
 */

/** @param {Done[]} done @param {Done} one @returns {Done[]} */
export const noted = (done, one) => [one, ...done].slice(0, SHOWN);

/** @param {Done[]} done @param {string} id @returns {Done[]} */
export const undone = (done, id) => done.map((one) => (one.id === id ? { ...one, undone: true } : one));

/** @param {{title: string, done: Done[], says: string, onUndo: (one: Done) => void}} props `says`: text of what undo does */
export const DoneList = ({ title, done, says, onUndo }) =>
  done.length > 0 &&
  html`<h2 class="section">${title}</h2>
    <ul class="list">${done.map((one) => html`<li class="row" key=${one.id}>
      <span class="grow"><span class="strong">${t("stock.qty_of", { n: one.qty, name: one.name })}</span><span class="soft code">${one.from ? `${one.from} → ${one.to}` : one.to}</span>
        ${one.undone && html`<span class="soft">${t(says)}</span>`}</span>
      ${isRefused(one) ? html`<a href=${linkTo("tray")}><${Tag} kind="bad" icon="bad">${t("stock.refused")}<//></a>` : !one.undone && html`<${Button} kind="small" icon="undo" aria-label=${t("stock.undo_one", { name: one.name })} onClick=${() => onUndo(one)}>${t("undo")}<//>`}
    </li>`)}</ul>`;

/** @param {Done} one */
const isRefused = (one) => attention.value.some((act) => act.about.id === one.id);
