// The screen stays on while there is work at hand.

let wanted = false;
let held = /** @type {WakeLockSentinel | null} */ (null);

/** @param {boolean} on */
export function keepAwake(on) {
  wanted = on;
  void settle();
}

async function settle() {
  if (!wanted) {
    await held?.release();
    held = null;
  } else if (!document.hidden && (held === null || held.released)) {
    held = (await navigator.wakeLock?.request("screen").catch(() => null)) ?? null;
  }
}

// The browser lets go of it whenever the page is hidden.
document.addEventListener("visibilitychange", () => void settle());
