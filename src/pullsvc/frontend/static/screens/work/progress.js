// How far a tub is: a piece for each line.

import { t } from "../../core/i18n.js";
import { toPick } from "../../core/task_view.js";
import { html } from "../../ui/ui.js";

/** @param {{task: import("../../core/task_view.js").Task, now?: number}} props `now`: line that is being worked on */
export function Progress({ task, now }) {
  const of = (line) => (line.line_no === now ? "now" : line.state === "short" ? "short" : toPick(line) ? "" : "done");
  const done = task.lines.filter((line) => !toPick(line)).length;
  return html`<div class="steps"><div class="progress" aria-hidden="true">${task.lines.map((line) => html`<i class=${of(line)}></i>`)}</div>
    <span class="number soft">${t("work.progress", { done, all: task.lines.length })}</span></div>`;
}
