// What others left on this device: whose it is, how much, and what becomes of it. Only they can send it.

import { computed } from "@preact/signals";
import { t } from "../core/i18n.js";
import { isKept, waiting } from "../core/outbox.js";
import { Notice, html } from "./ui.js";

/** @typedef {{person: number, name: string, acts: import("../core/outbox.js").Act[], isKept: boolean}} Left */

const everybody = computed(() => {
  /** @type {Map<number, Left>} */
  const found = new Map();
  for (const act of waiting.value) {
    const left = found.get(act.person) ?? { person: act.person, name: act.name || t("tray.somebody"), acts: [], isKept: false };
    found.set(act.person, { ...left, acts: [...left.acts, act], isKept: left.isKept || isKept(act) });
  }
  return [...found.values()];
});

/** What others than this person left here. @param {number} [person] @returns {Left[]} */
export const leftByOthers = (person = 0) => everybody.value.filter((left) => left.person !== person);

/** How many acts of a person wait here. @param {number} [person] */
export const leftBy = (person = 0) => everybody.value.find((left) => left.person === person)?.acts.length ?? 0;

/** In a sentence, for whoever takes the device next. @param {{person?: number}} props who needs not be told */
export const WhatIsLeft = ({ person }) =>
  leftByOthers(person).map(({ person: whose, name, acts }) => html`<${Notice} key=${whose} kind="look">${t("sign_in.left", { n: acts.length, name })}<//>`);
