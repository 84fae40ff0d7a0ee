// Where we are: the part of the address behind `#/`. The list of screens is in screens/registry.js.

import { signal } from "@preact/signals";

/** The steps of the address, `["work", "12"]` for `#/work/12`. */
export const steps = signal(parsed());

function parsed() {
  try {
    return location.hash.replace(/^#\/?/, "").split("/").filter(Boolean).map(decodeURIComponent);
  } catch {
    return []; // An address cut off in the middle leads to the first screen.
  }
}

addEventListener("hashchange", () => {
  steps.value = parsed();
});

/** @param {string} path such as "work/12" @param {{replace?: boolean}} [options] `replace`: back does not lead here */
export function go(path, { replace = false } = {}) {
  const hash = `#/${path}`;
  if (!replace) location.hash = hash;
  else {
    history.replaceState(null, "", hash);
    steps.value = parsed();
  }
}

/** @param {string} path @returns {string} for href */
export const linkTo = (path) => `#/${path}`;

/** Back to where one came from, or home when the app was opened here. */
export function back() {
  if (history.length > 1 && steps.value.length) history.back();
  else go("", { replace: true });
}
