// A hand in a glove bounces: it touches twice where it means once. What the first touch brings up must not take the
// second one. Whoever presses the same button again, such as "One more" or a key of the PIN, is not held up.

const BOUNCE_MS = 350;
const REACH_PX = 24;
const CONTROLS = "button, a, label, input, select, textarea, summary";

/** The touch that is under way. */
let touch = { n: 0, x: 0, y: 0, at: 0 };
/**
 * The last touch that did something: on what, how that read and where it stood then, and when the page was done with it.
 * @type {{control: Element, words: string, box: DOMRect, n: number, x: number, y: number, until: number} | null}
 */
let last = null;

/** Begin to look; before anything else hears of a click. */
export function start() {
  addEventListener("pointerdown", onDown, { capture: true, passive: true });
  addEventListener("click", onClick, { capture: true });
  addEventListener("click", onDone, { passive: true });
}

/** @param {PointerEvent} event */
function onDown({ clientX, clientY, timeStamp }) {
  touch = { n: touch.n + 1, x: clientX, y: clientY, at: timeStamp };
}

/** @param {MouseEvent} event */
function onClick(event) {
  if (!event.isTrusted || event.detail === 0) return; // By a program, or by a key.
  const control = controlOf(/** @type {Element} */ (event.target));
  if (isBounce(control)) {
    event.preventDefault();
    event.stopImmediatePropagation();
  } else if (touch.n !== last?.n) {
    last = control && { control, words: wordsOf(control), box: control.getBoundingClientRect(), n: touch.n, x: touch.x, y: touch.y, until: event.timeStamp };
  }
}

// A touch while the page was still busy with the one before was no answer to what that brought up.
function onDone() {
  if (last?.n === touch.n) last.until = performance.now();
}

/** What a click means; beside a sheet that is to close it. @param {Element} target */
const controlOf = (target) => target.closest(CONTROLS) ?? (target instanceof HTMLDialogElement ? target : null);

/** How it reads, and what it is about: the next line may have a button of the same words. @param {Element} control */
function wordsOf(control) {
  const about = /** @type {HTMLElement | null} */ (control.closest("[data-about]"))?.dataset.about;
  return `${about} ${control.getAttribute("aria-label") ?? ""} ${control.textContent}`;
}

/** Whether the touch hits something that was not there when the one before hit its place. @param {Element | null} control */
function isBounce(control) {
  if (!last || touch.n === last.n) return false; // A touch of a label is a click of its box too.
  const isSoon = touch.at - last.until < BOUNCE_MS;
  const isNear = Math.hypot(touch.x - last.x, touch.y - last.y) < REACH_PX;
  if (!isSoon || !isNear) return false;
  const isUnchanged = last.control.isConnected && wordsOf(last.control) === last.words;
  // Beside a button that is still what it was, its neighbour is meant: keys of a PIN come fast.
  return !isUnchanged || (control !== last.control && isWithin(last.box));
}

/** @param {DOMRect} box */
const isWithin = (box) => touch.x >= box.left && touch.x <= box.right && touch.y >= box.top && touch.y <= box.bottom;
