// The tub is full: bring it to a lane at the edge of the floor; then on to the next one.

import { useState } from "preact/hooks";
import { bad, good } from "../../core/feedback.js";
import { t } from "../../core/i18n.js";
import * as tasks from "../../core/tasks.js";
import { go } from "../../ui/router.js";
import { Button, Empty, Figures, Page, Trouble, hush, html, useScan } from "../../ui/ui.js";
import { standIn } from "./lane.js";
import { Progress } from "./progress.js";

/** @param {{task: import("../../core/task_view.js").Task}} props */
export function BringToLane({ task }) {
  const [refusal, setRefusal] = useState(/** @type {unknown} */ (null));
  const units = task.lines.reduce((sum, line) => sum + line.qty_picked, 0);
  const shorts = task.lines.filter((line) => line.state === "short");
  const takeBack = (line) => (hush(), tasks.undoShort(line)); // What the toast offers may be the same.
  useScan(({ code, command }) => {
    if (command === "BACK") return go("");
    if (command === "UNDO" && shorts.length) return void takeBack(shorts[shorts.length - 1]);
    return command || !units ? bad(t("stage.not_a_lane")) : void standIn(code);
  });
  if (!units) {
    const foot = html`<${Button} kind="primary" onClick=${() => tasks.release().catch(setRefusal)}>${t("work.give_back")}<//>`;
    return html`<${Page} title=${task.tub} back=${() => go("")} foot=${foot}>
      ${refusal && html`<${Trouble} refusal=${refusal} />`}
      <${Empty} icon="look" title=${t("stage.empty")}><p>${t("stage.empty.more")}</p><//>
    <//>`;
  }
  return html`<${Page} title=${task.tub} back=${() => go("")}>
    <${Progress} task=${task} />
    <${Empty} icon="scan" title=${t("stage.scan_lane")}><p>${t("stage.more", { tub: task.tub })}</p><//>
    <${Figures} figures=${[[t("stage.units"), units], [t("stage.shorts"), shorts.length]]} />
    ${shorts.map((line) => html`<div class="row"><span class="grow"><span class="strong clip">${line.description}</span><span class="soft">${t(`short.${line.short_reason}`)}</span></span>
      <${Button} kind="small" icon="undo" onClick=${() => takeBack(line)}>${t("undo")}<//></div>`)}
  <//>`;
}

/** @param {{task: import("../../core/task_view.js").Task}} props */
export function Staged({ task }) {
  const units = task.lines.reduce((sum, line) => sum + line.qty_picked, 0);
  const next = () => void tasks.drop();
  useScan(({ code, command }) => {
    if (command === "OK" || command === "DONE") return void next();
    const scanned = tasks.meaning(code);
    if (command || scanned.kind !== "lane") return false;
    good(scanned.code);
    return scanned.code === task.lane ? undefined : void tasks.stage(scanned.code);
  });
  const foot = html`<${Button} onClick=${() => (next(), go(""))}>${t("stage.stop")}<//>
    <${Button} kind="primary" icon="tub" onClick=${next}>${t("stage.next")}<//>`;
  return html`<${Page} title=${task.tub} foot=${foot}>
    <${Empty} icon="good" title=${t("stage.done", { tub: task.tub, lane: task.lane })}><p>${t("stage.done.more")}</p><p class="soft">${t("stage.other")}</p><//>
    <${Figures} figures=${[[t("work.lines"), task.lines.filter((line) => line.qty_picked > 0).length], [t("stage.units"), units], [t("stage.shorts"), task.lines.filter((line) => line.state === "short").length]]} />
  <//>`;
}
