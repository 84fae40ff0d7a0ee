// A tub that one had in hand and that is somebody else's now, or nobody's.

import { useState } from "preact/hooks";
import { good } from "../../core/feedback.js";
import { t } from "../../core/i18n.js";
import * as tasks from "../../core/tasks.js";
import { go } from "../../ui/router.js";
import { Button, Empty, Page, Trouble, html } from "../../ui/ui.js";

const home = () => go("");
/** States in which somebody works on it. */
const UNDER_HANDS = ["claimed", "filling"];

/** The task went on without this device. @param {{task: import("../../core/task_view.js").Task}} props */
export function Gone({ task }) {
  const [refusal, setRefusal] = useState(/** @type {unknown} */ (null));
  const isLeft = task.state === "abandoned";
  const how = UNDER_HANDS.includes(task.state) ? "taken" : task.state;
  const goOn = () => tasks.takeOver(task.task_id, task.state).then(() => good(), setRefusal);
  const foot = isLeft
    ? html`<${Button} onClick=${tasks.drop}>${t("work.leave_it")}<//><${Button} kind="primary" onClick=${goOn}>${t("work.go_on")}<//>`
    : html`<${Button} kind="primary" onClick=${tasks.drop}>${t("continue")}<//>`;
  return html`<${Page} title=${task.tub ?? t("work.title")} back=${home} foot=${foot}>
    ${refusal && html`<${Trouble} refusal=${refusal} />`}
    <${Empty} icon="look" title=${t(isLeft ? "work.left" : "work.lost")}><p>${t(`work.lost.${how}`)}</p><//>
  <//>`;
}
