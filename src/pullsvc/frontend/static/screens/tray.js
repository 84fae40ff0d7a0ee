// What is on its way, what others left here, and what the service would not take: nothing that was scanned disappears
// without a word, and nobody sends what somebody else did.

import { useState } from "preact/hooks";
import { online, probe } from "../core/api.js";
import { saveRows } from "../core/files.js";
import { date, dateTime, t, time } from "../core/i18n.js";
import { again, attention, dismiss, flush, full, giveUp, isHeld, waiting } from "../core/outbox.js";
import { can, person } from "../core/session.js";
import { leftByOthers } from "../ui/left.js";
import { Button, Empty, Notice, Page, Pair, Sheet, Tag, html, inWords } from "../ui/ui.js";
import { Refusal } from "../core/api.js";

const SHOWN = 20;

export default function Tray() {
  const me = person.value?.principal_id;
  const [open, others, refused] = [waiting.value.filter((act) => act.person === me), leftByOthers(me), attention.value];
  const foot = open.some((act) => !isHeld(act)) && html`<${Button} kind="primary" icon="sent" onClick=${() => (online.value ? flush() : probe())}>${t("tray.send")}<//>`;
  const isEmpty = !full.value && !open.length && !others.length && !refused.length;
  return html`<${Page} title=${t("tray.title")} back=${true} foot=${foot}>
    ${full.value && html`<${Notice} kind="bad" title=${t("status.full")}>${t("tray.full")}<//>`}
    ${isEmpty && html`<${Empty} icon="good" title=${t("tray.none")}><p>${t("tray.none.more")}</p><//>`}
    ${!online.value && html`<${Notice} kind="look" title=${t("problem.offline")}>${t("tray.offline")}<//>`}
    ${refused.length > 0 && html`<h2 class="section">${t("tray.refused")}</h2><ul class="list">${refused.map((act) => html`<${Refused} act=${act} isMine=${act.person === me} key=${act.seq} />`)}</ul>`}
    ${open.length > 0 && html`<h2 class="section">${t("tray.open")}</h2><${Acts} acts=${open} />`}
    ${others.map((left) => html`<${OfAnother} left=${left} key=${left.person} />`)}
  <//>`;
}

/** @param {{acts: import("../core/outbox.js").Act[]}} props */
const Acts = ({ acts }) => html`<ul class="list">
  ${acts.slice(0, SHOWN).map((act) => html`<li class="row" key=${act.seq}><span class="grow"><span class="strong">${t(act.what, act.about)}</span></span><time class="soft">${time(act.madeAt)}</time></li>`)}
  ${acts.length > SHOWN && html`<li class="row soft">${t("tray.more", { n: acts.length - SHOWN })}</li>`}
</ul>`;

/** @param {{act: import("../core/outbox.js").Act, isMine: boolean}} props */
function Refused({ act, isMine }) {
  const { title, text } = inWords(new Refusal({ status: 409, ...(act.refusal ?? { code: "" }) }));
  const behind = waiting.value.filter((one) => one.about.chain === act.about.chain).length;
  const name = act.name || t("tray.somebody");
  return html`<li class="card">
    <p class="strong">${t(act.what, act.about)}</p>
    <p class="soft">${isMine ? "" : `${name} · `}${dateTime(act.madeAt)}</p>
    <${Notice} kind="bad" title=${title}>${text}<//>
    ${act.holds && behind > 0 && html`<p>${t("tray.holds", { n: behind })}</p>`}
    ${isMine || can("lead")
      ? html`<${Pair}>
          ${isMine && html`<${Button} kind="small" onClick=${() => again(act)}>${t("try_again")}<//>`}
          <${Button} kind="small" onClick=${() => dismiss(act.seq)}>${t(act.holds ? "tray.leave_out" : "tray.seen")}<//>
        <//>`
      : html`<p class="soft">${t("tray.theirs", { name })}</p>`}
  </li>`;
}

/** Acts of somebody who is not here. @param {{left: import("../ui/left.js").Left}} props */
function OfAnother({ left: { name, acts, isKept } }) {
  const [isSaved, setSaved] = useState(false);
  const [isGivingUp, setGivingUp] = useState(false);
  const keep = () => {
    saveRows(table(acts), `${name}-${acts[0].madeAt.slice(0, 10)}.csv`);
    setSaved(true);
  };
  return html`<section class="card">
    <h2 class="title">${t("tray.left", { n: acts.length, name })}</h2>
    <p>${isKept && html`<${Tag} kind="look" icon="clock">${t("tray.kept", { date: date(acts[0].madeAt) })}<//> `}${t("tray.left.how", { name })}</p>
    <${Acts} acts=${acts} />
    ${can("lead")
      ? html`<p class="soft">${t("tray.left.lead", { name })}</p><${Pair}>
          <${Button} kind="small" onClick=${keep}>${t("tray.left.save")}<//>
          <${Button} kind="small danger" disabled=${!isSaved} onClick=${() => setGivingUp(true)}>${t("tray.left.drop")}<//><//>`
      : html`<p class="soft">${t("tray.left.ask", { name })}</p>`}
    ${isGivingUp && html`<${Sheet} title=${t("tray.left.drop")} onClose=${() => setGivingUp(false)}>
      <p>${t("tray.left.drop.means", { n: acts.length, name })}</p>
      <${Button} kind="danger" onClick=${() => giveUp(acts)}>${t("tray.left.drop")}<//>
    <//>`}
  </section>`;
}

/** What a person reads, then what a program would need. @param {import("../core/outbox.js").Act[]} acts @returns {string[][]} */
const table = (acts) => [
  ["made_at", "person", "what", "path", "body", "key"],
  ...acts.map((act) => [act.madeAt, act.name ?? String(act.person), t(act.what, act.about), act.path, JSON.stringify(act.body ?? null), act.key]),
];
