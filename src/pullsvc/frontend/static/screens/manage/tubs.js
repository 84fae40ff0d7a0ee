// Tubs: what there is and where it stands; new ones get their plates here, to be printed and stuck on.

import { useState } from "preact/hooks";
import { exchange, request } from "../../core/api.js";
import { save } from "../../core/files.js";
import { t } from "../../core/i18n.js";
import { uuid } from "../../core/ids.js";
import { storePath } from "../../core/session.js";
import { KILO_G, LITRE_ML, sizeOf } from "../../core/tub_size.js";
import { Button, Field, Pair, Sheet, Tag, Trouble, html, toast, useLoad } from "../../ui/ui.js";
import { List, Select, text, useAct, useList } from "./parts.js";

const MOST_AT_ONCE = 100;
const KINDS_OF_STATE = { filling: "look", staged: "good", on_floor: "good" };

/** @param {string[]} plates @param {string} stock */
const print = (plates, stock) => {
  const query = new URLSearchParams([["stock", stock], ...plates.map((plate) => ["code", plate])]);
  return save(storePath(`labels/tubs?${query}`), `tubs-${plates[0]}.pdf`);
};

export default function Tubs() {
  const list = useList("tubs?limit=100");
  const stocks = useLoad(() => request("GET", storePath("labels")), []);
  const [stock, setStock] = useState("a4-24");
  const [isAdding, setAdding] = useState(false);
  const [made, setMade] = useState(/** @type {string[]} */ ([]));
  const [open, setOpen] = useState(/** @type {any} */ (null));
  const options = (stocks.value?.stocks ?? []).map((one) => [one.stock, one.title]);
  return html`
    <div class="tools"><${Button} kind="small primary" icon="plus" onClick=${() => setAdding(true)}>${t("manage.tubs.add")}<//></div>
    <${List} list=${list} empty=${t("manage.tubs.none")}>
      <ul class="list">${list.items.map((tub) => html`<li key=${tub.tub}><button type="button" class="row" onClick=${() => setOpen(tub)}>
        <span class="grow"><span class="strong code">${tub.tub}</span><span class="soft">${sizeOf(tub)}</span></span>
        <span class="tags">${tub.lane && html`<span class="code soft">${tub.lane}</span>`}${tub.active ? html`<${Tag} kind=${KINDS_OF_STATE[tub.state] ?? ""}>${t(`manage.tubs.${tub.state}`)}<//>` : html`<${Tag}>${t("manage.tubs.off")}<//>`}</span>
      </button></li>`)}</ul>
    <//>
    ${isAdding && html`<${NewTubs} close=${() => setAdding(false)} after=${(plates) => (setAdding(false), setMade(plates), list.reload())} />`}
    ${made.length > 0 && html`<${Labels} title=${t("manage.tubs.made", { n: made.length })} plates=${made} stock=${stock} setStock=${setStock} options=${options} close=${() => setMade([])}><p>${t("manage.tubs.made.how", { first: made[0], last: made.at(-1) })}</p><//>`}
    ${open && html`<${Tub} tub=${open} stock=${stock} setStock=${setStock} options=${options} close=${() => setOpen(null)} after=${list.reload} />`}`;
}

/** @param {{title: string, plates: string[], stock: string, setStock: (stock: string) => void, options: any[], close: () => void, children?: any}} props */
function Labels({ title, plates, stock, setStock, options, close, children }) {
  const { busy, refusal, run } = useAct();
  return html`<${Sheet} title=${title} onClose=${close} close=${t("close")}>${children}
    <${Select} label=${t("manage.labels.stock")} value=${stock} options=${options} onPick=${setStock} />
    ${refusal && html`<${Trouble} refusal=${refusal} />`}
    <${Button} kind="primary" icon="print" disabled=${busy || !options.length} onClick=${() => run(() => print(plates, stock))}>${t("manage.tubs.print", { n: plates.length })}<//>
  <//>`;
}

/** @param {{close: () => void, after: (plates: string[]) => void}} props */
function NewTubs({ close, after }) {
  const kinds = useLoad(() => request("GET", storePath("tub-kinds")), []);
  const [count, setCount] = useState("1");
  const [size, setSize] = useState(/** @type {{litres: string, kilos: string} | null} */ (null));
  const [key] = useState(uuid);
  const { busy, refusal, run } = useAct();
  const [usual] = kinds.value?.kinds ?? [];
  const shown = size ?? { litres: String((usual?.volume_ml ?? 0) / LITRE_ML), kilos: String((usual?.weight_g ?? 0) / KILO_G) };
  const [volume_ml, weight_g] = [Math.round(Number(shown.litres) * LITRE_ML), Math.round(Number(shown.kilos) * KILO_G)];
  const n = Math.round(Number(count));
  const isRight = n >= 1 && n <= MOST_AT_ONCE && volume_ml > 0 && weight_g > 0;
  const make = () => run(async () => {
    const { tubs } = await request("POST", storePath("tub-batches"), { key, body: { count: n, volume_ml, weight_g } });
    after(tubs.map((tub) => tub.tub));
  });
  return html`<${Sheet} title=${t("manage.tubs.add")} onClose=${close}>
    <${Field} label=${t("manage.tubs.count")} type="number" inputmode="numeric" min="1" max=${MOST_AT_ONCE} value=${count} onInput=${text(setCount)} />
    <${Pair}>
      <${Field} label=${t("manage.tubs.litres")} type="number" min="1" max="2000" value=${shown.litres} onInput=${text((litres) => setSize({ ...shown, litres }))} />
      <${Field} label=${t("manage.tubs.kilos")} type="number" min="1" max="500" value=${shown.kilos} onInput=${text((kilos) => setSize({ ...shown, kilos }))} />
    <//>
    ${refusal && html`<${Trouble} refusal=${refusal} />`}
    <${Button} kind="primary" disabled=${busy || !isRight} onClick=${make}>${t("manage.tubs.make", { n: n || 0 })}<//>
  <//>`;
}

/** @param {{tub: any, stock: string, setStock: (stock: string) => void, options: any[], close: () => void, after: () => void}} props */
function Tub({ tub, stock, setStock, options, close, after }) {
  const { busy, refusal, run } = useAct();
  const path = storePath(`tubs/${encodeURIComponent(tub.tub)}`);
  const use = (active) => run(async () => {
    const { value, version } = await exchange("GET", path);
    await exchange("PUT", path, { body: { volume_ml: value.volume_ml, weight_g: value.weight_g, active }, version: version ?? undefined });
    toast(t("manage.saved"), active === tub.active ? undefined : { label: t("undo"), act: () => void use(!active) });
    after();
    close();
  });
  return html`<${Labels} title=${tub.tub} plates=${[tub.tub]} stock=${stock} setStock=${setStock} options=${tub.active ? options : []} close=${close}>
    <p class="soft">${sizeOf(tub)}</p>
    ${refusal && html`<${Trouble} refusal=${refusal} />`}
    <${Button} kind=${tub.active ? "danger" : ""} disabled=${busy} onClick=${() => use(!tub.active)}>${t(tub.active ? "manage.tubs.retire" : "manage.tubs.bring_back")}<//>
  <//>`;
}
