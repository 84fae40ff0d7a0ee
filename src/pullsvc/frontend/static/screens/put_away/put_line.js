// One shelf: this item, so many. A scan of the item or of the shelf's label says that all of it is on the shelf.

import { useState } from "preact/hooks";
import { bad, good, look } from "../../core/feedback.js";
import { t } from "../../core/i18n.js";
import { inTub, linesInTub } from "../../core/task_view.js";
import * as tasks from "../../core/tasks.js";
import { go } from "../../ui/router.js";
import { Button, Department, Page, Pair, Sheet, Stepper, html, hueOf, useScan } from "../../ui/ui.js";

const ELSEWHERE = ["returned", "damaged", "missing"];

/** @param {{task: import("../../core/task_view.js").Task}} props */
export function PutLine({ task }) {
  const [chosen, setChosen] = useState(0);
  const [sheet, setSheet] = useState("");
  const lines = linesInTub(task);
  const line = lines.find((one) => one.line_no === chosen) ?? lines[0];
  const left = inTub(line);
  const put = async () => {
    good(t("put.good", { n: left }));
    setChosen(0);
    await tasks.settle(line, { put: left });
  };
  const elsewhere = async (kind, qty) => {
    setSheet("");
    look(t(`put.${kind}`));
    await tasks.settle(line, qty < left ? { [kind]: qty, put: left - qty } : { [kind]: qty });
  };
  useScan(({ code, command }) => {
    if (sheet) return command === "BACK" ? setSheet("") : bad(); // Of a sheet that takes no scan itself.
    if (command === "OK" || command === "DONE") return void put();
    if (command === "SHORT") return setSheet("returned");
    if (command === "SKIP") return setChosen(lines[(lines.indexOf(line) + 1) % lines.length].line_no);
    if (command) return command === "BACK" ? go("") : bad();
    return onScan(tasks.meaning(code));
  });
  const onScan = (scanned) => {
    const isLine = (one) => one.sku === scanned.sku || one.shelf === scanned.code;
    if (isLine(line)) return void put();
    const other = lines.find(isLine);
    if (!other) return bad(t(scanned.kind === "item" ? "put.not_in_tub" : "put.not_here"));
    setChosen(other.line_no);
    return look(other.shelf);
  };
  const settled = task.lines.length - lines.length;
  const foot = html`
    <${Pair}>
      <${Button} icon="undo" onClick=${() => setSheet("returned")}>${t("put.did_not_fit")}<//>
      <${Button} icon="look" onClick=${() => setSheet("other")}>${t("put.something_else")}<//>
    <//>
    <${Button} kind="primary" icon="good" onClick=${put}>${t("put.all", { n: left })}<//>`;
  return html`<${Page} title=${task.tub} back=${() => go("")} foot=${foot} about=${line.line_no}>
    <div class="steps"><div class="progress" aria-hidden="true">${task.lines.map((one) => html`<i class=${one === line ? "now" : inTub(one) ? "" : "done"}></i>`)}</div>
      <span class="number soft">${t("put.progress", { done: settled, all: task.lines.length })}</span></div>
    <section class=${`stop-card hue-${hueOf(line.department)}`}>
      <p class="where code">${line.shelf}</p>
      <h2 class="title">${line.description}</h2>
      <p class="tags"><${Department} name=${line.department} /></p>
      <p class="take"><b class="number">${left}</b><span>${t("put.to_put", { n: left })}</span></p>
    </section>
    ${lines.length > 1 && html`<${Button} kind="plain" onClick=${() => setSheet("rest")}>${t("put.rest", { n: lines.length })}<//>`}
    ${sheet === "rest" && html`<${Rest} task=${task} lines=${lines} onClose=${() => setSheet("")} onPick=${(n) => (setChosen(n), setSheet(""))} />`}
    ${sheet === "returned" && html`<${HowMany} kind="returned" line=${line} max=${left} onClose=${() => setSheet("")} onDone=${(qty) => elsewhere("returned", qty)} />`}
    ${sheet === "other" && html`<${Sheet} title=${t("put.something_else")} onClose=${() => setSheet("")}>
      ${ELSEWHERE.slice(1).map((kind) => html`<${Button} onClick=${() => setSheet(kind)}>${t(`put.${kind}.choice`)}<//>`)}<//>`}
    ${(sheet === "damaged" || sheet === "missing") && html`<${HowMany} kind=${sheet} line=${line} max=${left} onClose=${() => setSheet("")} onDone=${(qty) => elsewhere(sheet, qty)} />`}
  <//>`;
}

/** @param {{kind: string, line: any, max: number, onClose: () => void, onDone: (qty: number) => void}} props */
function HowMany({ kind, line, max, onClose, onDone }) {
  const [qty, setQty] = useState(max);
  useScan(({ command }) => {
    if (command === "OK" || command === "DONE") return onDone(qty);
    if (command === "BACK" || command === "UNDO") return onClose();
    if (command === "+1" || command === "-1") return setQty(Math.min(max, Math.max(1, qty + (command === "+1" ? 1 : -1))));
    return bad();
  });
  return html`<${Sheet} title=${t(`put.${kind}.how_many`)} onClose=${onClose}>
    <p class="soft">${line.description}</p>
    <${Stepper} label=${t(`put.${kind}.how_many`)} value=${qty} min=${1} max=${max} onChange=${setQty} />
    <p class="soft">${qty < max ? t("put.others", { n: max - qty }) : t(`put.${kind}.more`)}</p>
    <${Button} kind="primary" onClick=${() => onDone(qty)}>${t(`put.${kind}.do`, { n: qty })}<//>
  <//>`;
}

/** What is still in the tub: another line first, or all of it at once. @param {{task: any, lines: any[], onClose: () => void, onPick: (line: number) => void}} props */
const Rest = ({ task, lines, onClose, onPick }) => html`<${Sheet} title=${t("put.rest.title", { tub: task.tub })} onClose=${onClose}>
  <ul class="list">${lines.map((line) => html`<li><button type="button" class="row" onClick=${() => onPick(line.line_no)}>
    <span class="grow"><span class="strong code">${line.shelf}</span><span class="clip">${line.description}</span></span><span class="strong number">${inTub(line)}</span></button></li>`)}</ul>
  <${Button} kind="primary" onClick=${() => (onClose(), good(), void tasks.settleRest())}>${t("put.all_of_it")}<//>
<//>`;
