// The parts that screens are made of. Each takes plain values; what it looks like stands in style.css.

import { h } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { effect, signal } from "@preact/signals";
import htm from "htm";
import { Refusal } from "../core/api.js";
import { tick } from "../core/clock.js";
import { duration, has, relative, t, time } from "../core/i18n.js";
import { onScan } from "../core/scanner.js";
import { CameraButton } from "./camera.js";
import { ICONS } from "./icons.js";
import { back, steps } from "./router.js";
import { StatusBadge } from "./status.js";

export const html = htm.bind(h);

const HUES = 8;
const TOAST_MS = 6_000;

/** @param {{name: string, large?: boolean}} props */
export const Icon = ({ name, large }) =>
  html`<svg class=${large ? "icon-shape large" : "icon-shape"} viewBox="0 0 24 24" aria-hidden="true"><path d=${ICONS[name]} /></svg>`;

/**
 * A screen: title on top, what scrolls, and the actions at the thumb (`foot`; the primary one last).
 * @param {{title: string, foot?: any, back?: string | boolean | (() => void), wide?: boolean, aside?: any, about?: any, children?: any}} props
 *   `back`: true goes back, a function does it itself; `aside`: beside the title; `about`: what its buttons are about, where
 *   the next one has buttons of the same words at the same place
 */
export function Page({ title, foot, back: way, wide, aside, about, children }) {
  useEffect(() => {
    document.title = `${title} · pullsvc`;
  }, [title]);
  return html`<div class=${["page", wide && "wide", foot && "has-foot"].filter(Boolean).join(" ")} data-about=${about}>
    <header class="head">
      ${way && html`<button class="button icon back" aria-label=${t("back")} onClick=${typeof way === "function" ? way : back}><${Icon} name="back" /></button>`}
      <h1>${title}</h1>
      ${aside}<${CameraButton} /><${StatusBadge} />
    </header>
    <main class="body" tabindex="0" aria-label=${title}>${children}</main>
    <${Toast} />
    ${foot && html`<footer class="foot">${foot}</footer>`}
  </div>`;
}

/**
 * @param {{kind?: "primary" | "danger" | "plain" | "small" | string, icon?: string, href?: string, disabled?: boolean, onClick?: (event: any) => void, children?: any, [name: string]: any}} props
 *   `kind`: one or more of primary, danger, plain, small
 */
export function Button({ kind = "", icon, href, children, ...rest }) {
  const inside = html`${icon && html`<${Icon} name=${icon} />`}<span>${children}</span>`;
  if (href) return html`<a class=${`button ${kind}`} href=${href} ...${rest}>${inside}</a>`;
  return html`<button type="button" class=${`button ${kind}`} ...${rest}>${inside}</button>`;
}

/** Two or three buttons side by side. @param {{children?: any}} props */
export const Pair = ({ children }) => html`<div class="pair">${children}</div>`;

/** @param {{kind?: "good" | "bad" | "look" | "", title?: string, children?: any}} props */
export function Notice({ kind = "", title, children }) {
  return html`<div class=${`notice ${kind}`} role=${kind === "bad" ? "alert" : "status"}>
    <${Icon} name=${kind || "look"} />${title && html`<p class="strong">${title}</p>`}<div>${children}</div>
  </div>`;
}

/** Nothing here, and what to do about it. @param {{icon: string, title: string, children?: any}} props */
export const Empty = ({ icon, title, children }) =>
  html`<div class="empty"><${Icon} name=${icon} large=${true} /><h2 class="title">${title}</h2>${children}</div>`;

/** What the service or the network refused, in words, with what to do next. @param {unknown} refusal @returns {{title: string, text: string}} */
export function inWords(refusal) {
  if (!(refusal instanceof Refusal)) return { title: t("problem.unexpected"), text: String(refusal) };
  const key = `problem.${refusal.code}`;
  const facts = { ...refusal.facts, time: refusal.facts.try_again_at ? time(refusal.facts.try_again_at) : "" };
  if (has(key)) return { title: t(key, facts), text: has(`${key}.do`) ? t(`${key}.do`, facts) : refusal.detail };
  return { title: refusal.title || t("problem.unexpected"), text: refusal.detail };
}

/** @param {{refusal: unknown, retry?: () => void}} props `retry`: offered where trying again may help */
export function Trouble({ refusal, retry }) {
  const { title, text } = inWords(refusal);
  const mayPass = !(refusal instanceof Refusal) || refusal.passes;
  return html`<${Notice} kind="bad" title=${title}>${text}${retry && mayPass && html`<${Button} kind="small" icon="undo" onClick=${retry}>${t("try_again")}<//>`}<//>`;
}

/** @param {{name: string}} props */
export const Department = ({ name }) => html`<span class=${`department hue-${hueOf(name)}`}><span class="clip">${name}</span></span>`;

/** The same colour for a department on every device. @param {string} name @returns {number} */
export function hueOf(name) {
  let sum = 7;
  for (const char of name.toLowerCase()) sum = (sum * 31 + (char.codePointAt(0) ?? 0)) % 9973;
  return sum % HUES;
}

/** @param {{figures: [label: string, value: any][], small?: boolean}} props */
export const Figures = ({ figures, small }) =>
  html`<dl class="figures">${figures.map(([label, value]) => html`<div class=${small ? "figure small" : "figure"}><dt>${label}</dt><dd>${value}</dd></div>`)}</dl>`;

/** @param {{kind?: string, icon?: string, children?: any}} props */
export const Tag = ({ kind = "", icon, children }) =>
  html`<span class=${`tag ${kind}`}>${icon && html`<${Icon} name=${icon} />`}${children}</span>`;

/** @param {{value: number, min?: number, max?: number, label: string, onChange: (value: number) => void}} props */
export function Stepper({ value, min = 0, max = 9999, label, onChange }) {
  const to = (next) => onChange(Math.min(max, Math.max(min, next)));
  return html`<div class="stepper" role="group" aria-label=${label}>
    <button type="button" class="button" aria-label=${t("one_less")} disabled=${value <= min} onClick=${() => to(value - 1)}>−</button>
    <output aria-live="polite">${value}</output>
    <button type="button" class="button" aria-label=${t("one_more")} disabled=${value >= max} onClick=${() => to(value + 1)}>+</button>
  </div>`;
}

/** @param {{label: string, hint?: string, children?: any, [name: string]: any}} props the rest goes to the input */
export const Field = ({ label, hint, children, ...rest }) =>
  html`<label class="field"><span>${label}</span>${children ?? html`<input class="input" autocomplete="off" ...${rest} />`}${hint && html`<span class="hint">${hint}</span>`}</label>`;

/** A question over the page. @param {{title: string, onClose: () => void, close?: string, children?: any}} props `close`: the word for going back */
export function Sheet({ title, onClose, close = t("cancel"), children }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => {
    const from = document.activeElement;
    const byKeys = from instanceof HTMLButtonElement && from.matches(":focus-visible");
    dialog.current?.showModal();
    return () => void (byKeys && from.isConnected && from.focus()); // Whoever works by keys goes on from there.
  }, []);
  const onClick = (event) => event.target === dialog.current && onClose();
  return html`<dialog class="sheet" ref=${dialog} aria-label=${title} onClick=${onClick} onCancel=${(event) => (event.preventDefault(), onClose())}>
    <div><h2>${title}</h2>${children}<${Button} kind="plain" onClick=${onClose}>${close}<//></div>
  </dialog>`;
}

/** "in 5 min", ticking. @param {{at: string}} props */
export const Until = ({ at }) => html`<time datetime=${at}>${relative((Date.parse(at) - tick.value) / 1000)}</time>`;

/** "5 min": since then, ticking. @param {{at: string}} props */
export const Age = ({ at }) => html`<time datetime=${at}>${duration((tick.value - Date.parse(at)) / 1000)}</time>`;

const toasted = signal(/** @type {{text: string, label?: string, act?: () => void} | null} */ (null));
let toastTimer = 0;

/** A word at the bottom that goes by itself, with one thing to do about it. @param {string} text @param {{label: string, act: () => void}} [action] */
export function toast(text, action) {
  clearTimeout(toastTimer);
  toasted.value = { text, ...action };
  toastTimer = setTimeout(() => {
    toasted.value = null;
  }, TOAST_MS);
}

/** Take the word away: what it offers is over. */
export function hush() {
  toasted.value = null;
}

// Somewhere else it would offer to undo what nobody sees.
effect(() => {
  if (steps.value) hush();
});

function Toast() {
  const { text, label, act } = toasted.value ?? {};
  const onClick = () => {
    toasted.value = null;
    act?.();
  };
  return text ? html`<div class="toast" role="status"><span>${text}</span>${act && html`<${Button} kind="small" onClick=${onClick}>${label}<//>`}</div>` : null;
}

/** Take scans while this screen is shown; return false from the handler to hand one on. @param {(reading: import("../core/scanner.js").Reading) => boolean | void} handler */
export function useScan(handler) {
  const latest = useRef(handler);
  latest.current = handler;
  useLayoutEffect(() => onScan((reading) => latest.current(reading)), []);
}

/**
 * Load what a screen shows, again when `what` changes.
 * @template T
 * @param {() => Promise<T>} load
 * @param {unknown[]} what
 * @returns {{value: T | undefined, refusal: unknown, loading: boolean, reload: () => void}}
 */
export function useLoad(load, what) {
  const [state, setState] = useState({ value: undefined, refusal: undefined, loading: true });
  const [round, setRound] = useState(0);
  useEffect(() => {
    let current = true;
    setState((before) => ({ ...before, loading: true }));
    load().then(
      (value) => current && setState({ value, refusal: undefined, loading: false }),
      (refusal) => current && setState({ value: undefined, refusal, loading: false }),
    );
    return () => {
      current = false;
    };
  }, [...what, round]);
  return { ...state, reload: () => setRound(round + 1) };
}
