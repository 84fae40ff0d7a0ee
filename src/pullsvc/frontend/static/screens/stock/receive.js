// Goods that came in: scan a case or a piece, how many, booked. They stand at the dock until they are put into a bin.

import { useState } from "preact/hooks";
import { bad, good, look } from "../../core/feedback.js";
import { t } from "../../core/i18n.js";
import { nowText } from "../../core/clock.js";
import * as outbox from "../../core/outbox.js";
import { storePath } from "../../core/session.js";
import { go } from "../../ui/router.js";
import { Button, Department, Empty, Field, Page, Stepper, Trouble, html, useScan } from "../../ui/ui.js";
import { whatIs } from "./scanned.js";

const DOCK = "RECEIVING";

export default function Receive() {
  const [item, setItem] = useState(/** @type {any} */ (null));
  const [packs, setPacks] = useState(1);
  const [reference, setReference] = useState("");
  const [booked, setBooked] = useState(/** @type {{name: string, n: number}[]} */ ([]));
  const [refusal, setRefusal] = useState(/** @type {unknown} */ (null));
  const units = item ? packs * item.pack_qty : 0;
  const book = async () => {
    good(t("receive.booked", { n: units }));
    setBooked([{ name: item.description, n: units }, ...booked]);
    setItem(null);
    const note = reference.trim() ? { reference: reference.trim() } : {};
    const body = { code: item.sku, qty: units, location: DOCK, occurred_at: nowText(), ...note };
    await outbox.put({ path: storePath("receivings"), body, what: "act.receive", about: { kind: "receive", name: item.description, n: units } });
  };
  const onCode = async (code) => {
    setRefusal(null);
    try {
      const found = await whatIs(code);
      if (!found.item) return bad(t("receive.not_a_place"));
      good(found.item.description);
      const isSame = item?.sku === found.item.sku && item.pack_qty === found.item.pack_qty;
      if (item && !isSame) await book();
      setPacks(isSame ? packs + 1 : 1);
      setItem(found.item);
    } catch (failure) {
      bad();
      setRefusal(failure);
    }
    return undefined;
  };
  useScan(({ code, command }) => {
    if (command === "BACK") return go("");
    if (command === "UNDO") return look(), setItem(null);
    if (command === "+1" || command === "-1" || command === "CASE") return setPacks(Math.max(1, packs + (command === "-1" ? -1 : 1)));
    if (command === "OK" || command === "DONE") return item ? void book() : bad();
    return command ? bad() : void onCode(code);
  });
  const foot = item && html`<${Button} kind="primary" icon="receive" onClick=${book}>${t("receive.book", { n: units })}<//>`;
  return html`<${Page} title=${t("receive.title")} back=${() => go("")} foot=${foot}>
    ${refusal && html`<${Trouble} refusal=${refusal} />`}
    ${item
      ? html`<div class="card"><h2 class="title">${item.description}</h2><${Department} name=${item.department} /><p class="soft">${item.pack_qty > 1 ? t("receive.cases", { n: item.pack_qty }) : t("receive.pieces")}</p></div>
        <${Stepper} label=${t("receive.how_many")} value=${packs} min=${1} max=${999} onChange=${setPacks} />`
      : html`<${Empty} icon="receive" title=${t("receive.scan")}><p>${t("receive.scan.more")}</p><//>
        <${Field} label=${t("receive.reference")} value=${reference} maxlength="80" onInput=${(event) => setReference(event.target.value)} />`}
    ${booked.length > 0 && html`<h2 class="section">${t("receive.so_far")}</h2><ul class="list">${booked.map((one) => html`<li class="stop"><span class="grow">${one.name}</span><span class="strong number">${t("qty", { n: one.n })}</span></li>`)}</ul>`}
  <//>`;
}
