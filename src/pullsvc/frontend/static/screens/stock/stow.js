// Put backstock away by scan: load the cart, walk the bins, scan each where its things go.

import { useEffect, useState } from "preact/hooks";
import { read } from "../../core/cache.js";
import { advised, alongTheWalk, changed, inHand, loadOf, loaded, stillThere, waitingOf } from "../../core/cart.js";
import { draft } from "../../core/draft.js";
import { bad, good, look } from "../../core/feedback.js";
import { t } from "../../core/i18n.js";
import { learnItems, relearnItems } from "../../core/known.js";
import * as outbox from "../../core/outbox.js";
import { storePath } from "../../core/session.js";
import { DoneList } from "../../ui/done_list.js";
import { InHand, Quantity, TypeCode, within } from "../../ui/quantity.js";
import { back } from "../../ui/router.js";
import { useOpening, useThings } from "../../ui/taking.js";
import { Button, Empty, Notice, Page, Sheet, Tag, Trouble, html, toast, useLoad } from "../../ui/ui.js";
import { NOTHING, isRepeated, putInto, putting, undo, undoLast } from "./stow_acts.js";

const MAX_ROWS = 200;
const SOURCES = new Set(["receiving", "shelf"]);
const work = draft("stow", NOTHING);
const backstockPath = () => storePath(`backstock?limit=${MAX_ROWS}`);
const loadBackstock = () => read(backstockPath());

export default function Stow() {
  const { opened, opening } = useOpening(() => Promise.all([work.open(), relearnItems(backstockPath())]));
  const unsent = outbox.waiting.value;
  const backstock = useLoad(loadBackstock, [work.value.cart.length === 0, unsent.length === 0]);
  const booked = backstock.value?.value.items ?? [];
  useEffect(() => learnItems(booked), [backstock.value]);
  const rows = stillThere(booked, unsent);
  useThings(opening, {
    onThing: (thing) => (work.value.walking ? atBin(thing) : take(thing, rows)),
    onCommand: (command) => (commands()[command] ?? bad)(),
  });
  if (!opened) return html`<${Page} title=${t("home.stow")} back=${true}><//>`;
  if (!work.value.cart.length) return html`<${Waiting} rows=${rows} refusal=${backstock.refusal} loading=${backstock.loading} />`;
  return work.value.walking ? html`<${Walk} />` : html`<${LoadUp} />`;
}

/** @returns {Record<string, () => void>} what each printed command does now */
function commands() {
  const { cart, walking } = work.value;
  const [held] = cart;
  const undoOne = () => undoLast(work);
  if (!held) return { BACK: back, UNDO: undoOne };
  const n = putting(work.value);
  const load = (qty) => () => (setLoad(qty), good(String(qty)));
  const put = (qty) => () => (setPut(qty), good(String(putting(work.value))));
  if (walking) return { "+1": put(n + 1), "-1": put(n - 1), CASE: put(n + held.case_pack), SKIP: skip, UNDO: undoOne, BACK: () => (good(), reload()) };
  return { "+1": load(held.qty + 1), "-1": load(held.qty - 1), CASE: load(held.qty + held.case_pack), UNDO: load(0), BACK: load(0), DONE: go, OK: go };
}

/** How many of what is in hand are on the cart. @param {number} qty */
const setLoad = (qty) => work.change({ cart: changed(work.value.cart, work.value.cart[0].code, { qty: within(qty) }) });

/** How many of what is in hand go into the next bin. @param {number} qty */
const setPut = (qty) => work.change({ putting: Math.min(work.value.cart[0].qty, within(qty, 1)) });

function go() {
  good();
  work.change({ cart: alongTheWalk(work.value.cart), walking: true, putting: null, sure: "" });
}

const reload = () => work.change({ walking: false, putting: null });

function skip() {
  const [held, ...others] = work.value.cart;
  good();
  work.change({ cart: [...others, held], putting: null, sure: "" });
}

/** What stands where goods arrive or come back to. @param {{rows: any[], refusal: unknown, loading: boolean}} props */
function Waiting({ rows, refusal, loading }) {
  const { from, done } = work.value;
  return html`<${Page} title=${t("home.stow")} back=${true} foot=${html`<${TypeCode} label=${t("count.type_item")} />`}>
    ${refusal && html`<${Trouble} refusal=${refusal} />`}
    ${from && html`<${Notice}>${t("stow.taking_from", { location: from })}<//>`}
    ${rows.length === 0 && done.length === 0 && !loading
      ? html`<${Empty} icon="stow" title=${t("stow.scan_item")}><p>${t("stow.none")}</p><//>`
      : html`<p class="lead">${t("stow.scan_item")}</p>`}
    ${rows.length > 0 && html`<h2 class="section">${t("stow.waiting", { n: rows.length })}</h2><ul class="list">${rows.map((row) => html`<li key=${`${row.location}/${row.sku}`}><${Stood} row=${row} /></li>`)}</ul>`}
    <${DoneList} title=${t("stow.put_away")} done=${done} says="stow.undone" onUndo=${(one) => undo(work, one)} />
  <//>`;
}

/** @param {{row: any}} props */
const Stood = ({ row }) =>
  html`<button type="button" class="row" onClick=${() => (good(), takeRow(row))}>
    <span class="grow"><span class="strong clip">${row.description}</span><span class="soft code">${row.location}${row.bins[0] && ` → ${row.bins[0].location}`}</span></span>
    <span class="end amount">${row.qty}</span>
  </button>`;

/** All of it, from where it stands. @param {any} row */
function takeRow(row) {
  const load = { ...loadOf({ is: "item", ...row, code: row.sku }, row.location), standing: [{ location: row.location, qty: row.qty }], bins: row.bins };
  work.change({ cart: loaded(work.value.cart, load, row.qty), putting: null });
}

/** Loading: every scan is one more of it. */
function LoadUp() {
  const [asking, setAsking] = useState(false);
  const { cart } = work.value;
  const [held, ...others] = cart;
  const foot = html`<${Button} kind="primary" icon="stow" onClick=${go}>${t("stow.walk", { n: cart.length })}<//>`;
  return html`<${Page} title=${t("stow.loading")} back=${() => setLoad(0)} foot=${foot}>
    <${InHand} item=${held}>
      <${Quantity} value=${held.qty} casePack=${held.case_pack} all=${waitingOf(held)} onChange=${setLoad} />
      <${Button} kind="small" onClick=${() => setAsking(true)}>${t("stow.from", { location: held.from })}<//>
    <//>
    <${Goal} bins=${held.bins} />
    ${others.length > 0 && html`<h2 class="section">${t("stow.on_cart")}</h2><ul class="list">${others.map((one) => html`<li key=${one.code}><${Carried} load=${one} onPick=${() => work.change({ cart: inHand(work.value.cart, one.code) })} /></li>`)}</ul>`}
    <${TypeCode} label=${t("count.type_item")} />
    ${asking && html`<${From} load=${held} onClose=${() => setAsking(false)} />`}
  <//>`;
}

/** @param {{bins: import("../../core/cart.js").Bin[]}} props */
function Goal({ bins }) {
  const [first, ...rest] = bins;
  if (!first) return html`<p class="lead">${t("stow.scan_any_bin")}</p>`;
  return html`<div class="goal"><p class="soft">${t(first.qty > 0 ? "stow.its_bin" : "stow.free_bin")}</p><p class="place code">${first.location}</p>
    ${rest.length > 0 && html`<p class="tags">${rest.map((bin) => html`<${Tag} key=${bin.location}><span class="code">${bin.location}</span>${bin.qty > 0 && t("stock.there", { n: bin.qty })}<//>`)}</p>`}</div>`;
}

/** @param {{load: import("../../core/cart.js").Load, onPick: () => void}} props */
const Carried = ({ load, onPick }) =>
  html`<button type="button" class="row" onClick=${onPick}>
    <span class="grow"><span class="strong clip">${load.description ?? load.code}</span><span class="soft code">${load.bins[0]?.location ?? ""}</span></span><span class="end amount">${load.qty}</span>
  </button>`;

/** @param {{load: import("../../core/cart.js").Load, onClose: () => void}} props */
function From({ load, onClose }) {
  const places = [...new Set(["RECEIVING", "RETURNS", ...load.standing.map((one) => one.location), load.home, load.from].filter(Boolean))];
  const pick = (from) => {
    work.change({ cart: changed(work.value.cart, load.code, { from }) });
    onClose();
  };
  return html`<${Sheet} title=${t("stow.where_from")} onClose=${onClose}>
    ${places.map((place) => html`<${Button} kind="choice" aria-pressed=${String(place === load.from)} onClick=${() => pick(place)}>${place === load.home ? t("stow.shelf", { location: place }) : place}<//>`)}
  <//>`;
}

/** Walking: the next bin, and what goes there. */
function Walk() {
  const { cart, done } = work.value;
  const [held, ...others] = cart;
  const foot = others.length > 0 && html`<${Button} icon="skip" onClick=${skip}>${t("stow.skip")}<//>`;
  return html`<${Page} title=${t("stow.walking", { n: cart.length })} back=${reload} foot=${foot}>
    <${Goal} bins=${held.bins} />
    <${InHand} item=${held}><${Quantity} value=${putting(work.value)} least=${1} all=${held.qty} onChange=${setPut} /><//>
    <p class="lead">${t("stow.scan_bin")}</p>
    <${TypeCode} label=${t("receive.type_bin")} />
    <${DoneList} title=${t("stow.put_away")} done=${done} says="stow.undone" onUndo=${(one) => undo(work, one)} />
  <//>`;
}

/** On the walk an item only comes to hand; it is on the cart already. @param {import("../../core/known.js").Thing} thing */
function atBin(thing) {
  const code = thing.sku ?? thing.code;
  const { cart } = work.value;
  if (cart.some((one) => one.code === code)) {
    work.change({ cart: inHand(cart, code), putting: null, sure: code });
    return good();
  }
  if (thing.is === "item") return (bad(), toast(t("stow.not_on_cart")));
  return takePlace(thing);
}

/** @param {import("../../core/known.js").Thing} thing @param {any[]} rows what waits */
function take(thing, rows) {
  const { cart, from } = work.value;
  const isPlace = thing.is === "place" || (cart.length > 0 && thing.is === "unreached" && !/^\d{14}$/.test(thing.code));
  if (isPlace) return takePlace(thing);
  const load = loadOf(thing, from);
  const pack = thing.pack_qty ?? 1;
  const after = loaded(cart, load, pack);
  const waits = rows.filter((row) => row.sku === load.code);
  const standing = waits.map(({ location, qty }) => ({ location, qty })).sort((a, b) => b.qty - a.qty);
  const isNew = !cart.some((one) => one.code === load.code);
  work.change({ cart: isNew && waits.length ? advised(after, load.code, { standing, bins: waits[0].bins }, from) : after, putting: null });
  (thing.is === "unreached" ? look : good)(String(after[0].qty));
  if (isNew) void advise(load.code);
}

/** @param {string} code */
async function advise(code) {
  const advice = await read(storePath(`bin-suggestions?code=${encodeURIComponent(code)}`)).catch(() => null);
  if (!advice) return;
  const { standing, bins, item } = advice.value;
  work.change({ cart: advised(work.value.cart, code, { standing, bins, home: item.home }, work.value.from) });
}

/** A bin takes what is in hand; a shelf, or where goods arrive, is where the next things come from. @param {import("../../core/known.js").Thing} thing */
function takePlace(thing) {
  const { cart, walking } = work.value;
  if (!walking && SOURCES.has(thing.kind ?? "")) {
    work.change({ from: thing.code });
    good(thing.code);
    return toast(t("stow.taking_from", { location: thing.code }));
  }
  if (thing.is === "place" && thing.kind !== "backroom") return (bad(), toast(t("stock.no_bin", { location: thing.code })));
  if (!cart.length) return (bad(), toast(t("receive.item_first")));
  if (walking && isRepeated(work.value, thing.code)) return (look(), toast(t("stow.same_bin", { name: cart[0].description ?? cart[0].code, location: thing.code })));
  return putInto(work, thing.code);
}
