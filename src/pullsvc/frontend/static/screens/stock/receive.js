// Receive by scan: which delivery, then item after item, each into its bin or left where goods arrive.

import { read } from "../../core/cache.js";
import { RECEIVING } from "../../core/cart.js";
import { now, nowText } from "../../core/clock.js";
import { draft } from "../../core/draft.js";
import { bad, good, look } from "../../core/feedback.js";
import { date, t, time } from "../../core/i18n.js";
import { uuid } from "../../core/ids.js";
import * as outbox from "../../core/outbox.js";
import { storePath } from "../../core/session.js";
import { DoneList, noted, undone } from "../../ui/done_list.js";
import { InHand, Quantity, TypeCode, within } from "../../ui/quantity.js";
import { back } from "../../ui/router.js";
import { useOpening, useThings } from "../../ui/taking.js";
import { Button, Empty, Notice, Page, Tag, Trouble, html, toast, useLoad } from "../../ui/ui.js";

const PLACES = new Set(["backroom", "shelf", "receiving"]);
const LATELY_MS = 24 * 3600 * 1000;
/** @typedef {{code: string, sku?: string, description?: string, department?: string, case_pack: number, qty: number, bins: import("../../core/cart.js").Bin[]}} Held */
/** @type {{delivery: string | null, held: Held | null, done: import("../../ui/done_list.js").Done[]}} `delivery`: null: not chosen; empty: none is expected */
const NOTHING = { delivery: null, held: null, done: [] };
const work = draft("receive", NOTHING);
const loadDeliveries = () => read(storePath("expected-deliveries"));

export default function Receive() {
  const { opened, opening } = useOpening(work.open);
  const deliveries = useLoad(loadDeliveries, [work.value.delivery]);
  const all = deliveries.value?.value.items ?? [];
  const due = all.filter((one) => !one.arrived_at && !outbox.waiting.value.some((act) => act.about.reference === one.reference));
  useThings(opening, {
    onThing: (thing) => (work.value.delivery === null ? choose(thing, due) : take(thing)),
    onCommand: (command) => (commands()[command] ?? bad)(),
  });
  if (!opened) return html`<${Page} title=${t("home.receive")} back=${true}><//>`;
  return work.value.delivery === null ? html`<${Deliveries} all=${all} due=${due} refusal=${deliveries.refusal} loading=${deliveries.loading} />` : html`<${Unload} />`;
}

/** @param {string} delivery its reference; empty: none */
function begin(delivery) {
  good(delivery);
  work.change({ delivery });
}

/** A delivery by its note, or an item that came without one. @param {import("../../core/known.js").Thing} thing @param {any[]} due */
function choose(thing, due) {
  const named = due.find((one) => one.reference === thing.code);
  if (named) return begin(named.reference);
  if (thing.is === "place") return (bad(), toast(t("receive.item_first")));
  work.change({ delivery: "" });
  return take(thing);
}

/** @returns {Record<string, () => void>} what each printed command does now */
function commands() {
  const { delivery, held } = work.value;
  if (delivery === null) return { OK: () => begin(""), BACK: back };
  if (!held) return { UNDO: undoLast, DONE: quit, OK: quit, BACK: quit };
  const to = (qty) => () => (setQty(qty), good(String(within(qty))));
  const leaveHere = () => bookAt(RECEIVING);
  return { "+1": to(held.qty + 1), "-1": to(held.qty - 1), CASE: to(held.qty + held.case_pack), OK: leaveHere, DONE: leaveHere, UNDO: drop };
}

function drop() {
  good();
  work.change({ held: null });
}

function quit() {
  if (!work.value.held) return work.change(NOTHING);
  bad();
  toast(t("receive.finish_first"));
}

/** @param {{all: any[], due: any[], refusal: unknown, loading: boolean}} props */
function Deliveries({ all, due, refusal, loading }) {
  const here = all.filter((one) => one.arrived_at && now() - Date.parse(one.arrived_at) < LATELY_MS);
  const foot = html`<${Button} kind=${due.length ? "" : "primary"} onClick=${() => begin("")}>${t("receive.without")}<//>`;
  return html`<${Page} title=${t("home.receive")} back=${true} foot=${foot}>
    ${refusal && html`<${Trouble} refusal=${refusal} />`}
    ${due.length === 0 && !loading && html`<${Empty} icon="receive" title=${t("receive.none")}><p>${t("receive.none.more")}</p><//>`}
    ${due.length > 0 && html`<h2 class="section">${t("receive.expected")}</h2><ul class="list">${due.map((one) => html`<li key=${one.reference}><${Delivery} delivery=${one} /></li>`)}</ul>`}
    ${here.length > 0 && html`<h2 class="section">${t("receive.arrived")}</h2><ul class="list">${here.map((one) => html`<li key=${one.reference}><${Delivery} delivery=${one} /></li>`)}</ul>`}
  <//>`;
}

/** @param {{delivery: {reference: string, due_at: string, arrived_at: string | null}}} props */
function Delivery({ delivery: { reference, due_at, arrived_at } }) {
  const late = !arrived_at && Date.parse(due_at) < now();
  const tag = arrived_at
    ? html`<${Tag} kind="good" icon="good">${t("receive.unloaded_at", { time: time(arrived_at) })}<//>`
    : html`<${Tag} kind=${late ? "look" : ""} icon="clock">${time(due_at)}<//>`;
  return html`<button type="button" class="row" onClick=${() => begin(reference)}>
    <span class="grow"><span class="strong code clip">${reference}</span><span class="soft">${late ? t("receive.late") : date(due_at)}</span></span><span class="end">${tag}</span>
  </button>`;
}

function Unload() {
  const { delivery, held, done } = work.value;
  const foot = held
    ? html`<${Button} kind="primary" icon="receive" disabled=${held.qty === 0} onClick=${() => bookAt(RECEIVING)}>${t("receive.leave_here")}<//>`
    : html`${delivery ? html`<${Button} kind="primary" icon="good" onClick=${() => arrived(delivery)}>${t("receive.unloaded")}<//>` : html`<${Button} kind="primary" onClick=${quit}>${t("done")}<//>`}`;
  return html`<${Page} title=${delivery || t("home.receive")} back=${quit} foot=${foot}>
    ${held
      ? html`<${InHand} item=${held}><${Quantity} value=${held.qty} casePack=${held.case_pack} onChange=${setQty} /><${Where} bins=${held.bins} /><//>
          <${Button} kind="plain small" onClick=${drop}>${t("receive.not_this")}<//>`
      : html`<p class="lead">${t("receive.scan_item")}</p>`}
    ${!held && done.length === 0 && delivery && html`<${Notice}>${t("receive.how")}<//>`}
    <${TypeCode} label=${held ? t("receive.type_bin") : t("count.type_item")} />
    <${DoneList} title=${t("receive.booked")} done=${done} says="receive.undone" onUndo=${undo} />
  <//>`;
}

/** @param {{bins: import("../../core/cart.js").Bin[]}} props */
const Where = ({ bins }) =>
  html`<p class="lead">${t("receive.scan_bin")}</p>${bins.length > 0 && html`<p class="tags">${bins.map((bin) => html`<${Tag} key=${bin.location}><span class="code">${bin.location}</span>${bin.qty > 0 && t("stock.there", { n: bin.qty })}<//>`)}</p>`}`;

/** @param {number} qty */
const setQty = (qty) => work.value.held && work.change({ held: { ...work.value.held, qty: within(qty) } });

/** A place takes what is in hand; another item leaves it where goods arrive. @param {import("../../core/known.js").Thing} thing */
async function take(thing) {
  const { held } = work.value;
  const isPlace = thing.is === "place" || (held && thing.is === "unreached" && !/^\d{14}$/.test(thing.code));
  if (isPlace) return takePlace(thing);
  const code = thing.sku ?? thing.code;
  const pack = thing.pack_qty ?? 1;
  if (held?.code === code) {
    work.change({ held: { ...held, qty: within(held.qty + pack) } });
    return good(String(held.qty + pack));
  }
  if (held?.qty) await bookAt(RECEIVING);
  const { sku, description, department, case_pack = 1 } = thing;
  work.change({ held: { code, sku, description, department, case_pack, qty: pack, bins: [] } });
  (thing.is === "unreached" ? look : good)(String(pack));
  void advise(code);
}

/** @param {import("../../core/known.js").Thing} thing */
function takePlace(thing) {
  if (!work.value.held) return (bad(), toast(t("receive.item_first")));
  if (thing.is === "place" && !PLACES.has(thing.kind ?? "")) return (bad(), toast(t("stock.no_bin", { location: thing.code })));
  return bookAt(thing.code);
}

/** @param {string} code */
async function advise(code) {
  const advice = await read(storePath(`bin-suggestions?code=${encodeURIComponent(code)}`)).catch(() => null);
  const { held } = work.value;
  if (advice && held?.code === code) work.change({ held: { ...held, bins: advice.value.bins } });
}

/** @param {string} location */
async function bookAt(location) {
  const { held, delivery, done } = work.value;
  if (!held || held.qty === 0) return bad();
  good(location);
  const one = { id: uuid(), code: held.code, name: held.description ?? held.code, qty: held.qty, from: "", to: location, undone: false };
  await work.changeWith({ held: null, done: noted(done, one) }, (notes) =>
    outbox.put({
      path: storePath("receivings"),
      body: { code: held.code, qty: held.qty, location, ...(delivery && { reference: delivery }), occurred_at: nowText() },
      what: "act.receive",
      about: { n: held.qty, name: one.name, id: one.id, chain: one.id },
      notes,
    }),
  );
}

/** What was booked by mistake is taken off the book again: the ledger shows both. @param {import("../../ui/done_list.js").Done} one */
async function undo(one) {
  good(t("undo"));
  await work.changeWith({ done: undone(work.value.done, one.id) }, (notes) =>
    outbox.put({
      path: storePath("adjustments"),
      body: { code: one.code, change: -one.qty, location: one.to, reason: t("receive.undo_reason"), occurred_at: nowText() },
      what: "act.unreceive",
      about: { n: one.qty, name: one.name, chain: one.id },
      notes,
    }),
  );
}

function undoLast() {
  const last = work.value.done.find((one) => !one.undone);
  return last ? undo(last) : bad();
}

/** @param {string} reference */
async function arrived(reference) {
  good();
  await work.changeWith({ ...NOTHING }, (notes) =>
    outbox.put({ path: storePath(`expected-deliveries/${encodeURIComponent(reference)}/arrivals`), what: "act.arrived", about: { reference }, notes }),
  );
  toast(t("receive.told", { reference }));
}
