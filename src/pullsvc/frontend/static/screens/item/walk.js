// A walk along an aisle: every scan is a gap, kept at once; at the end all are asked for together.

import { useEffect, useState } from "preact/hooks";
import { Refusal } from "../../core/api.js";
import { bad, good, look } from "../../core/feedback.js";
import { t } from "../../core/i18n.js";
import { nowText } from "../../core/clock.js";
import { normalCode } from "../../core/codes.js";
import * as outbox from "../../core/outbox.js";
import { itemOf } from "../../core/range.js";
import { storePath } from "../../core/session.js";
import { forget, note, noted } from "../../core/store.js";
import { go } from "../../ui/router.js";
import { Button, Empty, Notice, Page, Pair, Trouble, html, useScan } from "../../ui/ui.js";
import { factsOf } from "./facts.js";

const NOTE = "walk";
/** Gaps in one request; the service takes no more. */
const MAX_GAPS_A_CALL = 100;

/** @typedef {{code: string, at: string, name?: string, shelf?: string, problem?: string}} Gap */

export default function Walk() {
  const [gaps, setGaps] = useState(/** @type {Gap[]} */ ([]));
  const [acts, setActs] = useState(/** @type {number[]} */ ([]));
  useEffect(() => {
    noted(NOTE).then((kept) => kept && setGaps(kept));
  }, []);
  const keep = (next) => {
    setGaps(next);
    void note(NOTE, next);
  };
  const add = async (scanned) => {
    const code = normalCode(scanned);
    if (gaps.some((gap) => gap.code === code)) return look(t("walk.twice"));
    good(t("walk.added", { n: gaps.length + 1 }));
    const next = [{ code, at: nowText() }, ...gaps];
    keep(next);
    const known = await named(code);
    if (known.problem) bad(known.problem);
    setGaps((now) => {
      const filled = now.map((gap) => (gap.code === code ? { ...gap, ...known } : gap));
      void note(NOTE, filled);
      return filled;
    });
    return undefined;
  };
  const undo = () => (gaps.length ? (look(t("undo")), keep(gaps.slice(1))) : bad());
  const send = async () => {
    const asks = gaps.filter((gap) => !gap.problem).map(({ code, at }) => ({ code, reason: "gap", seen_qty: 0, occurred_at: at })).reverse();
    const sent = [];
    for (let from = 0; from < asks.length; from += MAX_GAPS_A_CALL) {
      const part = asks.slice(from, from + MAX_GAPS_A_CALL);
      sent.push((await outbox.put({ path: storePath("gap-scans"), body: { asks: part }, what: "act.walk", about: { kind: "walk", n: part.length } })).seq);
    }
    good();
    await forget(NOTE);
    setGaps([]);
    setActs(sent);
  };
  useScan(({ code, command }) => {
    if (command === "UNDO") return undo();
    if (command === "DONE") return gaps.length ? void send() : bad();
    if (command) return command === "BACK" ? go("") : bad();
    setActs([]);
    return void add(code);
  });
  if (acts.length) return html`<${Sent} acts=${acts} onAgain=${() => setActs([])} />`;
  const foot = gaps.length > 0 && html`<${Pair}>
    <${Button} icon="undo" onClick=${undo}>${t("undo")}<//>
    <${Button} kind="primary" icon="ask" onClick=${send}>${t("walk.send", { n: gaps.filter((gap) => !gap.problem).length })}<//><//>`;
  return html`<${Page} title=${t("walk.title")} back=${() => go("")} foot=${foot}>
    ${!gaps.length && html`<${Empty} icon="walk" title=${t("walk.start")}><p>${t("walk.start.more")}</p><//>`}
    <ol class="list" reversed>${gaps.map((gap) => html`<li class="row" key=${gap.code}>
      <span class="grow"><span class="strong">${gap.name ?? gap.code}</span>${gap.problem ? html`<span class="bad-text">${gap.problem}</span>` : html`<span class="soft code">${gap.shelf ?? ""}</span>`}</span>
      <button type="button" class="button icon" aria-label=${t("walk.remove", { name: gap.name ?? gap.code })} onClick=${() => keep(gaps.filter((one) => one !== gap))}><span aria-hidden="true">✕</span></button></li>`)}</ol>
  <//>`;
}

/** @param {string} code @returns {Promise<Partial<Gap>>} */
async function named(code) {
  try {
    const { item } = await factsOf(code);
    return { name: item.description, shelf: item.home ?? undefined };
  } catch (failure) {
    if (!(failure instanceof Refusal) || failure.passes) return { name: (await itemOf(code))?.description };
    return { problem: t("walk.unknown") };
  }
}

/** @param {{acts: number[], onAgain: () => void}} props */
function Sent({ acts, onAgain }) {
  const outcomes = acts.map((seq) => outbox.outcomes.value.get(seq)).filter((outcome) => outcome !== undefined);
  const answers = outcomes.filter(({ answer }) => answer).map(({ answer }) => answer);
  const refusal = outcomes.find((outcome) => outcome.refusal)?.refusal;
  const sum = (name) => answers.reduce((total, answer) => total + answer[name], 0);
  const foot = html`<${Button} onClick=${() => go("")}>${t("ask.home")}<//><${Button} kind="primary" icon="walk" onClick=${onAgain}>${t("walk.again")}<//>`;
  const open = acts.length > answers.length && !refusal;
  return html`<${Page} title=${t("walk.title")} foot=${foot}>
    ${refusal && html`<${Trouble} refusal=${refusal} />`}
    <${Empty} icon="good" title=${open ? t("walk.kept") : t("walk.sent")}><p>${open ? t("ask.kept.more") : t("walk.sent.more", { opened: sum("opened"), joined: sum("joined"), refused: sum("refused") })}</p><//>
    ${answers.flatMap((answer) => answer.lines).filter((line) => line.refusal).map((line) => html`<${Notice} kind="look" title=${line.refusal.title}>${line.refusal.detail}<//>`)}
  <//>`;
}

