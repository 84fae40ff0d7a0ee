// Light or dark, as the device wants it or as somebody chose here.

import { signal } from "@preact/signals";

/** `auto`, `light` or `dark`. */
export const theme = signal(localStorage.getItem("theme") ?? "auto");

/** @param {string} name */
export function setTheme(name) {
  theme.value = name;
  localStorage.setItem("theme", name);
  show();
}

function show() {
  if (theme.value === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.value;
}

show();
