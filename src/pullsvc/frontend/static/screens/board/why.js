// Why the watch did what it did, in one sentence of the reader's language and with the figures behind it.

import { duration, number, t } from "../../core/i18n.js";
import { Figures, html } from "../../ui/ui.js";

const tenth = (value) => number(value, { maximumFractionDigits: 1 });
const percent = (value) => number(value, { style: "percent", maximumFractionDigits: 0 });

/** @param {{why: any}} props the explanation of a pull, or what the watch thinks of a shelf */
export function Why({ why }) {
  const lasts = why.lasts_s === null ? t("why.lasts_long") : t("why.lasts", { time: duration(why.lasts_s) });
  const rate = t("why.rate", { rate: tenth(why.rate_per_h), low: tenth(why.rate_low_per_h), high: tenth(why.rate_high_per_h) });
  return html`<section class="why" aria-label=${t("why.title")}>
    <p><b>${t(`why.${why.verdict}`)}</b> ${rate} ${t("why.on_hand", { n: why.on_hand })} ${lasts} ${t("why.risk", { share: percent(why.p_empty), time: duration(why.lead_s) })}</p>
    <details><summary>${t("why.figures")}</summary>
      <${Figures} small=${true} figures=${[[t("why.averted"), tenth(why.averted)], [t("why.averted_min"), tenth(why.averted_per_min)], [t("why.price"), tenth(why.price_per_min)], [t("why.traffic"), percent(why.traffic)], [t("why.capacity"), number(why.capacity)], [t("why.trigger"), why.trigger_qty < 0 ? "–" : number(why.trigger_qty)]]} />
    </details>
  </section>`;
}
