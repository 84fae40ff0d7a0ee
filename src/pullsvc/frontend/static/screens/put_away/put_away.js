// Work a tub onto the shelves: scan it, then shelf by shelf, until nothing in it is unaccounted for.

import { useEffect, useState } from "preact/hooks";
import { Refusal, online, request } from "../../core/api.js";
import { bad, good } from "../../core/feedback.js";
import { t, time } from "../../core/i18n.js";
import { normalCode } from "../../core/codes.js";
import { storePath } from "../../core/session.js";
import { inTub, linesInTub } from "../../core/task_view.js";
import * as tasks from "../../core/tasks.js";
import { keepAwake } from "../../core/wake.js";
import { read } from "../../core/cache.js";
import { go } from "../../ui/router.js";
import { Button, Empty, Figures, Notice, Page, Trouble, html, useLoad, useScan } from "../../ui/ui.js";
import { useScanned } from "../scanned.js";
import { Gone } from "../work/gone.js";
import { PutLine } from "./put_line.js";

const home = () => go("");

/** @param {{steps: string[]}} props `#/put-away/TUB-1` begins with that tub */
export default function PutAway({ steps }) {
  const found = useLoad(() => tasks.resume("floor"), []);
  useEffect(() => {
    keepAwake(true);
    return () => keepAwake(false);
  }, []);
  const scanned = useScanned("put-away", steps);
  const task = tasks.task.value;
  if (task && !found.loading) scanned.current = ""; // There is a tub in hand already.
  if (!task && found.loading) return html`<${Page} title=${t("put.title")} back=${home}><p class="soft">${t("loading")}</p><//>`;
  if (task && !tasks.isMine.value) return html`<${Gone} task=${task} />`;
  if (task?.state === "closed") return html`<${Done} task=${task} />`;
  if (task?.state === "on_floor") return linesInTub(task).length ? html`<${PutLine} task=${task} />` : html`<${Done} task=${task} />`;
  return html`<${Choose} scanned=${scanned} />`;
}

/** Which tub: scanned, or one of those that stand in the lanes. @param {{scanned: {current: string}}} props `scanned`: see useScanned */
function Choose({ scanned }) {
  const waiting = useLoad(() => read(storePath("tasks?state=staged&limit=20")), []);
  const [refusal, setRefusal] = useState(/** @type {unknown} */ (null));
  const [busy, setBusy] = useState(false);
  const take = async (plate) => {
    if (busy) return;
    setBusy(true);
    setRefusal(null);
    try {
      const { task_id, state } = await request("GET", storePath(`tubs/${encodeURIComponent(plate)}`));
      if (!["staged", "on_floor"].includes(state)) throw new Refusal({ status: 409, code: state === "idle" ? "tub-empty" : "tub-filling", facts: { tub: plate } });
      await tasks.takeOver(task_id, state);
      good(plate);
    } catch (failure) {
      bad();
      setRefusal(failure);
    }
    setBusy(false);
  };
  useEffect(() => {
    const tub = scanned.current;
    scanned.current = "";
    if (tub) void take(normalCode(tub));
  }, []);
  useScan(({ code, command }) => {
    if (command) return command === "BACK" ? home() : bad();
    return busy ? false : void take(normalCode(code)); // While a tub is being taken, it is meant for its first shelf.
  });
  const tubs = waiting.value?.value.items ?? [];
  return html`<${Page} title=${t("put.title")} back=${home}>
    ${!online.value && html`<${Notice} kind="look" title=${t("problem.offline")}>${t("put.offline")}<//>`}
    ${refusal && html`<${Trouble} refusal=${refusal} />`}
    ${tubs.length
      ? html`<p class="lead">${t("put.scan")}</p><ul class="list">${tubs.map((one) => html`<li><button type="button" class="row" disabled=${busy} onClick=${() => take(one.tub)}>
          <span class="grow"><span class="strong code">${one.tub}</span><span class="soft">${t("put.lines", { n: one.lines.length })}</span></span>
          <span class="end"><span class="strong code">${one.lane}</span><br /><span class="soft">${time(one.staged_at)}</span></span></button></li>`)}</ul>`
      : !waiting.loading && html`<${Empty} icon="tub" title=${t("put.scan")}><p>${t("put.none")}</p><//>`}
  <//>`;
}

/** @param {{task: import("../../core/task_view.js").Task}} props */
function Done({ task }) {
  const sum = (name) => task.lines.reduce((total, line) => total + line[name], 0);
  const leave = () => (void tasks.drop(), go(""));
  useScan(({ command }) => (command === "OK" || command === "DONE" || command === "BACK" ? leave() : false));
  const foot = html`<${Button} onClick=${leave}>${t("put.home")}<//><${Button} kind="primary" icon="shelf" onClick=${() => void tasks.drop()}>${t("put.next")}<//>`;
  const left = task.lines.reduce((total, line) => total + inTub(line), 0);
  return html`<${Page} title=${task.tub} foot=${foot}>
    <${Empty} icon="good" title=${t("put.done", { tub: task.tub })}><p>${left ? "" : t("put.done.more")}</p><//>
    <${Figures} figures=${[[t("put.on_shelf"), sum("qty_put")], [t("put.returned"), sum("qty_returned")], [t("put.damaged"), sum("qty_damaged")], [t("put.missing"), sum("qty_missing")]]} />
  <//>`;
}
