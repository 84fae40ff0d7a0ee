// A walk along an aisle: every scan is a gap, kept at once; at the end all are asked for together.

import { useRef, useState } from "preact/hooks";
import { Refusal } from "../../core/api.js";
import { draft } from "../../core/draft.js";
import { bad, good, look } from "../../core/feedback.js";
import { t } from "../../core/i18n.js";
import { nowText } from "../../core/clock.js";
import { normalCode } from "../../core/codes.js";
import * as outbox from "../../core/outbox.js";
import { itemOf } from "../../core/range.js";
import { storePath } from "../../core/session.js";
import { go } from "../../ui/router.js";
import { Button, Empty, Notice, Page, Pair, Trouble, html, useScan } from "../../ui/ui.js";
import { factsOf } from "./facts.js";

/** Gaps in one request; the service takes no more. */
const MAX_GAPS_A_CALL = 100;

/** @typedef {{code: string, at: string, name?: string, shelf?: string, problem?: string}} Gap the newest comes first */

/** @type {{gaps: Gap[]}} */
const NOTHING = { gaps: [] };
const work = draft("walk", NOTHING);

/** @param {string} scanned */
async function add(scanned) {
  const code = normalCode(scanned);
  const { gaps } = work.value;
  if (gaps.some((gap) => gap.code === code)) return look(t("walk.twice"));
  good(t("walk.added", { n: gaps.length + 1 }));
  work.change({ gaps: [{ code, at: nowText() }, ...gaps] });
  const known = await named(code);
  if (known.problem) bad(known.problem);
  work.change({ gaps: work.value.gaps.map((gap) => (gap.code === code ? { ...gap, ...known } : gap)) });
}

/** @param {(gap: Gap) => boolean} isLeft */
const keep = (isLeft) => work.change({ gaps: work.value.gaps.filter(isLeft) });

function undo() {
  const [last] = work.value.gaps;
  if (!last) return bad();
  look(t("undo"));
  keep((gap) => gap.code !== last.code);
}

/** Ask for what is on the list; each part leaves it as it goes into the outbox. @returns {Promise<number[]>} the acts */
async function send() {
  const asked = work.value.gaps.filter((gap) => !gap.problem).reverse();
  const sent = [];
  for (let from = 0; from < asked.length; from += MAX_GAPS_A_CALL) {
    const asks = asked.slice(from, from + MAX_GAPS_A_CALL).map(({ code, at }) => ({ code, reason: "gap", seen_qty: 0, occurred_at: at }));
    const act = { path: storePath("gap-scans"), body: { asks }, what: "act.walk", about: { kind: "walk", n: asks.length } };
    const left = { gaps: work.value.gaps.filter((gap) => !asks.some(({ code }) => code === gap.code)) };
    sent.push((await work.changeWith(left, (notes) => outbox.put({ ...act, notes }))).seq);
  }
  keep((gap) => !gap.problem); // What is unknown here was told when it was scanned.
  return sent;
}

export default function Walk() {
  const [acts, setActs] = useState(/** @type {number[]} */ ([]));
  const opening = useRef(/** @type {Promise<void> | null} */ (null));
  opening.current ??= work.open();
  const { gaps } = work.value;
  const ask = async () => {
    if (!work.value.gaps.some((gap) => !gap.problem)) return bad();
    const sent = await send();
    good();
    setActs(sent);
  };
  useScan(({ code, command }) => {
    if (command === "UNDO") return undo();
    if (command === "DONE") return void ask();
    if (command) return command === "BACK" ? go("") : bad();
    setActs([]);
    return void opening.current?.then(() => add(code));
  });
  if (acts.length) return html`<${Sent} acts=${acts} onAgain=${() => setActs([])} />`;
  const foot = gaps.length > 0 && html`<${Pair}>
    <${Button} icon="undo" onClick=${undo}>${t("undo")}<//>
    <${Button} kind="primary" icon="ask" onClick=${ask}>${t("walk.send", { n: gaps.filter((gap) => !gap.problem).length })}<//><//>`;
  return html`<${Page} title=${t("walk.title")} back=${() => go("")} foot=${foot}>
    ${!gaps.length && html`<${Empty} icon="walk" title=${t("walk.start")}><p>${t("walk.start.more")}</p><//>`}
    <ol class="list" reversed>${gaps.map((gap) => html`<li class="row" key=${gap.code}>
      <span class="grow"><span class="strong">${gap.name ?? gap.code}</span>${gap.problem ? html`<span class="bad-text">${gap.problem}</span>` : html`<span class="soft code">${gap.shelf ?? ""}</span>`}</span>
      <button type="button" class="button icon" aria-label=${t("walk.remove", { name: gap.name ?? gap.code })} onClick=${() => keep((one) => one.code !== gap.code)}><span aria-hidden="true">✕</span></button></li>`)}</ol>
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

