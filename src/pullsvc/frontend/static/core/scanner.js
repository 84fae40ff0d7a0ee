// The scanner: a keyboard that types fast, on any screen, whatever has the focus. Handhelds send a scan as key events,
// or (through their input method) as one piece of text into whatever field is focused; both arrive here.

import { commandOf } from "./commands.js";

const SILENCE_MS = 60;
/** A scanner that ends its scans with ENTER may stumble in the middle; then its ENTER is waited for. */
const STUMBLE_MS = 400;
/** The same code again within this time is one pull of the trigger that was sent twice. */
const DOUBLE_MS = 250;
/** So long a scan waits for a screen that is about to come up. */
const HOLD_MS = 3_000;
const GROUP_SEPARATOR = "\x1d";
const MIN_SCAN_CHARS = 3;
/** Faster than anybody types: what comes so into a text field is a scan. */
const MAX_BURST_MS_A_CHAR = 35;

/**
 * @typedef {object} Reading
 * @property {string} code as scanned
 * @property {string | null} command the button that a printed command stands for
 */

/** Who gets a scan: the one who came last, unless it hands it on by returning false. */
const takers = /** @type {((reading: Reading) => boolean | void)[]} */ ([]);
/** Who gets single keys that somebody types while no field has the focus. */
const typists = /** @type {((key: string) => void)[]} */ ([]);

let buffer = "";
/** When the first and the last char of the buffer were typed, by the clock of events: a busy page does not slow them. */
let burst = { since: 0, until: 0 };
let timer = 0;
let endsWithEnter = localStorage.getItem("scanner") === "enter";
let last = { code: "", at: -Infinity };
/** A scan that nobody took: the screen that would have is not up yet. */
let held = /** @type {{reading: Reading, at: number} | null} */ (null);
let field = /** @type {HTMLTextAreaElement | null} */ (null);

/** @param {(reading: Reading) => boolean | void} taker @returns {() => void} no longer take scans */
export function onScan(taker) {
  takers.push(taker);
  const early = held;
  held = null;
  if (early && performance.now() - early.at < HOLD_MS) offer(early.reading, early.at);
  return () => void takers.splice(takers.indexOf(taker), 1);
}

/** @param {(key: string) => void} typist @returns {() => void} */
export function onKey(typist) {
  typists.push(typist);
  return () => void typists.splice(typists.indexOf(typist), 1);
}

/** Begin to listen. The field is what input methods need: focused when nothing else is, and without a soft keyboard. */
export function start() {
  field = document.createElement("textarea"); // An input would lose the line end of a scan that comes in one piece.
  Object.assign(field, { id: "scanner", autocomplete: "off", tabIndex: -1, className: "scanner" });
  for (const [name, value] of [["inputmode", "none"], ["aria-label", "Scan"], ["autocapitalize", "off"], ["spellcheck", "false"]]) {
    field.setAttribute(name, value);
  }
  const place = document.createElement("aside");
  place.setAttribute("aria-label", "Scanner");
  place.append(field);
  document.body.append(place);
  addEventListener("keydown", onKeyDown, { capture: true });
  field.addEventListener("input", onText);
  field.addEventListener("compositionend", onText);
  addEventListener("pointerup", (event) => event.pointerType !== "" && setTimeout(takeFocus), { passive: true });
  addEventListener("focusout", () => setTimeout(takeFocusIfFree));
  document.addEventListener("visibilitychange", () => !document.hidden && takeFocusIfFree());
  takeFocusIfFree();
}

/** @param {EventTarget | null} target */
const isTextField = (target) =>
  target !== field &&
  (target instanceof HTMLTextAreaElement ||
    target instanceof HTMLSelectElement ||
    (target instanceof HTMLInputElement && !["button", "checkbox", "radio", "submit", "file"].includes(target.type)));

// After a tap: a button that keeps the focus would swallow what an input method sends.
function takeFocus() {
  if (!isTextField(document.activeElement)) field?.focus({ preventScroll: true });
}

function takeFocusIfFree() {
  if (document.activeElement === document.body || document.activeElement === null) takeFocus();
}

/** @param {KeyboardEvent} event */
function onKeyDown(event) {
  // altKey is not looked at: some handhelds set it with every key that they send.
  if (event.isComposing || event.key === "Unidentified" || event.key === "Process") return;
  if (isTextField(event.target)) return onFieldKey(event);
  if (event.key === "Enter" || event.key === "Tab") {
    if (!buffer) return;
    event.preventDefault();
    event.stopPropagation();
    learnEnter();
    return end(true);
  }
  const char = event.ctrlKey && event.key === "]" ? GROUP_SEPARATOR : event.key;
  if (char.length !== 1 || (event.metaKey || (event.ctrlKey && char !== GROUP_SEPARATOR && !event.altKey))) return;
  if (buffer || event.target === field) event.preventDefault();
  take(char, event.timeStamp);
}

/** @param {string} text @param {number} at */
function take(text, at) {
  burst = { since: buffer ? burst.since : at, until: at };
  buffer += text;
  clearTimeout(timer);
  // Where somebody types a PIN, a single key is a key.
  const waits = endsWithEnter && (buffer.length > 1 || !typists.length);
  timer = setTimeout(() => end(false), waits ? STUMBLE_MS : SILENCE_MS);
}

/** Where somebody types, few keys are keys, and so are many that no scanner sends as slowly and none ends. */
function isTyped() {
  const slowly = burst.until - burst.since >= MAX_BURST_MS_A_CHAR * (buffer.length - 1);
  return typists.length > 0 && (buffer.length < MIN_SCAN_CHARS || slowly);
}

function learnEnter() {
  if (!endsWithEnter) localStorage.setItem("scanner", "enter");
  endsWithEnter = true;
}

/** Text that came in one piece, or char by char without proper key events. */
function onText() {
  if (!field || !field.value) return;
  const lines = field.value.split(/[\r\n]+/);
  field.value = "";
  lines.forEach((line, place) => {
    if (line) take(line, performance.now());
    if (place < lines.length - 1 && buffer) end(true);
  });
}

let typed = { text: "", since: 0, before: "" };

/** A scan into a text field: the field gets back what it held, and the scan goes its way. @param {KeyboardEvent} event */
function onFieldKey(event) {
  const input = /** @type {HTMLInputElement} */ (event.target);
  const at = performance.now();
  if (event.key === "Enter" && typed.text.length >= MIN_SCAN_CHARS && at - typed.since < MAX_BURST_MS_A_CHAR * (typed.text.length + 1)) {
    event.preventDefault();
    event.stopPropagation();
    const code = typed.text;
    input.value = typed.before;
    input.dispatchEvent(new Event("input", { bubbles: true }));
    typed = { text: "", since: 0, before: "" };
    return deliver(code);
  }
  if (event.key.length !== 1) return;
  const goesOn = typed.text && at - typed.since < MAX_BURST_MS_A_CHAR * (typed.text.length + 1);
  typed = goesOn ? { ...typed, text: typed.text + event.key } : { text: event.key, since: at, before: input.value ?? "" };
}

/** @param {boolean} entered by ENTER, not by silence */
function end(entered) {
  clearTimeout(timer);
  const text = buffer;
  const typed = !entered && isTyped();
  buffer = "";
  if (typed) [...text].forEach((key) => typists.at(-1)?.(key));
  else if (entered || text.length >= MIN_SCAN_CHARS) deliver(text);
}

/** @param {string} text */
export function deliver(text) {
  const code = text.replace(/[\r\n\t]+$/, "");
  const at = performance.now();
  const isDouble = code === last.code && at - last.at < DOUBLE_MS;
  last = { code, at };
  if (!code || isDouble) return;
  offer({ code, command: commandOf(code) }, at);
}

/** @param {Reading} reading @param {number} at */
function offer(reading, at) {
  const taken = takers.slice().reverse().some((taker) => taker(reading) !== false);
  // A command means what is on the screen now, never what comes next.
  if (!taken && !reading.command) held = { reading, at };
}
