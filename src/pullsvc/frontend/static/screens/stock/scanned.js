// What a code is, and how the place and the item that were scanned are shown.

import { Refusal } from "../../core/api.js";
import { read } from "../../core/cache.js";
import { t } from "../../core/i18n.js";
import { storePath } from "../../core/session.js";
import { Department, Icon, html } from "../../ui/ui.js";

/** @param {string} code @returns {Promise<{place?: string, item?: any}>} @throws {Refusal} it is neither */
export async function whatIs(code) {
  const { value } = await read(storePath(`lookup?code=${encodeURIComponent(code)}`));
  if (value.item) return { item: value.item };
  if (value.location && value.location.kind !== "lane") return { place: value.location.location };
  throw new Refusal({ status: 404, code: "not-an-item", facts: { code } });
}

/** @param {{place: string, item: any, placeHint: string, itemHint: string}} props */
export const Chosen = ({ place, item, placeHint, itemHint }) => html`<div class="list">
  <div class=${place ? "row chosen" : "row"}><${Icon} name=${place ? "good" : "scan"} /><span class="grow">${place ? html`<span class="strong code large">${place}</span>` : html`<span class="strong">${placeHint}</span>`}</span></div>
  <div class=${item ? "row chosen" : "row"}><${Icon} name=${item ? "good" : "scan"} /><span class="grow">${item
    ? html`<span class="strong">${item.description}</span><${Department} name=${item.department} />${item.pack_qty > 1 && html`<span class="soft">${t("stock.case", { n: item.pack_qty })}</span>`}`
    : html`<span class="strong">${itemHint}</span>`}</span></div>
</div>`;
