// What stands beside every title: no network, what waits to be sent, what needs a person. And the flash.

import { h } from "preact";
import htm from "htm";
import { online } from "../core/api.js";
import { flash } from "../core/feedback.js";
import { t } from "../core/i18n.js";
import { attention, full, waiting } from "../core/outbox.js";
import { ICONS } from "./icons.js";
import { linkTo } from "./router.js";

const html = htm.bind(h);
const shape = (name) => html`<svg class="icon-shape" viewBox="0 0 24 24" aria-hidden="true"><path d=${ICONS[name]} /></svg>`;

export function StatusBadge() {
  const [open, refused] = [waiting.value.length, attention.value.length];
  if (full.value) return html`<a class="badge attention" href=${linkTo("tray")}>${shape("bad")}${t("status.full")}</a>`;
  if (refused) {
    return html`<a class="badge attention" href=${linkTo("tray")}>${shape("look")}${refused}<span class="unseen">${t("status.attention", { n: refused })}</span></a>`;
  }
  if (!online.value) {
    return html`<a class="badge offline" href=${linkTo("tray")}>${shape("offline")}${t("status.offline")}${open > 0 && html`<b class="number">${open}</b>`}</a>`;
  }
  if (!open) return null;
  return html`<a class="badge" href=${linkTo("tray")}>${shape("sent")}${open}<span class="unseen">${t("status.waiting", { n: open })}</span></a>`;
}

export function Flash() {
  const shown = flash.value;
  if (!shown) return null;
  return html`<div class=${`flash ${shown.kind}`} key=${shown.n} role="status"><b>${shape(shown.kind)}${shown.word || t(`flash.${shown.kind}`)}</b></div>`;
}
