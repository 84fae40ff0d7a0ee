// A scan that led to a screen, as the rest of its address: it is meant once.

import { useEffect, useRef } from "preact/hooks";
import { go } from "../ui/router.js";

/**
 * The code goes out of the address at once, else a reload or the next look at the screen would do the same again.
 * @param {string} screen
 * @param {string[]} steps of the address, after the screen
 * @returns {{current: string}} the code until somebody takes it, then empty
 */
export function useScanned(screen, steps) {
  const scanned = useRef(steps[0] ?? "");
  useEffect(() => {
    if (steps.length) go(screen, { replace: true });
  }, []);
  return scanned;
}
