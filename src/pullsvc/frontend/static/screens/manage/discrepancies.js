// All contradictions between the books and the world, open and settled; the board shows only the newest.

import { useState } from "preact/hooks";
import { date, number, t, time } from "../../core/i18n.js";
import { Button, Pair, Tag, html } from "../../ui/ui.js";
import { offBook } from "../board/parts.js";
import { DecisionSheet } from "../board/sheets.js";
import { List, useItems, useList } from "./parts.js";

export default function Discrepancies() {
  const [state, setState] = useState("open");
  const list = useList(`discrepancies?limit=50&state=${state}`);
  const items = useItems(list.items);
  const name = (one) => items[one.sku]?.description ?? one.sku;
  const [found, setFound] = useState(/** @type {any} */ (null));
  return html`
    <${Pair}>${["open", "closed"].map((one) => html`<${Button} kind="small choice" aria-pressed=${String(one === state)} onClick=${() => setState(one)}>${t(`manage.discrepancies.${one}`)}<//>`)}<//>
    <${List} list=${list} empty=${t(`manage.discrepancies.${state}.none`)}>
      <ul class="list">${list.items.map((one) => html`<li key=${one.discrepancy_id}>${state === "open" ? html`<button type="button" class="row" onClick=${() => setFound({ ...one, description: name(one) })}><${Told} one=${one} name=${name(one)} /></button>` : html`<div class="row"><${Told} one=${one} name=${name(one)} /></div>`}</li>`)}</ul>
    <//>
    ${found && html`<${DecisionSheet} found=${found} close=${() => setFound(null)} after=${list.reload} />`}`;
}

/** @param {{one: any, name: string}} props */
const Told = ({ one, name }) => html`
  <span class="grow"><span class="strong">${name}</span><span class="soft">${t(`board.discrepancy.${one.kind}`)} · <span class="code">${one.location}</span> · ${date(one.opened_at)} ${time(one.opened_at)}</span>${one.resolution && html`<span>${one.resolution}</span>`}</span>
  <span class="end">${one.times > 1 && html`<${Tag}>×${number(one.times)}<//> `}<b class="number">${offBook(one)}</b></span>`;
