// Ask for an item: scan the gap, see what is known, one tap. Asked without a network it is sent later.

import { useEffect, useRef, useState } from "preact/hooks";
import { online, Refusal } from "../../core/api.js";
import { bad, good, look } from "../../core/feedback.js";
import { t, time } from "../../core/i18n.js";
import { nowText } from "../../core/clock.js";
import { normalCode } from "../../core/codes.js";
import * as outbox from "../../core/outbox.js";
import { itemOf } from "../../core/range.js";
import { storePath } from "../../core/session.js";
import { go } from "../../ui/router.js";
import { Button, Empty, Notice, Page, Stepper, Trouble, html, useLoad, useScan } from "../../ui/ui.js";
import { Aged, ItemHead, OnItsWay, Stock, factsOf } from "./facts.js";

/** @param {{steps: string[]}} props `#/ask/4006381333931` */
export default function Ask({ steps: [code] }) {
  useScan(({ code: scanned, command }) => {
    if (command === "BACK") return go("");
    if (command) return false;
    return go(`ask/${encodeURIComponent(scanned)}`, { replace: Boolean(code) });
  });
  if (code) return html`<${OneItem} key=${code} code=${code} />`;
  return html`<${Page} title=${t("ask.title")} back=${() => go("")}>
    <${Empty} icon="scan" title=${t("ask.scan")}><p>${t("ask.scan.more")}</p><//>
  <//>`;
}

/** @param {{code: string}} props */
function OneItem({ code }) {
  const { value: facts, refusal, loading, reload } = useLoad(() => factsOf(code), [code]);
  const { value: known } = useLoad(() => itemOf(normalCode(code)), [code]);
  const name = facts?.item.description ?? known?.description ?? code;
  const [seen, setSeen] = useState(0);
  const [act, setAct] = useState(/** @type {import("../../core/outbox.js").Act | null} */ (null));
  useEffect(() => {
    if (facts) good(facts.item.description);
    else if (refusal && !isOutOfReach(refusal)) bad();
  }, [facts, refusal]);
  const isAsked = useRef(false);
  const ask = async (reason) => {
    if (isAsked.current) return; // It is being written down.
    isAsked.current = true;
    good(t("ask.asked"));
    const body = { code, reason, seen_qty: seen, occurred_at: nowText() };
    const kept = outbox.put({ path: storePath("asks"), body, what: "act.ask", about: { kind: "ask", name } });
    setAct(await kept.finally(() => (isAsked.current = false)));
  };
  useScan(({ command }) => {
    if (act || !command) return false;
    if (command === "OK" || command === "DONE") return void ask("gap");
    if (command === "+1" || command === "-1") return setSeen(Math.max(0, seen + (command === "+1" ? 1 : -1)));
    return false;
  });
  if (act) return html`<${Answer} act=${act} name=${name} />`;
  const blind = refusal && isOutOfReach(refusal);
  const foot = (facts || blind) && html`
    <${Button} icon="person" onClick=${() => ask("customer_waiting")}>${t("ask.customer")}<//>
    <${Button} kind="primary" icon="ask" onClick=${() => ask("gap")}>${t("ask.do")}<//>`;
  return html`<${Page} title=${t("ask.title")} back=${() => go("ask", { replace: true })} foot=${foot}>
    ${loading && html`<p class="soft">${t("loading")}</p>`}
    ${refusal && !blind && html`<${Trouble} refusal=${refusal} retry=${reload} />`}
    ${blind && html`<${Notice} kind="look" title=${t("ask.blind")}>${t("ask.blind.more", { name })}<//>`}
    ${facts && html`<${ItemHead} item=${facts.item} /><${Aged} facts=${facts} /><${OnItsWay} pull=${facts.pull} /><${Stock} facts=${facts} />
      <p class="strong" id="seen">${t("ask.seen")}</p><${Stepper} label=${t("ask.seen")} value=${seen} max=${999} onChange=${setSeen} />`}
  <//>`;
}

/** @param {unknown} refusal */
const isOutOfReach = (refusal) => refusal instanceof Refusal && refusal.passes;

/** What became of it: at once, or when the network is back. @param {{act: import("../../core/outbox.js").Act, name: string}} props */
function Answer({ act, name }) {
  const { answer, refusal } = outbox.outcomes.value.get(act.seq) ?? {};
  useEffect(() => {
    if (refusal) bad();
    else if (answer?.answer === "cannot") look();
  }, [answer, refusal]);
  const again = () => go("ask", { replace: true });
  useScan(({ command }) => (command === "OK" || command === "DONE" ? again() : false));
  const foot = html`<${Button} onClick=${() => go("")}>${t("ask.home")}<//><${Button} kind="primary" icon="scan" onClick=${again}>${t("ask.next")}<//>`;
  const kept = !answer && !refusal && !online.value;
  return html`<${Page} title=${name} foot=${foot}>
    ${refusal && html`<${Trouble} refusal=${refusal} />`}
    ${kept && html`<${Empty} icon="offline" title=${t("ask.kept")}><p>${t("ask.kept.more")}</p><//>`}
    ${!kept && !refusal && !answer && html`<p class="soft">${t("loading")}</p>`}
    ${answer && html`<${Told} answer=${answer} />`}
  <//>`;
}

/** @param {{answer: any}} props */
function Told({ answer }) {
  const icon = answer.answer === "cannot" ? "look" : "good";
  const when = answer.eta ? t("ask.eta", { time: time(answer.eta) }) : "";
  return html`<${Empty} icon=${icon} title=${t(`ask.told.${answer.outcome}`, { n: answer.qty })}>
    <p class="lead">${when}</p>
    ${answer.outcome === "joined" && answer.ask_count > 1 && html`<p>${t("ask.joined", { n: answer.ask_count })}</p>`}
    ${answer.uncovered > 0 && html`<p>${t("ask.uncovered", { n: answer.uncovered })}</p>`}
  <//>`;
}
