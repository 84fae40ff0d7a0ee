// Labels: choose what and on what, get a file for the printer.

import { useState } from "preact/hooks";
import { request } from "../../core/api.js";
import { save } from "../../core/files.js";
import { number, t } from "../../core/i18n.js";
import { can, storePath } from "../../core/session.js";
import { Button, Field, Trouble, html, useLoad } from "../../ui/ui.js";
import { Select, text, useAct } from "./parts.js";

/** A badge lets somebody in, so only a manager prints them. */
const subjects = () => ["locations", "tubs", ...(can("manage") ? ["badges"] : []), "commands"];
const KINDS = ["", "backroom", "shelf", "lane", "receiving"];
const DPIS = ["203", "300", "600"];

export default function Labels() {
  const offers = useLoad(() => request("GET", storePath("labels")), []);
  const [wish, setWish] = useState({ subject: "locations", stock: "a4-24", kind: "", zone: "", codes: "", form: "pdf", dpi: "203", copies: "1", skip: "0" });
  const { busy, refusal, run } = useAct();
  const set = (name) => (value) => setWish({ ...wish, [name]: value });
  const stocks = offers.value?.stocks ?? [];
  const stock = stocks.find((one) => one.stock === wish.stock);
  const form = stock?.is_roll ? wish.form : "pdf";
  const print = () => run(() => save(storePath(`labels/${wish.subject}?${query(wish, form)}`), `${wish.subject}.${form}`));
  return html`<div class="form">
    ${offers.refusal && html`<${Trouble} refusal=${offers.refusal} retry=${offers.reload} />`}
    <${Select} label=${t("manage.labels.what")} value=${wish.subject} options=${subjects().map((one) => [one, t(`manage.labels.${one}`)])} onPick=${set("subject")} />
    ${wish.subject === "locations" && html`<${Select} label=${t("manage.labels.kind")} value=${wish.kind} options=${KINDS.map((one) => [one, t(`manage.labels.kind.${one || "all"}`)])} onPick=${set("kind")} />
      <${Field} label=${t("manage.labels.zone")} hint=${t("manage.labels.zone.how")} maxlength="40" value=${wish.zone} onInput=${text(set("zone"))} />`}
    <${Field} label=${t("manage.labels.codes")} hint=${t("manage.labels.codes.how")} value=${wish.codes} onInput=${text(set("codes"))} />
    <${Select} label=${t("manage.labels.stock")} value=${wish.stock} options=${stocks.map((one) => [one.stock, titleOf(one)])} onPick=${set("stock")} />
    ${stock?.is_roll
      ? html`<${Select} label=${t("manage.labels.form")} value=${wish.form} options=${[["pdf", "PDF"], ["zpl", "ZPL"]]} onPick=${set("form")} />${form === "zpl" && html`<${Select} label=${t("manage.labels.dpi")} value=${wish.dpi} options=${DPIS.map((one) => [one, one])} onPick=${set("dpi")} />`}`
      : html`<${Field} label=${t("manage.labels.skip")} hint=${t("manage.labels.skip.how")} type="number" min="0" max="100" value=${wish.skip} onInput=${text(set("skip"))} />`}
    <${Field} label=${t("manage.labels.copies")} type="number" min="1" max="10" value=${wish.copies} onInput=${text(set("copies"))} />
    ${refusal && html`<${Trouble} refusal=${refusal} />`}
    <${Button} kind="primary" icon="print" disabled=${busy || !stock} onClick=${print}>${t("manage.labels.print")}<//>
    <p class="hint">${t("manage.labels.how")}</p>
  </div>`;
}

/** What stands on the box. @param {any} stock @returns {string} */
function titleOf(stock) {
  const [paper] = stock.stock.split("-");
  const [order = ""] = stock.title.match(/\(.*\)/) ?? []; // In inches, or the number to order it by.
  const size = `${number(stock.width_mm)} × ${number(stock.height_mm)} mm ${order}`.trim();
  if (stock.is_roll) return t("manage.labels.roll", { size });
  return t(stock.stock.endsWith("cards") ? "manage.labels.cards" : "manage.labels.sheet", { paper: paper === "a4" ? "A4" : "US Letter", n: stock.labels_a_page, size });
}

/** @param {Record<string, string>} wish @param {string} form @returns {string} */
function query(wish, form) {
  const asked = new URLSearchParams({ stock: wish.stock, form, copies: wish.copies || "1" });
  if (form === "zpl") asked.set("dpi", wish.dpi);
  else if (Number(wish.skip)) asked.set("skip", wish.skip);
  if (wish.subject === "locations" && wish.kind) asked.set("kind", wish.kind);
  if (wish.subject === "locations" && wish.zone.trim()) asked.set("zone", wish.zone.trim());
  wish.codes.split(/[\s,;]+/).filter(Boolean).forEach((code) => asked.append("code", code));
  return asked.toString();
}
