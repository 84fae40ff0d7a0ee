// What is on its way, and what the service would not take: nothing that was scanned disappears without a word.

import { online, probe } from "../core/api.js";
import { dateTime, t, time } from "../core/i18n.js";
import { again, attention, dismiss, flush, full, waiting } from "../core/outbox.js";
import { Button, Empty, Notice, Page, Pair, html, inWords } from "../ui/ui.js";
import { Refusal } from "../core/api.js";

export default function Tray() {
  const [open, refused] = [waiting.value, attention.value];
  const foot = open.length > 0 && html`<${Button} kind="primary" icon="sent" onClick=${() => (online.value ? flush() : probe())}>${t("tray.send")}<//>`;
  return html`<${Page} title=${t("tray.title")} back=${true} foot=${foot}>
    ${full.value && html`<${Notice} kind="bad" title=${t("status.full")}>${t("tray.full")}<//>`}
    ${!full.value && !open.length && !refused.length && html`<${Empty} icon="good" title=${t("tray.none")}><p>${t("tray.none.more")}</p><//>`}
    ${!online.value && html`<${Notice} kind="look" title=${t("problem.offline")}>${t("tray.offline")}<//>`}
    ${refused.length > 0 && html`<h2 class="section">${t("tray.refused")}</h2><ul class="list">${refused.map((act) => html`<${Refused} act=${act} key=${act.seq} />`)}</ul>`}
    ${open.length > 0 && html`<h2 class="section">${t("tray.open")}</h2><ul class="list">${open.map((act) => html`<${Open} act=${act} key=${act.seq} />`)}</ul>`}
  <//>`;
}

/** @param {{act: import("../core/outbox.js").Act}} props */
const Open = ({ act }) =>
  html`<li class="row"><span class="grow"><span class="strong">${t(act.what, act.about)}</span></span><time class="soft">${time(act.madeAt)}</time></li>`;

/** @param {{act: import("../core/outbox.js").Act}} props */
function Refused({ act }) {
  const { title, text } = inWords(new Refusal({ status: 409, ...(act.refusal ?? { code: "" }) }));
  return html`<li class="card">
    <p class="strong">${t(act.what, act.about)}</p>
    <p class="soft">${dateTime(act.madeAt)}</p>
    <${Notice} kind="bad" title=${title}>${text}<//>
    <${Pair}>
      <${Button} kind="small" onClick=${() => again(act)}>${t("try_again")}<//>
      <${Button} kind="small" onClick=${() => dismiss(act.seq)}>${t("tray.seen")}<//>
    <//>
  </li>`;
}
