// What is known of an item: where it lies, how many there are, what is on its way. Read once for asking and for finding.

import { Refusal } from "../../core/api.js";
import { read } from "../../core/cache.js";
import { t, time } from "../../core/i18n.js";
import { storePath } from "../../core/session.js";
import { Department, Figures, Notice, Tag, html, hueOf } from "../../ui/ui.js";

/**
 * @typedef {object} Facts
 * @property {any} item as found
 * @property {any[]} balances
 * @property {any | null} pull the live one for its home shelf
 * @property {number} at server time of what is shown, ms
 * @property {boolean} fresh
 */

/** @param {string} code as scanned, or a sku @returns {Promise<Facts>} @throws {Refusal} */
export async function factsOf(code) {
  const lookup = await read(storePath(`lookup?code=${encodeURIComponent(code)}`));
  const { item } = lookup.value;
  if (!item) throw new Refusal({ status: 404, code: "not-an-item", facts: { code } });
  const sku = encodeURIComponent(item.sku);
  const [balances, pulls] = await Promise.all([
    read(storePath(`balances?sku=${sku}&limit=100`)),
    read(storePath(`pulls?sku=${sku}&live=true&limit=10`)),
  ]);
  const live = pulls.value.items.filter((pull) => !item.home || pull.shelf === item.home);
  return { item, balances: balances.value.items, pull: live[0] ?? null, at: lookup.at, fresh: lookup.fresh };
}

/** @param {any[]} balances @param {string} kind */
export const sumOf = (balances, kind) => balances.filter((one) => one.kind === kind).reduce((sum, one) => sum + one.on_hand, 0);

/** @param {{item: any}} props */
export const ItemHead = ({ item }) => html`<section class=${`stop-card hue-${hueOf(item.department)}`}>
  <p class="where code">${item.home ?? t("item.no_shelf")}</p>
  <h2 class="title">${item.description}</h2>
  <p class="tags"><${Department} name=${item.department} /><span class="soft code">${item.sku}</span>${!item.active && html`<${Tag} kind="look">${t("item.retired")}<//>`}</p>
</section>`;

/** @param {{facts: Facts}} props */
export const Stock = ({ facts: { item, balances } }) => html`<${Figures} figures=${[
  [t("item.on_shelf"), item.home_capacity ? t("item.of", { n: sumOf(balances, "shelf"), of: item.home_capacity }) : sumOf(balances, "shelf")],
  [t("item.in_back"), sumOf(balances, "backroom") + sumOf(balances, "receiving")],
]} />`;

/** What is on its way, in words. @param {{pull: any}} props */
export function OnItsWay({ pull }) {
  if (!pull) return null;
  const left = pull.qty_wanted - pull.qty_put;
  const when = pull.eta ? t("item.way.at", { time: time(pull.eta) }) : "";
  return html`<${Notice} kind=${pull.answer === "cannot" ? "bad" : "good"} title=${t(`item.way.${pull.answer}`, { n: left })}>${when} ${pull.ask_count > 1 && t("item.way.asked", { n: pull.ask_count })}<//>`;
}

/** @param {{facts: Facts}} props */
export const Aged = ({ facts: { fresh, at } }) => (fresh ? null : html`<${Notice} kind="look">${t("item.as_of", { time: time(at) })}<//>`);
