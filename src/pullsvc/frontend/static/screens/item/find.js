// Where is it? By a scan or by a few letters: shelf, bins, how many, and when more comes.

import { useEffect, useState } from "preact/hooks";
import { bad, good } from "../../core/feedback.js";
import { t } from "../../core/i18n.js";
import { read } from "../../core/cache.js";
import { can, storePath } from "../../core/session.js";
import { go, linkTo } from "../../ui/router.js";
import { Button, Department, Empty, Page, Pair, Trouble, html, useLoad, useScan } from "../../ui/ui.js";
import { Aged, ItemHead, OnItsWay, Stock, factsOf } from "./facts.js";

const MIN_CHARS = 2;
const MAX_SHOWN = 25;
const TYPING_MS = 250;

/** @param {{steps: string[]}} props `#/find/4006381333931` */
export default function Find({ steps: [code] }) {
  useScan(({ code: scanned, command }) => {
    if (command === "BACK") return go("");
    if (command) return false;
    return go(`find/${encodeURIComponent(scanned)}`, { replace: Boolean(code) });
  });
  return code ? html`<${Found} key=${code} code=${code} />` : html`<${Search} />`;
}

function Search() {
  const [text, setText] = useState("");
  const [sought, setSought] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => setSought(text.trim()), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  const ready = sought.length >= MIN_CHARS;
  const found = useLoad(async () => (ready ? read(storePath(`items?active=true&limit=${MAX_SHOWN}&q=${encodeURIComponent(sought)}`)) : null), [sought]);
  const items = found.value?.value.items ?? [];
  return html`<${Page} title=${t("find.title")} back=${() => go("")}>
    <label class="field"><span>${t("find.what")}</span><input class="input" type="search" enterkeyhint="search" autocomplete="off" value=${text} onInput=${(event) => setText(event.target.value)} /></label>
    ${found.refusal && html`<${Trouble} refusal=${found.refusal} retry=${found.reload} />`}
    ${!ready && html`<${Empty} icon="scan" title=${t("find.scan")}><p>${t("find.scan.more")}</p><//>`}
    ${ready && !found.loading && !items.length && !found.refusal && html`<${Empty} icon="find" title=${t("find.none")}><p>${t("find.none.more")}</p><//>`}
    <ul class="list">${items.map((item) => html`<li><a class="row" href=${linkTo(`find/${encodeURIComponent(item.sku)}`)}>
      <span class="grow"><span class="strong">${item.description}</span><${Department} name=${item.department} /></span></a></li>`)}</ul>
  <//>`;
}

/** @param {{code: string}} props */
function Found({ code }) {
  const { value: facts, refusal, loading, reload } = useLoad(() => factsOf(code), [code]);
  useEffect(() => {
    if (facts) good(facts.item.home ?? "");
    else if (refusal) bad();
  }, [facts, refusal]);
  const sku = facts && encodeURIComponent(facts.item.sku);
  const foot = facts && html`<${Pair}>
    ${can("stock") && html`<${Button} icon="count" href=${linkTo(`count/${sku}`)}>${t("find.count")}<//>`}
    ${can("ask") && html`<${Button} kind="primary" icon="ask" href=${linkTo(`ask/${sku}`)}>${t("find.ask")}<//>`}<//>`;
  return html`<${Page} title=${t("find.title")} back=${() => go("find", { replace: true })} foot=${foot}>
    ${loading && !facts && html`<p class="soft">${t("loading")}</p>`}
    ${refusal && html`<${Trouble} refusal=${refusal} retry=${reload} />`}
    ${facts && html`<${ItemHead} item=${facts.item} /><${Aged} facts=${facts} /><${OnItsWay} pull=${facts.pull} /><${Stock} facts=${facts} /><${Places} balances=${facts.balances} />`}
  <//>`;
}

const KINDS = ["shelf", "backroom", "receiving", "tub"];

/** @param {{balances: any[]}} props */
const Places = ({ balances }) => html`<h2 class="section">${t("find.places")}</h2>
  <ul class="list">${balances.filter((one) => one.on_hand > 0).sort((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind)).map((one) => html`<li class="row">
    <span class="grow"><span class="strong code">${one.location}</span><span class="soft">${t(`place.${one.kind}`)}</span></span><span class="strong number">${one.on_hand}</span></li>`)}</ul>`;
