// Fill a tub: what comes next, the tub, line by line, the lane. Which of these is shown follows from the task alone, so
// the screen is the same after a reload.

import { useEffect, useState } from "preact/hooks";
import { Refusal, online } from "../../core/api.js";
import { bad, good } from "../../core/feedback.js";
import { duration, t } from "../../core/i18n.js";
import { storePath } from "../../core/session.js";
import * as tasks from "../../core/tasks.js";
import { openLines } from "../../core/task_view.js";
import { keepAwake } from "../../core/wake.js";
import { read } from "../../core/cache.js";
import { go } from "../../ui/router.js";
import { Button, Empty, Figures, Notice, Page, Trouble, html, useLoad, useScan } from "../../ui/ui.js";
import { useScanned } from "../scanned.js";
import { Gone } from "./gone.js";
import { NewTub } from "./new_tub.js";
import { PickLine } from "./pick.js";
import { BringToLane, Staged } from "./stage.js";

const URGENT_FROM = 80;

/** @param {{steps: string[]}} props `#/work/TUB-1` begins with that tub */
export default function Work({ steps }) {
  const found = useLoad(() => tasks.resume("work"), []);
  useEffect(() => {
    keepAwake(true);
    return () => keepAwake(false);
  }, []);
  const scanned = useScanned("work", steps);
  const task = tasks.task.value;
  if (task && !found.loading) scanned.current = ""; // There is a tub in hand already.
  if (!task && found.loading) return html`<${Page} title=${t("work.title")} back=${home}><p class="soft">${t("loading")}</p><//>`;
  if (!task && found.refusal) return html`<${Page} title=${t("work.title")} back=${home}><${Trouble} refusal=${found.refusal} retry=${found.reload} /><//>`;
  if (!task) return html`<${Next} scanned=${scanned} />`;
  if (tasks.isMine.value && task.state === "staged") return html`<${Staged} task=${task} />`;
  if (!tasks.isMine.value || !["claimed", "filling"].includes(task.state)) return html`<${Gone} task=${task} />`;
  if (!task.tub) return html`<${ScanTub} task=${task} />`;
  return openLines(task).length ? html`<${PickLine} task=${task} />` : html`<${BringToLane} task=${task} />`;
}

const home = () => go("");

/** What the next claim would bring; scanning an empty tub claims it. @param {{scanned: {current: string}}} props `scanned`: see useScanned */
function Next({ scanned }) {
  const preview = useLoad(() => read(storePath("available-tasks?tasks=1")), []);
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState(/** @type {unknown} */ (null));
  const [nothing, setNothing] = useState(false);
  const [unknown, setUnknown] = useState("");
  const claim = async (tub) => {
    if (busy) return;
    setBusy(true);
    setRefusal(null);
    try {
      const given = await tasks.claim({ tub });
      if (given) good();
      setNothing(!given);
      if (!given) preview.reload();
    } catch (failure) {
      bad();
      if (failure instanceof Refusal && failure.code === "no-such-tub") setUnknown(tub ?? "");
      else setRefusal(failure);
    }
    setBusy(false);
  };
  useEffect(() => {
    const tub = scanned.current;
    scanned.current = "";
    if (tub) void claim(tub);
  }, []);
  useScan(({ code, command }) => {
    if (command === "BACK") return home();
    if (command && command !== "OK") return bad();
    if (busy) return false; // It is meant for the first line, which is about to come.
    void claim(command ? undefined : tasks.meaning(code).code);
    return undefined;
  });
  const [plan] = preview.value?.value.tasks ?? [];
  const offline = !online.value;
  const foot = plan && html`<${Button} kind="primary" icon="tub" disabled=${busy || offline} onClick=${() => claim()}>${t("work.take")}<//>`;
  return html`<${Page} title=${t("work.title")} back=${home} foot=${foot}>
    ${offline && html`<${Notice} kind=${refusal ? "bad" : "look"} title=${t("work.offline")}>${t("work.offline.do")}<//>`}
    ${refusal && !offline && html`<${Trouble} refusal=${refusal} />`}
    ${preview.refusal && !offline && html`<${Trouble} refusal=${preview.refusal} retry=${preview.reload} />`}
    ${plan && html`<${Preview} plan=${plan} />`}
    ${!plan && !preview.loading && !preview.refusal && html`<${Empty} icon="good" title=${t("work.none")}><p>${t("work.none.more")}</p><${Button} icon="undo" onClick=${preview.reload}>${t("work.look_again")}<//><//>`}
    ${plan && nothing && html`<${Notice} kind="look">${t("work.gone")}<//>`}
    ${unknown && html`<${NewTub} tub=${unknown} onClose=${() => setUnknown("")} onKnown=${() => (setUnknown(""), void claim(unknown))} />`}
  <//>`;
}

/** @param {{plan: any}} props */
function Preview({ plan }) {
  const zones = [...new Set(plan.lines.map((line) => line.zone))].sort();
  const urgent = plan.lines.filter((line) => line.urgency >= URGENT_FROM).length;
  return html`
    <p class="lead">${t("work.scan_tub")}</p>
    <${Figures} figures=${[
      [t("work.lines"), plan.lines.length],
      [t("work.urgent"), urgent],
      [t("work.takes"), duration(plan.estimated_s)],
      [t("work.zone", { n: zones.length }), zones.join(", ")],
    ]} />
    <h2 class="section">${t("work.walk")}</h2>
    <ol class="list">${plan.lines.map((line) => html`<li class="stop"><span class="code strong">${line.location}</span><span class="soft number">${t("qty", { n: line.qty })}</span>${line.urgency >= URGENT_FROM && html`<span class="tag look">${t("urgent")}</span>`}</li>`)}</ol>`;
}

/** @param {{task: import("../../core/task_view.js").Task}} props */
function ScanTub({ task }) {
  const unknown = tasks.unknownTub.value;
  const [isOpen, setOpen] = useState(true);
  const [refusal, setRefusal] = useState(/** @type {unknown} */ (null));
  useScan(({ code, command }) => {
    if (command) return command === "BACK" ? home() : bad();
    if (unknown) return setOpen(true);
    const { kind, code: tub } = tasks.meaning(code);
    if (kind === "item" || kind === "lane" || kind === "place") return bad(t("work.not_a_tub"));
    good(tub);
    return void tasks.bindTub(tub);
  });
  const release = () => tasks.release().catch(setRefusal);
  const foot = html`<${Button} kind="plain" onClick=${release}>${t("work.give_back")}<//>`;
  return html`<${Page} title=${t("work.title")} back=${home} foot=${foot}>
    ${refusal && html`<${Trouble} refusal=${refusal} />`}
    ${unknown && html`<${Notice} kind="bad" title=${t("problem.no-such-tub")}><span class="code">${unknown}</span><${Button} kind="small" onClick=${() => setOpen(true)}>${t("tub.new.ask")}<//><//>`}
    ${unknown && isOpen && html`<${NewTub} tub=${unknown} onClose=${() => (setOpen(false), tasks.forgetTub())} onKnown=${tasks.bindAgain} />`}
    <${Empty} icon="tub" title=${t("work.tub")}><p>${t("work.tub.more", { n: task.lines.length })}</p><//>
  <//>`;
}
