// Count: the place, the item, how many. Nobody is told what the book says, or they would count that.

import { useEffect, useState } from "preact/hooks";
import { bad, good, look } from "../../core/feedback.js";
import { t } from "../../core/i18n.js";
import { nowText } from "../../core/clock.js";
import * as outbox from "../../core/outbox.js";
import { read } from "../../core/cache.js";
import { storePath } from "../../core/session.js";
import { go } from "../../ui/router.js";
import { Button, Empty, Page, Stepper, Trouble, html, toast, useLoad, useScan } from "../../ui/ui.js";
import { Chosen, whatIs } from "./scanned.js";

/** @param {{steps: string[]}} props `#/count/1001` begins with that item */
export default function Count({ steps: [first] }) {
  const [place, setPlace] = useState("");
  const [item, setItem] = useState(/** @type {any} */ (null));
  const [qty, setQty] = useState(0);
  const [refusal, setRefusal] = useState(/** @type {unknown} */ (null));
  const wanted = useLoad(() => read(storePath("counts?state=requested&limit=30")), []);
  const onCode = async (code) => {
    setRefusal(null);
    try {
      const found = await whatIs(code);
      if (found.place) return good(found.place), setPlace(found.place);
      if (item?.sku === found.item.sku) return good(), setQty((now) => now + found.item.pack_qty);
      good(found.item.description);
      setItem(found.item);
      setQty(place ? found.item.pack_qty : 0);
    } catch (failure) {
      bad();
      setRefusal(failure);
    }
    return undefined;
  };
  useEffect(() => {
    if (first) void onCode(first);
  }, []);
  const save = async () => {
    good(t("count.saved", { n: qty }));
    toast(t("count.saved_at", { name: item.description, n: qty }));
    const body = { code: item.sku, location: place, counted_qty: qty, occurred_at: nowText() };
    setItem(null);
    setQty(0);
    await outbox.put({ path: storePath("counts"), body, what: "act.count", about: { kind: "count", name: item.description, place, n: qty } });
    wanted.reload();
  };
  useScan(({ code, command }) => {
    const ready = item && place;
    if (command === "BACK") return go("");
    if (command === "UNDO") return look(), setItem(null);
    if (command === "+1" || command === "-1") return setQty(Math.max(0, qty + (command === "+1" ? 1 : -1)));
    if (command === "OK" || command === "DONE") return ready ? void save() : bad();
    return command ? bad() : void onCode(code);
  });
  const ready = item && place;
  const foot = ready && html`<${Button} kind="primary" icon="good" onClick=${save}>${t("count.save", { n: qty })}<//>`;
  const todo = wanted.value?.value.items ?? [];
  return html`<${Page} title=${t("count.title")} back=${() => go("")} foot=${foot}>
    ${refusal && html`<${Trouble} refusal=${refusal} />`}
    ${(place || item) && html`<${Chosen} place=${place} item=${item} placeHint=${t("count.scan_place")} itemHint=${t("count.scan_item")} />`}
    ${ready && html`<p class="soft">${t("count.how")}</p><${Stepper} label=${t("count.how_many")} value=${qty} max=${9999} onChange=${setQty} />`}
    ${!place && !item && html`<${Empty} icon="count" title=${t("count.scan_place")}><p>${t("count.start")}</p><//>`}
    ${!item && todo.length > 0 && html`<h2 class="section">${t("count.wanted")}</h2><ul class="list">${todo.map((one) => html`<li><button type="button" class="row" onClick=${() => (setPlace(one.location), void onCode(one.sku))}>
      <span class="grow"><span class="strong code">${one.location}</span><span class="soft code">${one.sku}</span></span></button></li>`)}</ul>`}
  <//>`;
}
