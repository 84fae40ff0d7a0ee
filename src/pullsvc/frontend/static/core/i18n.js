// Every word on a screen, in the language of whoever reads it; dates, numbers and units as they write them.

import { signal } from "@preact/signals-core";

export const LANGUAGES = Object.freeze({ en: "English", es: "Español" });
/** Unit, from when on it is used, its length. */
const SPANS_S = [["day", 48 * 3600, 24 * 3600], ["hour", 3600, 3600], ["minute", 60, 60]];
const MINUTES_A_DAY = 24 * 60;
const MAX_MINUTES_IN_HOURS = 2 * MINUTES_A_DAY;

/** The language in use. */
export const language = signal(preferred());
/** The IANA zone that times are shown in: the store's. */
export const timeZone = signal(Intl.DateTimeFormat().resolvedOptions().timeZone);

/** @type {import("@preact/signals-core").Signal<Record<string, string | Record<string, string>>>} */
const texts = signal({});
/** Parts that are loaded: each screen names its own. */
const parts = new Set();

function preferred() {
  const wishes = [localStorage.getItem("language"), ...navigator.languages].map((tag) => tag?.slice(0, 2));
  return wishes.find((tag) => tag && tag in LANGUAGES) ?? "en";
}

/** Load a part of the texts, in the language in use. @param {string} part */
export async function speak(part) {
  parts.add(part);
  await load(language.value, [part]);
}

/** @param {string} tag */
export async function setLanguage(tag) {
  if (!(tag in LANGUAGES)) return;
  await load(tag, [...parts]);
  language.value = tag;
  localStorage.setItem("language", tag);
  document.documentElement.lang = tag;
}

/** @param {string} tag @param {string[]} names */
async function load(tag, names) {
  const loaded = await Promise.all(names.map((name) => import(`../text/${tag}/${name}.js`)));
  texts.value = Object.assign({}, texts.value, ...loaded.map((module) => module.default));
  document.documentElement.lang = tag;
}

/**
 * @param {string} key
 * @param {Record<string, any>} [values] filled in for {name}; `n` chooses between the forms of a plural
 * @returns {string}
 */
export function t(key, values = {}) {
  const text = texts.value[key];
  if (text === undefined) return key;
  const form = typeof text === "string" ? text : text[new Intl.PluralRules(language.value).select(values.n)] ?? text.other;
  return form.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? shown(values[name]) : whole));
}

/** @param {string} key */
export const has = (key) => key in texts.value;

/** @param {unknown} value */
const shown = (value) => (typeof value === "number" ? number(value) : String(value ?? ""));

/** @param {number} value @param {Intl.NumberFormatOptions} [options] */
export const number = (value, options) => new Intl.NumberFormat(language.value, options).format(value);

/** @param {string | number | Date} at @returns {string} hours and minutes in the store */
export const time = (at) => inStore(at, { hour: "numeric", minute: "2-digit" });

/** @param {string | number | Date} at @returns {string} */
export const date = (at) => inStore(at, { weekday: "short", day: "numeric", month: "short" });

/** @param {string | number | Date} at @returns {string} */
export const dateTime = (at) => inStore(at, { day: "numeric", month: "short", hour: "numeric", minute: "2-digit" });

/** @param {string | number | Date} at @param {Intl.DateTimeFormatOptions} options */
function inStore(at, options) {
  return new Intl.DateTimeFormat(language.value, { timeZone: timeZone.value, ...options }).format(new Date(at));
}

/** @param {number} seconds @returns {string} "9 min", "1 h 20 min", "3 days"; what is shorter than a minute is one */
export function duration(seconds) {
  const minutes = Math.max(1, Math.round(Math.abs(seconds) / 60));
  if (minutes > MAX_MINUTES_IN_HOURS) return number(Math.floor(minutes / MINUTES_A_DAY), { style: "unit", unit: "day", unitDisplay: "long" });
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
  const shownHours = hours ? number(hours, { style: "unit", unit: "hour", unitDisplay: "short" }) : "";
  const shownRest = rest || !hours ? number(rest, { style: "unit", unit: "minute", unitDisplay: "short" }) : "";
  return [shownHours, shownRest].filter(Boolean).join(" ");
}

/** @param {number} seconds from now; negative: ago @returns {string} "in 5 min", "2 hr. ago", "3 days ago" */
export function relative(seconds) {
  const [unit, , size] = SPANS_S.find(([, from]) => Math.abs(seconds) >= Number(from)) ?? SPANS_S[SPANS_S.length - 1];
  const rounded = Math.round(seconds / Number(size));
  const format = new Intl.RelativeTimeFormat(language.value, { numeric: "auto", style: "short" });
  return format.format(rounded, /** @type {Intl.RelativeTimeFormatUnit} */ (unit));
}
