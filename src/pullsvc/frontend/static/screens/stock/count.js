// Count by scan: go to a place, scan what stands there, and only then see what the book said.

import { useEffect, useState } from "preact/hooks";
import { signal } from "@preact/signals";
import { read } from "../../core/cache.js";
import { nowText } from "../../core/clock.js";
import { alongTheWalk, amended, counted, inHand, lineOf, unseen } from "../../core/counting.js";
import { draft } from "../../core/draft.js";
import { bad, good, look } from "../../core/feedback.js";
import { t } from "../../core/i18n.js";
import { identify, learnItems, relearnItems } from "../../core/known.js";
import * as outbox from "../../core/outbox.js";
import { storePath } from "../../core/session.js";
import { back } from "../../ui/router.js";
import { InHand, Quantity, TypeCode, within } from "../../ui/quantity.js";
import { useOpening, useThings } from "../../ui/taking.js";
import { Button, Empty, Page, Pair, Sheet, Tag, Trouble, html, toast, useLoad } from "../../ui/ui.js";
import { Outcome, heard, pendingOf } from "./count_outcome.js";

const PLACES = new Set(["backroom", "shelf", "receiving"]);
const MAX_ROWS = 200;
/** @type {{location: string, lines: import("../../core/counting.js").Line[], results: import("./count_outcome.js").Result[]}} */
const NOTHING = { location: "", lines: [], results: [] };
const work = draft("count", NOTHING);
const requestedPath = () => storePath(`counts?state=requested&limit=${MAX_ROWS}`);
const loadRequested = () => read(requestedPath());

/** The question that lies over the page: `unseen`, `leave`, or none. */
const asking = signal("");
const close = () => {
  asking.value = "";
};

/** @param {{steps: string[]}} props `#/count/1001` has that item counted, wherever one goes */
export default function Count({ steps: [first] }) {
  const { opened, opening } = useOpening(() => Promise.all([work.open().then(send), relearnItems(requestedPath())]));
  const [wanted, setWanted] = useState(/** @type {import("../../core/known.js").Thing | null} */ (null));
  const requested = useLoad(loadRequested, [work.value.location]);
  useEffect(() => {
    close();
    return outbox.onAnswer((act, answer, refusal) => work.change({ results: heard(work.value.results, act, answer, refusal) }));
  }, []);
  useEffect(() => {
    if (first) identify(first).then(setWanted).catch(() => undefined);
  }, [first]);
  const all = requested.value?.value.items ?? [];
  useEffect(() => learnItems(all), [requested.value]);
  const rows = all.filter((row) => !outbox.waiting.value.some((act) => act.about.count && act.body.location === row.location && act.body.code === row.sku));
  const begin = (location) => start(location, rows, wanted);
  useThings(opening, { onThing: (thing) => scanned(thing, begin), onCommand: (command) => (commands()[command] ?? bad)() });
  if (!opened) return html`<${Page} title=${t("home.count")} back=${true}><//>`;
  const { location, results } = work.value;
  if (results.length) return html`<${Outcome} location=${location} results=${results} onLines=${again} onLeave=${leave} />`;
  return location ? html`<${AtPlace} />` : html`<${Walk} rows=${rows} wanted=${wanted?.description ?? ""} refusal=${requested.refusal} loading=${requested.loading} onPlace=${begin} />`;
}

/** @param {import("../../core/known.js").Thing} thing @param {(location: string) => void} begin */
function scanned(thing, begin) {
  const { location, results } = work.value;
  if (asking.value) return bad();
  return location && !results.length ? scannedAt(thing, begin) : scannedBetween(thing, begin);
}

/** @returns {Record<string, () => void>} what each printed command does now */
function commands() {
  const { location, results } = work.value;
  if (asking.value === "unseen") return { OK: noneThere, DONE: noneThere, SKIP: forLater, BACK: close };
  if (asking.value) return { BACK: close };
  if (results.length) return { OK: next, DONE: next, BACK: next };
  return location ? placeCommands() : { BACK: back };
}

/** @param {string} location @param {any[]} rows what is asked for @param {import("../../core/known.js").Thing | null} wanted what somebody came for */
function start(location, rows, wanted) {
  const here = rows.filter((row) => row.location === location).map((row) => lineOf({ ...row, code: row.sku }));
  const isNew = wanted?.is === "item" && here.every((line) => line.code !== wanted.sku);
  work.change({ location, lines: isNew ? [lineOf(wanted), ...here] : here, results: [] });
  good(location);
}

/** Count some of it once more. @param {import("../../core/counting.js").Line[]} lines */
const again = (lines) => work.change({ lines, results: [] });

function leave() {
  close();
  work.change(NOTHING);
}

function next() {
  good();
  leave();
}

/** Between two places only a place means something. @param {import("../../core/known.js").Thing} thing @param {(location: string) => void} begin */
function scannedBetween(thing, begin) {
  if (thing.is === "place") return goTo(thing, begin);
  // Without a network and without a list of places, whatever is no number on a package is taken for a place.
  if (thing.is === "unreached" && !/^\d{14}$/.test(thing.code)) return begin(thing.code);
  look();
  toast(t("count.place_first"));
}

/** @param {import("../../core/known.js").Thing} thing @param {(location: string) => void} begin */
function goTo(thing, begin) {
  if (PLACES.has(thing.kind ?? "")) return begin(thing.code);
  bad();
  toast(t("count.no_place", { location: thing.code }));
}

/** What there is to count, in the order of the walk. @param {{rows: any[], wanted: string, refusal: unknown, loading: boolean, onPlace: (location: string) => void}} props */
function Walk({ rows, wanted, refusal, loading, onPlace }) {
  const stops = alongTheWalk(rows);
  const lead = wanted ? t("count.scan_place_of", { name: wanted }) : t("count.scan_place");
  return html`<${Page} title=${t("home.count")} back=${true} foot=${html`<${TypeCode} label=${t("count.type_place")} />`}>
    ${refusal && html`<${Trouble} refusal=${refusal} />`}
    ${stops.length === 0
      ? !loading && html`<${Empty} icon="scan" title=${lead}><p>${t("count.none")}</p><//>`
      : html`<p class="lead">${lead}</p><h2 class="section">${t("count.asked", { n: rows.length })}</h2>
          <ul class="list">${stops.map((stop) => html`<li key=${stop.location}><${Stop} stop=${stop} onPick=${onPlace} /></li>`)}</ul>`}
  <//>`;
}

/** @param {{stop: {location: string, rows: any[]}, onPick: (location: string) => void}} props */
const Stop = ({ stop, onPick }) =>
  html`<button type="button" class="row" onClick=${() => onPick(stop.location)}>
    <span class="grow"><span class="place code">${stop.location}</span><span class="soft clip">${stop.rows.map((row) => row.description).join(", ")}</span></span>
    <span class="end"><${Tag}>${t("count.items", { n: stop.rows.length })}<//></span>
  </button>`;

/** Counting, at a place: nothing here says what the book says. */
function AtPlace() {
  const { location, lines } = work.value;
  const [first, ...others] = lines;
  const held = first?.qty != null ? first : null;
  const foot = html`<${Button} kind="primary" icon="good" disabled=${lines.length === 0} onClick=${finish}>${t("count.done", { location })}<//>`;
  const left = unseen(lines);
  const rest = others.filter((line) => line.qty !== null);
  return html`<${Page} title=${location} back=${quit} foot=${foot}>
    ${held
      ? html`<${InHand} item=${held}><${Quantity} value=${held.qty} casePack=${held.case_pack} onChange=${set} /><//>`
      : html`<p class="lead">${t("count.scan_items")}</p>`}
    ${left.length > 0 && html`<h2 class="section">${t("count.to_count")}</h2><ul class="list">${left.map((line) => html`<${Row} line=${line} key=${line.code} />`)}</ul>`}
    ${rest.length > 0 && html`<h2 class="section">${t("count.counted")}</h2><ul class="list">${rest.map((line) => html`<${Row} line=${line} key=${line.code} />`)}</ul>`}
    <${TypeCode} label=${t("count.type_item")} />
    ${asking.value === "unseen" && html`<${Unseen} lines=${left} />`}
    ${asking.value === "leave" && html`<${Sheet} title=${t("count.leave", { location })} onClose=${close}>
      <${Button} kind="danger" onClick=${leave}>${t("count.throw_away")}<//><${Button} kind="primary" onClick=${() => (close(), finish())}>${t("count.done", { location })}<//>
    <//>`}
  <//>`;
}

/** @param {number} qty */
const set = (qty) => work.change({ lines: amended(work.value.lines, within(qty), nowText()) });

function finish() {
  const { lines } = work.value;
  if (!lines.length) return bad();
  if (!unseen(lines).length) return book(lines);
  look();
  asking.value = "unseen";
}

function quit() {
  if (work.value.lines.every((line) => line.qty === null)) return leave();
  asking.value = "leave";
}

/** @returns {Record<string, () => void>} */
function placeCommands() {
  const [first] = work.value.lines;
  const ends = { DONE: finish, OK: finish, BACK: quit };
  if (first?.qty == null) return ends;
  const to = (qty) => () => (set(qty), good(String(within(qty))));
  return { ...ends, "+1": to(first.qty + 1), "-1": to(first.qty - 1), CASE: to(first.qty + first.case_pack), UNDO: to(0) };
}

/** @param {import("../../core/known.js").Thing} thing @param {(location: string) => void} begin */
function scannedAt(thing, begin) {
  const { location, lines } = work.value;
  if (thing.is === "place") {
    if (thing.code === location) return good(location);
    if (unseen(lines).length === lines.length) return goTo(thing, begin);
    bad();
    return toast(t("count.finish_first", { location }));
  }
  const after = counted(lines, thing, thing.pack_qty ?? 1, nowText());
  work.change({ lines: after });
  return (thing.is === "unreached" ? look : good)(String(after[0].qty));
}

/** @param {{line: import("../../core/counting.js").Line}} props */
const Row = ({ line }) =>
  html`<li><button type="button" class="row" onClick=${() => work.change({ lines: takenUp(line) })}>
    <span class="grow"><span class="strong clip">${line.description ?? line.code}</span><span class="soft code">${line.sku ?? t("stock.not_known_yet")}</span></span>
    ${line.qty !== null && html`<span class="end amount">${line.qty}</span>`}
  </button></li>`;

/** One that nobody looked at is begun at 0. @param {import("../../core/counting.js").Line} line */
function takenUp(line) {
  const lines = inHand(work.value.lines, line.code);
  return line.qty === null ? amended(lines, 0, nowText()) : lines;
}

/** @param {{lines: import("../../core/counting.js").Line[]}} props */
const Unseen = ({ lines }) =>
  html`<${Sheet} title=${t("count.unseen", { n: lines.length })} onClose=${close}>
    <ul class="list">${lines.map((line) => html`<li class="strong">${line.description ?? line.code}</li>`)}</ul>
    <${Pair}><${Button} onClick=${forLater}>${t("count.later")}<//><${Button} kind="primary" onClick=${noneThere}>${t("count.none_there")}<//><//>
  <//>`;

function noneThere() {
  close();
  return book(work.value.lines.map((line) => (line.qty === null ? { ...line, qty: 0, at: nowText() } : line)));
}

function forLater() {
  const seen = work.value.lines.filter((line) => line.qty !== null);
  close();
  return seen.length ? book(seen) : leave();
}

/** @param {import("../../core/counting.js").Line[]} lines */
async function book(lines) {
  good();
  work.change({ lines: [], results: lines.map((line) => pendingOf(line, work.value.location)) });
  await send();
}

/** Hand what was counted to the outbox, line by line; what a crash left is handed over at the next start. */
async function send() {
  for (const { line, id, location, kept } of work.value.results) {
    if (kept) continue;
    const results = work.value.results.map((one) => (one.id === id ? { ...one, kept: true } : one));
    await work.changeWith({ results }, (notes) =>
      outbox.put({
        path: storePath("counts"),
        body: { code: line.code, location, counted_qty: line.qty, occurred_at: line.at },
        what: "act.count",
        about: { n: line.qty, name: line.description ?? line.code, place: location, count: id },
        notes,
      }),
    );
  }
}
