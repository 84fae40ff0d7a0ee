// Why this line, and why now: who asked, what they wrote, and what the watch reckons with. Nobody has to take it on trust.

import { read } from "../../core/cache.js";
import { t, time } from "../../core/i18n.js";
import { storePath } from "../../core/session.js";
import { Notice, Sheet, Trouble, html, useLoad } from "../../ui/ui.js";

/** @param {{line: import("../../core/task_view.js").Line & {pull_id: number}, onClose: () => void}} props */
export function Why({ line, onClose }) {
  const { value, refusal, loading, reload } = useLoad(() => read(storePath(`pulls/${line.pull_id}`)), [line.pull_id]);
  const pull = value?.value;
  return html`<${Sheet} title=${t("pick.why.title")} close=${t("close")} onClose=${onClose}>
    ${loading && html`<p class="soft">${t("loading")}</p>`}
    ${refusal && html`<${Trouble} refusal=${refusal} retry=${reload} />`}
    ${pull && html`<p class="strong">${t("pick.why.to", { shelf: pull.shelf, time: time(pull.due_at) })}</p>
      ${pull.explanation && html`<${Notice} kind="look" title=${t("pick.why.watch")}>${pull.explanation.sentence}<//>`}
      <ul class="list">${pull.asks.filter((ask) => ask.reason !== "watch").map((ask) => html`<li class="row"><span class="grow">
        <span class="strong">${t("pick.why.asked", { name: ask.requester, time: time(ask.asked_at) })}</span>
        <span>${t(`pick.reason.${ask.reason}`)}</span>${ask.note && html`<span class="strong">“${ask.note}”</span>`}</span></li>`)}</ul>`}
  <//>`;
}
