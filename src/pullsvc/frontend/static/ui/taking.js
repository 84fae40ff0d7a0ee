// How a screen takes scans that must be understood first: in their order, and with a sign to the hand within 100 ms.

import { useEffect, useRef, useState } from "preact/hooks";
import { Refusal } from "../core/api.js";
import { bad, look } from "../core/feedback.js";
import { t } from "../core/i18n.js";
import { identify, learnPlaces } from "../core/known.js";
import { inWords, toast, useScan } from "./ui.js";

/** So long the service may take until the hand is told that its scan was heard. */
const UNHEARD_MS = 70;
/** The indicator digit of a GTIN-14 (GS1 General Specifications): 1 to 8 for a grouping of pieces. */
const OF_A_CASE = /^[1-8]\d{13}$/;

/**
 * Take up what a screen was left with, before its first scan is looked at.
 * @param {() => Promise<any>} open
 * @returns {{opened: boolean, opening: Promise<any>}}
 */
export function useOpening(open) {
  const [opened, setOpened] = useState(false);
  const opening = useRef(/** @type {Promise<any> | null} */ (null));
  opening.current ??= Promise.all([open(), learnPlaces()]).then(() => setOpened(true));
  return { opened, opening: opening.current };
}

/**
 * @param {Promise<any>} opening what the first scan waits for
 * @param {{onThing: (thing: import("../core/known.js").Thing) => any, onCommand: (command: string) => any}} handlers
 *   both are called one after the other, never at the same time, and may be called before the screen has shown what the
 *   one before did: so they go by the state, not by what is shown. What they say to eye and hand is theirs
 */
export function useThings(opening, handlers) {
  const latest = useRef(handlers);
  latest.current = handlers;
  const queue = useRef(opening);
  const shown = useRef(true);
  useEffect(
    () => () => {
      shown.current = false;
    },
    [],
  );
  useScan(({ code, command }) => {
    const turn = () => (shown.current ? taken(code, command, latest.current) : undefined);
    queue.current = queue.current.then(turn).catch(say);
  });
}

/** @param {string} code @param {string | null} command @param {Parameters<typeof useThings>[1]} handlers */
async function taken(code, command, handlers) {
  if (command) return handlers.onCommand(command);
  const timer = setTimeout(() => look(t("stock.looking")), UNHEARD_MS);
  try {
    const thing = await identify(code);
    clearTimeout(timer);
    if (thing.is === "unknown") return tell("stock.unknown", thing.code);
    if (thing.is === "unreadable") return tell("stock.unreadable", thing.code);
    // It would be booked as a single piece.
    if (thing.is === "unreached" && OF_A_CASE.test(thing.code)) return tell("stock.unknown_case", thing.code);
    return await handlers.onThing(thing);
  } finally {
    clearTimeout(timer);
  }
}

/** @param {string} key @param {string} code */
export function tell(key, code) {
  bad();
  toast(t(key, { code }));
}

/** @param {unknown} failure */
function say(failure) {
  const { title, text } = inWords(failure);
  bad(title);
  toast(text);
  // A mistake of ours is not hidden, but the next scan is taken all the same.
  if (!(failure instanceof Refusal)) reportError(failure);
}
