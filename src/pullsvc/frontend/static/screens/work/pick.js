// One line of the walk: go there, scan it, take so many. Everything can also be done by trigger, with printed commands.

import { useEffect, useRef, useState } from "preact/hooks";
import { bad, good, look } from "../../core/feedback.js";
import { t } from "../../core/i18n.js";
import { openLines, toPick } from "../../core/task_view.js";
import * as tasks from "../../core/tasks.js";
import { go } from "../../ui/router.js";
import { Button, Department, Icon, Page, Pair, Sheet, Stepper, Tag, Trouble, html, hueOf, hush, toast, useScan } from "../../ui/ui.js";
import { standIn } from "./lane.js";
import { Progress } from "./progress.js";
import { Why } from "./why.js";

export const REASONS = ["not_there", "less_than_expected", "wrong_item", "damaged", "unreachable", "other"];
const URGENT_FROM = 80;

/** @typedef {import("../../core/task_view.js").Line} Line */

/** @param {{task: import("../../core/task_view.js").Task}} props */
export function PickLine({ task }) {
  const [chosen, setChosen] = useState(0);
  const [sheet, setSheet] = useState("");
  const [place, setPlace] = useState("");
  const undo = useRef(/** @type {(() => any) | null} */ (null));
  const lines = openLines(task);
  const line = lines.find((one) => one.line_no === chosen) ?? lines[0];
  useEffect(() => setPlace(""), [line.line_no]);
  const acts = useActs({ line, undo, setChosen });
  useScan((reading) => (sheet ? onSheet(reading, setSheet) : onReading(reading, { task, line, acts, setSheet, setChosen, setPlace })));
  const left = toPick(line);
  const foot = html`
    <${Pair}>
      <${Button} icon="look" onClick=${() => setSheet("short")}>${t("pick.short")}<//>
      <${Button} icon="skip" onClick=${acts.skip}>${t("pick.skip")}<//>
    <//>
    <${Button} kind="primary" icon="good" onClick=${() => acts.take(left)}>${line.qty_picked ? t("pick.rest", { n: left }) : t("pick.all", { n: left })}<//>`;
  const aside = html`<button type="button" class="button icon" aria-label=${t("pick.why.title")} onClick=${() => setSheet("why")}><${Icon} name="why" /></button>`;
  return html`<${Page} title=${task.tub} back=${() => setSheet("leave")} foot=${foot} aside=${aside} about=${line.line_no}>
    <${Progress} task=${task} now=${line.line_no} />
    <${Stop} line=${line} arrived=${place === line.from_location} />
    <${Stepper} label=${t("pick.counted")} value=${line.qty_picked} max=${line.qty_planned} onChange=${(qty) => (qty > line.qty_picked ? acts.take(qty - line.qty_picked) : acts.putBack(line.qty_picked - qty))} />
    ${sheet === "short" && html`<${Short} line=${line} onClose=${() => setSheet("")} onReason=${(reason) => (setSheet(""), acts.short(reason))} />`}
    ${sheet === "why" && html`<${Why} line=${line} onClose=${() => setSheet("")} />`}
    ${sheet === "leave" && html`<${Leave} task=${task} onClose=${() => setSheet("")} onStage=${() => setSheet("stage")} />`}
    ${sheet === "stage" && html`<${StageEarly} task=${task} onClose=${() => setSheet("")} />`}
  <//>`;
}

/** @param {{line: Line, arrived: boolean}} props */
const Stop = ({ line, arrived }) => html`<section class=${`stop-card hue-${hueOf(line.department)}`}>
  <p class="where code">${line.from_location}${arrived && html`<${Tag} kind="good" icon="good">${t("pick.here")}<//>`}</p>
  <h2 class="title">${line.description}</h2>
  <p class="tags"><${Department} name=${line.department} />
    ${line.urgency >= URGENT_FROM && html`<${Tag} kind="look" icon="clock">${t("urgent")}<//>`}
    ${line.state === "skipped" && html`<${Tag}>${t("pick.skipped")}<//>`}
    ${line.attributes.map((name) => html`<${Tag}>${t(`attribute.${name}`)}<//>`)}</p>
  <p class="take"><b class="number">${line.qty_planned}</b><span>${t("pick.take", { n: line.qty_planned })}${line.case_pack > 1 && html`<br /><span class="soft">${t("pick.case", { n: line.case_pack })}</span>`}</span></p>
</section>`;

/** What can be done with the line; each is kept at once, and the last one can be taken back. @param {{line: Line, undo: any, setChosen: (line: number) => void}} with_ */
function useActs({ line, undo, setChosen }) {
  const offer = (back, text = "") => {
    const once = onlyOnce(undo, Boolean(text), () => (setChosen(line.line_no), back()));
    undo.current = once;
    if (text) toast(text, { label: t("undo"), act: once });
  };
  const unpick = async (qty) => {
    look(t("pick.back", { n: qty }));
    await tasks.unpick(line, qty);
  };
  return {
    putBack: async (qty) => {
      offer(() => tasks.pick(line, qty));
      await unpick(qty);
    },
    take: async (qty) => {
      const isLast = qty >= toPick(line);
      good(`${line.qty_picked + qty} / ${line.qty_planned}`);
      if (isLast) setChosen(0);
      if (isLast) offer(() => tasks.unpick(line, qty), t("pick.done", { name: line.description }));
      else offer(() => unpick(qty));
      await tasks.pick(line, qty);
    },
    short: async (reason) => {
      look(t("pick.shorted"));
      setChosen(0);
      offer(() => tasks.undoShort(line), t("pick.shorted"));
      await tasks.short(line, reason);
    },
    skip: async () => {
      look(t("pick.later"));
      setChosen(0);
      offer(() => undefined); // It stays for later, and is shown again now.
      await tasks.skip(line);
    },
    undo: async () => {
      if (!undo.current) return bad(t("pick.nothing_to_undo"));
      look(t("undo"));
      return undo.current();
    },
  };
}

/** The card and the word at the bottom take the same back: whichever comes first does, and the other is over. @param {{current: any}} undo @param {boolean} isSaid by that word @param {() => any} back */
function onlyOnce(undo, isSaid, back) {
  let isOver = false;
  const once = () => {
    if (isOver) return undefined;
    isOver = true;
    if (undo.current === once) undo.current = null;
    if (isSaid) hush();
    return back();
  };
  return once;
}

/** A sheet that takes no scan itself, as it only tells or asks. @param {import("../../core/scanner.js").Reading} reading @param {(sheet: string) => void} setSheet */
const onSheet = ({ command }, setSheet) => (command === "BACK" ? setSheet("") : bad());

/** @param {import("../../core/scanner.js").Reading} reading @param {any} screen */
function onReading({ code, command }, { task, line, acts, setSheet, setChosen, setPlace }) {
  if (command) return onCommand(command, { line, acts, setSheet });
  const scanned = tasks.meaning(code);
  if (scanned.kind === "item") return onItem(scanned, { task, line, acts, setChosen });
  if (scanned.kind === "place") {
    setPlace(scanned.code);
    return scanned.code === line.from_location ? good(t("pick.here")) : bad(t("pick.go_to", { place: line.from_location }));
  }
  if (scanned.kind === "tub") return scanned.code === task.tub ? good(t("pick.right_tub")) : bad(t("pick.wrong_tub", { tub: task.tub }));
  if (scanned.kind === "lane") return setSheet("stage");
  return bad(t("pick.not_here"));
}

/** @param {string} command @param {any} screen */
function onCommand(command, { line, acts, setSheet }) {
  if (command === "OK" || command === "DONE") return void acts.take(toPick(line));
  if (command === "+1") return void acts.take(1);
  if (command === "-1") return line.qty_picked ? void acts.putBack(1) : bad();
  if (command === "CASE") return void acts.take(Math.min(line.case_pack, toPick(line)));
  if (command === "SKIP") return void acts.skip();
  if (command === "UNDO") return void acts.undo();
  return setSheet({ SHORT: "short", STAGE: "stage", BACK: "leave" }[command] ?? "");
}

/** An item was scanned: of this line, of another one, or of none. @param {any} scanned @param {any} screen */
function onItem({ sku, pack }, { task, line, acts, setChosen }) {
  const lines = openLines(task);
  const meant = line.sku === sku ? line : lines.find((one) => one.sku === sku);
  if (!meant) return bad(task.lines.some((one) => one.sku === sku) ? t("pick.enough") : t("pick.wrong_item"));
  if (meant !== line) {
    setChosen(meant.line_no);
    return look(meant.from_location);
  }
  const qty = Math.min(pack, toPick(line));
  return void acts.take(qty).then(() => qty < pack && look(t("pick.only", { n: qty })));
}

/** Why there is not enough: two taps, or by trigger with +1 and OK. @param {{line: Line, onClose: () => void, onReason: (reason: string) => void}} props */
function Short({ line, onClose, onReason }) {
  const [at, setAt] = useState(line.qty_picked ? 1 : 0);
  useScan(({ command }) => {
    if (command === "OK" || command === "SHORT" || command === "DONE") return onReason(REASONS[at]);
    if (command === "BACK" || command === "UNDO") return onClose();
    if (command === "+1" || command === "-1") return setAt((at + (command === "+1" ? 1 : REASONS.length - 1)) % REASONS.length);
    return bad();
  });
  return html`<${Sheet} title=${t("short.title", { name: line.description })} onClose=${onClose}>
    <p class="soft">${t("short.more", { n: line.qty_picked, of: line.qty_planned })}</p>
    <div class="choices two">${REASONS.map((reason, n) => html`<${Button} kind="choice" aria-pressed=${String(n === at)} onClick=${() => onReason(reason)}>${t(`short.${reason}`)}<//>`)}</div>
  <//>`;
}

/** @param {{task: any, onClose: () => void, onStage: () => void}} props */
function Leave({ task, onClose, onStage }) {
  const picked = task.lines.some((line) => line.qty_picked > 0);
  const [refusal, setRefusal] = useState(/** @type {unknown} */ (null));
  const giveBack = () => tasks.release().then(() => go(""), (failure) => (bad(), setRefusal(failure)));
  return html`<${Sheet} title=${t("leave.title")} onClose=${onClose}>
    ${refusal && html`<${Trouble} refusal=${refusal} />`}
    ${picked
      ? html`<${Button} icon="tub" onClick=${onStage}>${t("leave.stage")}<//>`
      : html`<${Button} icon="undo" onClick=${giveBack}>${t("work.give_back")}<//>`}
    <${Button} icon="clock" onClick=${() => go("")}>${t("leave.pause")}<//>
    <p class="soft">${t("leave.more")}</p>
  <//>`;
}

/** The tub goes now, with what is in it; the rest goes back to be claimed. @param {{task: any, onClose: () => void}} props */
function StageEarly({ task, onClose }) {
  const open = openLines(task).length;
  const hasUnits = task.lines.some((line) => line.qty_picked > 0);
  useScan(({ code, command }) => {
    if (command) return command === "BACK" ? onClose() : bad();
    return hasUnits ? void standIn(code) : bad(t("stage.not_a_lane"));
  });
  return html`<${Sheet} title=${t("stage.early")} onClose=${onClose}>
    <p>${hasUnits ? t("stage.early.more", { n: open }) : t("stage.nothing")}</p>
    ${hasUnits && html`<p class="lead">${t("stage.scan_lane")}</p>`}
  <//>`;
}
