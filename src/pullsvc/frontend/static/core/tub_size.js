// The size of a tub: kept in millilitres and grams, told in litres and kilos.

import { number, t } from "./i18n.js";

export const LITRE_ML = 1000;
export const KILO_G = 1000;

/** @param {{volume_ml: number, weight_g: number}} kind @returns {string} */
export const sizeOf = ({ volume_ml, weight_g }) => t("tub.size", { litres: number(volume_ml / LITRE_ML), kilos: number(weight_g / KILO_G) });
