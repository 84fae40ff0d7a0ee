// What came of a count, now that it is taken: the book, the difference, and whether to count again.

import { useEffect, useState } from "preact/hooks";
import { request } from "../../core/api.js";
import { isFarOff, lineOf } from "../../core/counting.js";
import { look } from "../../core/feedback.js";
import { t } from "../../core/i18n.js";
import { uuid } from "../../core/ids.js";
import { identify } from "../../core/known.js";
import { attention, waiting } from "../../core/outbox.js";
import { storePath } from "../../core/session.js";
import { linkTo } from "../../ui/router.js";
import { Button, Notice, Page, Tag, html } from "../../ui/ui.js";

const MAX_NAMED = 5;
const MAX_BOOKS = 200;

/**
 * @typedef {object} Result
 * @property {string} id by which its act names it
 * @property {import("../../core/counting.js").Line} line
 * @property {string} location
 * @property {{state: string, counted_qty: number, book_qty: number, variance: number} | null} count the service's answer
 * @property {boolean} refused
 * @property {boolean} kept whether its act is in the outbox, or was
 */

/** @param {import("../../core/counting.js").Line} line @param {string} location @returns {Result} */
export const pendingOf = (line, location) => ({ id: uuid(), line, location, count: null, refused: false, kept: false });

/** @param {Result[]} results @param {import("../../core/outbox.js").Act} act @param {any} answer @param {unknown} refusal @returns {Result[]} */
export const heard = (results, act, answer, refusal) =>
  results.map((one) => (one.id === act.about.count ? { ...one, count: answer?.count ?? null, refused: refusal !== null } : one));

/**
 * @param {{location: string, results: Result[], onLines: (lines: import("../../core/counting.js").Line[]) => void, onLeave: () => void}} props
 */
export function Outcome({ location, results, onLines, onLeave }) {
  const isAnswered = results.every((one) => one.count);
  const missed = useMissed(location, results, isAnswered);
  useEffect(() => {
    if (results.some((one) => one.count && isFarOff(one.count))) look(t("count.again"));
  }, [isAnswered]);
  const recount = (result) => onLines([{ ...result.line, qty: 0 }]);
  const foot = html`<${Button} kind="primary" onClick=${onLeave}>${t("count.next")}<//>`;
  return html`<${Page} title=${location} back=${onLeave} foot=${foot}>
    ${isAnswered && html`<${Notice} kind="good" title=${t("count.booked")}>${results.some((one) => one.count?.variance) ? t("count.corrected") : t("count.all_right")}<//>`}
    <ul class="list">${results.map((one) => html`<${Counted} result=${one} key=${one.id} onAgain=${() => recount(one)} />`)}</ul>
    ${missed.length > 0 && html`<${Notice} kind="look" title=${t("count.missed", { n: missed.length })}>
      ${missed.slice(0, MAX_NAMED).map((line) => line.description).join(", ")}${missed.length > MAX_NAMED && " ..."}
      <div><${Button} kind="small" icon="count" onClick=${() => onLines(missed)}>${t("count.count_them")}<//></div>
    <//>`}
    <p class="soft">${t("count.scan_next")}</p>
  <//>`;
}

/** What the book has here besides, once it may be told. @param {string} location @param {Result[]} results @param {boolean} isAnswered */
function useMissed(location, results, isAnswered) {
  const [missed, setMissed] = useState(/** @type {import("../../core/counting.js").Line[]} */ ([]));
  useEffect(() => {
    if (isAnswered) missedAt(location, results).then(setMissed, () => setMissed([]));
  }, [isAnswered]);
  return missed;
}

/** @param {string} location @param {Result[]} results */
async function missedAt(location, results) {
  const { items } = await request("GET", storePath(`balances?location=${encodeURIComponent(location)}&limit=${MAX_BOOKS}`));
  const done = new Set(results.map((one) => one.line.code));
  const skus = items.filter((book) => book.qty > 0 && !done.has(book.sku)).map((book) => book.sku);
  const named = await Promise.all(skus.map((sku) => identify(sku)));
  return named.map((item, place) => lineOf({ ...item, sku: skus[place] }));
}

/** @param {{result: Result, onAgain: () => void}} props */
function Counted({ result, onAgain }) {
  const { line, count } = result;
  const far = count && count.state === "done" && isFarOff(count);
  return html`<li class="card">
    <div class="split"><span class="strong">${line.description ?? line.code}</span><span class="amount">${line.qty}</span></div>
    <p class="tags">${said(result)}</p>
    ${far && html`<p>${t("count.far_off")}</p><${Button} kind="small" icon="undo" onClick=${onAgain}>${t("count.again")}<//>`}
  </li>`;
}

/** @param {Result} result */
function said({ id, count, refused }) {
  if (refused || attention.value.some((act) => act.about.count === id)) {
    return html`<a href=${linkTo("tray")}><${Tag} kind="bad" icon="bad">${t("stock.refused")}<//></a>`;
  }
  if (!count) {
    const isWaiting = waiting.value.some((act) => act.about.count === id);
    return html`<${Tag} icon=${isWaiting ? "clock" : "good"}>${t(isWaiting ? "count.waits" : "count.sent")}<//>`;
  }
  if (count.state === "superseded") return html`<${Tag} kind="look" icon="look">${t("count.superseded")}<//>`;
  if (count.variance === 0) return html`<${Tag} kind="good" icon="good">${t("count.same")}<//>`;
  const key = count.variance > 0 ? "count.more" : "count.fewer";
  return html`<${Tag} kind="look" icon="look">${t(key, { n: Math.abs(count.variance), book: count.book_qty })}<//>`;
}
