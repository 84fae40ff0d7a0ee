// Six large keys wide enough for a glove; the PIN is sent by itself with its last digit.

import { useEffect, useRef } from "preact/hooks";
import { t } from "../core/i18n.js";
import { onKey } from "../core/scanner.js";
import { html } from "../ui/ui.js";

export const PIN_DIGITS = 6;
const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "clear", "0", "delete"];

/** @param {{value: string, busy?: boolean, onChange: (pin: string) => void}} props */
export function PinPad({ value, busy, onChange }) {
  const latest = useRef({ value, busy, onChange });
  latest.current = { value, busy, onChange };
  const press = (key) => {
    const { value: pin, busy: waits, onChange: change } = latest.current;
    if (waits) return;
    if (key === "clear") change("");
    else if (key === "delete" || key === "Backspace") change(pin.slice(0, -1));
    else if (/^\d$/.test(key) && pin.length < PIN_DIGITS) change(pin + key);
  };
  useEffect(() => onKey(press), []);
  const dots = Array.from({ length: PIN_DIGITS }, (_, place) => html`<i class=${place < value.length ? "on" : ""}></i>`);
  const label = (key) => (key === "clear" ? t("pin.clear") : key === "delete" ? t("pin.delete") : key);
  return html`<div class="pin">
    <p class="dots" role="status" aria-label=${t("pin.entered", { n: value.length })}>${dots}</p>
    <div class="keys" role="group" aria-label=${t("pin.label")}>
      ${KEYS.map((key) => html`<button type="button" class=${key.length > 1 ? "button word" : "button"} disabled=${busy} onClick=${() => press(key)}>${label(key)}</button>`)}
    </div>
  </div>`;
}
