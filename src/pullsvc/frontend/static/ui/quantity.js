// How many: one more, one less, a case, or typed.

import { useState } from "preact/hooks";
import { t } from "../core/i18n.js";
import { deliver } from "../core/scanner.js";
import { Button, Department, Field, Icon, Sheet, html } from "./ui.js";

export const MAX_QTY = 100_000;

/** @param {number} qty @param {number} [least] */
export const within = (qty, least = 0) => Math.min(MAX_QTY, Math.max(least, qty));

/**
 * @param {{value: number, least?: number, casePack?: number, all?: number, onChange: (value: number) => void}} props
 *   `all`: how many there are to be taken, offered as one tap
 */
export function Quantity({ value, least = 0, casePack = 1, all = 0, onChange }) {
  const [typing, setTyping] = useState(false);
  const to = (next) => onChange(within(next, least));
  const more = [
    casePack > 1 && html`<${Button} kind="small" icon="plus" onClick=${() => to(value + casePack)}>${t("stock.case", { n: casePack })}<//>`,
    all > 0 && all !== value && html`<${Button} kind="small" onClick=${() => to(all)}>${t("stock.all", { n: all })}<//>`,
  ].filter(Boolean);
  return html`<div class="quantity">
    <div class="stepper" role="group" aria-label=${t("stock.how_many")}>
      <button type="button" class="button" aria-label=${t("one_less")} disabled=${value <= least} onClick=${() => to(value - 1)}><${Icon} name="minus" /></button>
      <button type="button" class="button amount" aria-label=${t("stock.type_number", { n: value })} onClick=${() => setTyping(true)}>${value}</button>
      <button type="button" class="button" aria-label=${t("one_more")} onClick=${() => to(value + 1)}><${Icon} name="plus" /></button>
    </div>
    ${more.length > 0 && html`<div class="pair">${more}</div>`}
    ${typing && html`<${TypeNumber} value=${value} least=${least} onDone=${(next) => (setTyping(false), to(next))} onClose=${() => setTyping(false)} />`}
  </div>`;
}

/** @param {{value: number, least: number, onDone: (value: number) => void, onClose: () => void}} props */
function TypeNumber({ value, least, onDone, onClose }) {
  const [text, setText] = useState("");
  const number = /^\d{1,6}$/.test(text) ? Number(text) : NaN;
  const fits = number >= least && number <= MAX_QTY;
  const onSubmit = (event) => {
    event.preventDefault();
    if (fits) onDone(number);
  };
  return html`<${Sheet} title=${t("stock.how_many")} onClose=${onClose}>
    <form class="form" onSubmit=${onSubmit}>
      <${Field} label=${t("stock.eaches")} inputmode="numeric" value=${text} placeholder=${String(value)} autofocus onInput=${(event) => setText(event.target.value.trim())} />
      <button type="submit" class="button primary" disabled=${!fits}><span>${t("stock.take_number")}</span></button>
    </form>
  <//>`;
}

/** For a label that no scanner reads. @param {{label: string}} props */
export function TypeCode({ label }) {
  const [open, setOpen] = useState(false);
  const [text, setText] = useState("");
  const onSubmit = (event) => {
    event.preventDefault();
    setOpen(false);
    setText("");
    deliver(text.trim());
  };
  return html`<${Button} kind="plain small" onClick=${() => setOpen(true)}>${t("stock.type_code")}<//>
    ${open && html`<${Sheet} title=${label} onClose=${() => setOpen(false)}>
      <form class="form" onSubmit=${onSubmit}>
        <${Field} label=${t("stock.code")} value=${text} autofocus autocapitalize="characters" onInput=${(event) => setText(event.target.value)} />
        <button type="submit" class="button primary" disabled=${!text.trim()}><span>${t("stock.take_code")}</span></button>
      </form>
    <//>`}`;
}

/** The item in hand. @param {{item: {description?: string, department?: string, code: string, sku?: string}, children?: any}} props */
export const InHand = ({ item, children }) =>
  html`<section class="card in-hand">
    <h2 class="title">${item.description ?? item.code}</h2>
    <p class="tags soft">${item.department && html`<${Department} name=${item.department} />`}<span class="code">${item.sku ?? t("stock.not_known_yet")}</span></p>
    ${children}
  </section>`;
