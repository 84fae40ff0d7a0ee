// Backstock: what is at the dock, or did not fit, goes into a bin. Scan the item as often as there are, then the bin.

import { useState } from "preact/hooks";
import { bad, good, look } from "../../core/feedback.js";
import { t } from "../../core/i18n.js";
import { nowText } from "../../core/clock.js";
import * as outbox from "../../core/outbox.js";
import { read } from "../../core/cache.js";
import { storePath } from "../../core/session.js";
import { go } from "../../ui/router.js";
import { Button, Empty, Page, Sheet, Stepper, Trouble, html, toast, useScan } from "../../ui/ui.js";
import { Chosen, whatIs } from "./scanned.js";

const DOCK = "RECEIVING";

export default function Stow() {
  const [from, setFrom] = useState(DOCK);
  const [item, setItem] = useState(/** @type {any} */ (null));
  const [qty, setQty] = useState(1);
  const [bins, setBins] = useState(/** @type {any[]} */ ([]));
  const [asking, setAsking] = useState(false);
  const [refusal, setRefusal] = useState(/** @type {unknown} */ (null));
  const stow = async (to) => {
    if (to === from) return bad(t("stow.same"));
    good(to);
    toast(t("stow.done", { name: item.description, n: qty, to }));
    setItem(null);
    const body = { code: item.sku, qty, from_location: from, to_location: to, occurred_at: nowText() };
    await outbox.put({ path: storePath("moves"), body, what: "act.move", about: { kind: "move", name: item.description, n: qty, to } });
    return undefined;
  };
  const onCode = async (code) => {
    setRefusal(null);
    try {
      const found = await whatIs(code);
      if (found.place) return asking || !item ? (good(found.place), setFrom(found.place), setAsking(false)) : void stow(found.place);
      const isSame = item?.sku === found.item.sku;
      good(found.item.description);
      setQty(isSame ? qty + found.item.pack_qty : found.item.pack_qty);
      setItem(found.item);
      if (!isSame) setBins(await binsOf(found.item.sku));
    } catch (failure) {
      bad();
      setRefusal(failure);
    }
    return undefined;
  };
  useScan(({ code, command }) => {
    if (command === "BACK") return go("");
    if (command === "UNDO") return look(), setItem(null);
    if (command === "+1" || command === "-1") return setQty(Math.max(1, qty + (command === "+1" ? 1 : -1)));
    if (command === "CASE" && item) return setQty(qty + item.case_pack);
    return command ? bad() : void onCode(code);
  });
  return html`<${Page} title=${t("stow.title")} back=${() => go("")} foot=${html`<${Button} icon="back" onClick=${() => setAsking(true)}>${t("stow.from", { place: from })}<//>`}>
    ${refusal && html`<${Trouble} refusal=${refusal} />`}
    ${item
      ? html`<${Chosen} item=${item} place="" itemHint="" placeHint=${t("stow.scan_bin")} /><${Stepper} label=${t("stow.how_many")} value=${qty} min=${1} onChange=${setQty} />
        ${bins.length > 0 && html`<h2 class="section">${t("stow.already")}</h2><ul class="list">${bins.map((bin) => html`<li><button type="button" class="row" onClick=${() => stow(bin.location)}><span class="grow strong code">${bin.location}</span><span class="strong number">${bin.on_hand}</span></button></li>`)}</ul>`}`
      : html`<${Empty} icon="stow" title=${t("stow.scan")}><p>${t("stow.scan.more")}</p><//>`}
    ${asking && html`<${Sheet} title=${t("stow.from.title")} onClose=${() => setAsking(false)}><p>${t("stow.from.more")}</p><${Button} onClick=${() => (setFrom(DOCK), setAsking(false))}>${DOCK}<//><//>`}
  <//>`;
}

/** Bins that hold the item already, where it may go too. @param {string} sku */
async function binsOf(sku) {
  const { value } = await read(storePath(`balances?sku=${encodeURIComponent(sku)}&kind=backroom&limit=5`)).catch(() => ({ value: { items: [] } }));
  return value.items;
}
