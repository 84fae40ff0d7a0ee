// What a lead can do from the board: each act is asked for in a sheet, told in a word afterwards, and taken back by
// "Undo" where it can be.

import { useState } from "preact/hooks";
import { request } from "../../core/api.js";
import { number, t, time } from "../../core/i18n.js";
import { uuid } from "../../core/ids.js";
import { can, storePath } from "../../core/session.js";
import { Age, Button, Figures, Notice, Sheet, Trouble, html, inWords, toast, useLoad } from "../../ui/ui.js";
import { Why } from "./why.js";

const WORKING_ROLES = ["backroom", "lead", "manager"];

/** @param {string} path below the store @param {object} body @returns {Promise<any>} */
export const post = (path, body) => request("POST", storePath(path), { body, key: uuid() });

/**
 * Do it, say so, offer to take it back.
 * @param {() => Promise<any>} act @param {string} said @param {{undo?: () => Promise<any>, after: () => void}} then
 */
async function done(act, said, { undo, after }) {
  await act();
  after();
  const takeBack = () => undo?.().then(after, (failure) => toast(inWords(failure).title));
  toast(said, undo && { label: t("undo"), act: takeBack });
}

/** A button that does something and shows why it could not. @param {{kind?: string, icon?: string, run: () => Promise<void>, onRefused: (refusal: unknown) => void, children?: any}} props */
function Doing({ kind, icon, run, onRefused, children }) {
  const [isBusy, setBusy] = useState(false);
  const start = () => {
    setBusy(true);
    onRefused(null);
    run().catch(onRefused).finally(() => setBusy(false));
  };
  return html`<${Button} kind=${kind} icon=${icon} disabled=${isBusy} onClick=${start}>${children}<//>`;
}

/**
 * Ask for an item. A pull that this opens can be taken back; one that it moves up stays up, so that is asked about first.
 * @param {{sku: string, shelf: string, reason: string, description: string, joins: boolean, close: () => void, after: () => void, onRefused: (refusal: unknown) => void}} props
 */
function Raise({ sku, shelf, reason, description, joins, close, after, onRefused }) {
  const [isSure, setSure] = useState(!joins);
  const ask = async () => {
    const answer = await post("asks", { code: sku, shelf, reason });
    const isNew = answer.outcome === "opened" && answer.pull_id;
    const takeBack = () => post(`pulls/${answer.pull_id}/cancellation`, { reason: t("board.raise.slip") }).then(after, (failure) => toast(inWords(failure).title));
    close();
    after();
    toast(t(`board.asked.${answer.outcome}`, { item: description }), isNew ? { label: t("undo"), act: takeBack } : undefined);
  };
  const kind = reason === "customer_waiting" ? "primary" : "";
  if (!isSure) return html`<${Button} kind=${kind} icon="ask" onClick=${() => setSure(true)}>${t(`board.raise.${reason}`)}<//>`;
  return html`${joins && html`<${Notice} kind="look">${t("board.raise.sure")}<//>`}
    <${Doing} kind=${kind} icon="ask" onRefused=${onRefused} run=${ask}>${t(joins ? "board.raise.yes" : `board.raise.${reason}`)}<//>`;
}

/** A shelf that runs empty: why we think so, and what to do. @param {{risk: any, close: () => void, after: () => void}} props */
export function RiskSheet({ risk, close, after }) {
  const [refusal, setRefusal] = useState(/** @type {unknown} */ (null));
  const watch = useLoad(async () => risk.explanation ?? (await shelfOf(risk)), [risk.sku, risk.shelf]);
  const to = { ...risk, joins: Boolean(risk.pull_state), close, after, onRefused: setRefusal };
  return html`<${Sheet} title=${risk.description} onClose=${close}>
    <${Figures} small=${true} figures=${[[t("board.figure.shelf"), risk.shelf], [t("board.figure.on_hand"), number(risk.on_hand)], [t("board.figure.backroom"), number(risk.backroom)], [t("board.figure.coming"), number(risk.on_its_way)]]} />
    ${watch.value && html`<${Why} why=${watch.value} />`}${watch.refusal && html`<${Trouble} refusal=${watch.refusal} />`}
    ${risk.backroom === 0 && !risk.on_its_way && html`<${Notice} kind="look">${t("board.nothing_back")}<//>`}
    ${refusal && html`<${Trouble} refusal=${refusal} />`}
    ${can("ask") && html`<${Raise} ...${to} reason="customer_waiting" /><${Raise} ...${to} reason="other" />`}
  <//>`;
}

/** @param {any} risk @returns {Promise<any>} what the watch thinks of the shelf now */
async function shelfOf(risk) {
  const { shelves } = await request("GET", storePath(`watch/${encodeURIComponent(risk.sku)}`));
  return shelves.find((one) => one.shelf === risk.shelf) ?? null;
}

/** A pull: who asked, why, how far it is. @param {{pull: any, close: () => void, after: () => void}} props */
export function PullSheet({ pull, close, after }) {
  const [refusal, setRefusal] = useState(/** @type {unknown} */ (null));
  const [isGivingUp, setGivingUp] = useState(false);
  const detail = useLoad(() => request("GET", storePath(`pulls/${pull.pull_id}`)), [pull.pull_id]);
  const to = { ...pull, joins: true, close, after, onRefused: setRefusal };
  const giveUp = (reason) => async () => {
    const undo = () => post("asks", { code: pull.sku, shelf: pull.shelf, reason: "other", qty: pull.qty_wanted - pull.qty_put });
    await done(() => post(`pulls/${pull.pull_id}/cancellation`, { reason }), t("board.cancelled", { item: pull.description }), { undo, after });
    close();
  };
  return html`<${Sheet} title=${pull.description} onClose=${close}>
    <${Figures} small=${true} figures=${[[t("board.figure.shelf"), pull.shelf], [t("board.figure.wanted"), number(pull.qty_wanted)], [t("board.figure.coming"), number(pull.qty_planned + pull.qty_filled)], [t("board.figure.due"), time(pull.due_at)]]} />
    ${detail.value?.explanation && html`<${Why} why=${detail.value.explanation} />`}
    ${detail.value && html`<ul class="askers">${detail.value.asks.filter((ask) => ask.reason !== "watch").map((ask) => html`<li key=${ask.ask_id}><b>${ask.requester}</b> ${t(`board.reason.${ask.reason}`)} · <${Age} at=${ask.asked_at} />${ask.note && html`<q>${ask.note}</q>`}</li>`)}</ul>`}
    ${refusal && html`<${Trouble} refusal=${refusal} />`}
    ${isGivingUp
      ? html`<h3 class="section">${t("board.cancel.why")}</h3>${["not_needed", "twice", "wrong"].map((why) => html`<${Doing} key=${why} kind="danger" onRefused=${setRefusal} run=${giveUp(t(`board.cancel.${why}`))}>${t(`board.cancel.${why}`)}<//>`)}`
      : html`${can("ask") && pull.reason !== "customer_waiting" && html`<${Raise} ...${to} reason="customer_waiting" />`}
          ${can("lead") && pull.state === "open" && html`<${Button} kind="danger" icon="bin" onClick=${() => setGivingUp(true)}>${t("board.cancel")}<//>`}`}
  <//>`;
}

/** A task: give it to somebody else, or back. @param {{task: any, close: () => void, after: () => void}} props */
export function TaskSheet({ task, close, after }) {
  const [refusal, setRefusal] = useState(/** @type {unknown} */ (null));
  const [isReleasing, setReleasing] = useState(false);
  const people = useLoad(() => (can("lead") ? request("GET", storePath("people?active=true&limit=200")) : Promise.resolve({ items: [] })), []);
  const others = (people.value?.items ?? []).filter((one) => one.principal_id !== task.claimed_by && one.roles.some((role) => WORKING_ROLES.includes(role)));
  const giveTo = (who) => post(`tasks/${task.task_id}/reassignment`, { principal_id: who });
  const give = (one) => async () => {
    await done(() => giveTo(one.principal_id), t("board.given", { name: one.name }), { undo: () => giveTo(task.claimed_by), after });
    close();
  };
  const release = async () => {
    await done(() => post(`tasks/${task.task_id}/release`, { fence: task.fence }), t("board.released"), { after });
    close();
  };
  const canRelease = can("lead") && task.qty_picked === 0 && ["claimed", "filling", "abandoned"].includes(task.state);
  return html`<${Sheet} title=${t("board.task", { tub: task.tub ?? t("board.no_tub"), name: task.worker })} onClose=${close}>
    <${Figures} small=${true} figures=${[[t("board.figure.lines"), `${number(task.progress.lines_done)} / ${number(task.progress.lines)}`], [t("board.figure.in_tub"), number(task.qty_picked - task.qty_settled)], [t("board.figure.lease"), time(task.lease_until)]]} />
    ${refusal && html`<${Trouble} refusal=${refusal} />`}${people.refusal && html`<${Trouble} refusal=${people.refusal} />`}
    ${isReleasing
      ? html`<${Notice} kind="look">${t("board.release.sure", { name: task.worker })}<//><${Doing} kind="danger" onRefused=${setRefusal} run=${release}>${t("board.release.yes")}<//>`
      : html`${others.length > 0 && html`<h3 class="section">${t("board.give")}</h3><div class="people">${others.map((one) => html`<${Doing} key=${one.principal_id} kind="small" icon="person" onRefused=${setRefusal} run=${give(one)}>${one.name}<//>`)}</div>`}
          ${canRelease && html`<${Button} kind="danger" icon="undo" onClick=${() => setReleasing(true)}>${t("board.release")}<//>`}`}
  <//>`;
}

/** A contradiction: say how it was settled, or have it counted. @param {{found: any, close: () => void, after: () => void}} props */
export function DecisionSheet({ found, close, after }) {
  const [refusal, setRefusal] = useState(/** @type {unknown} */ (null));
  const [word, setWord] = useState("");
  const settle = (resolution) => async () => {
    const path = `discrepancies/${found.discrepancy_id}/closing`;
    const undo = () => request("DELETE", storePath(path));
    await done(() => post(path, { resolution }), t("board.settled", { item: found.description }), { undo, after });
    close();
  };
  const choices = found.kind === "variance" ? ["count_right", "seen"] : ["found", "booked", "seen"];
  return html`<${Sheet} title=${found.description} onClose=${close}>
    <${Notice} kind="look" title=${t(`board.discrepancy.${found.kind}`)}>${t(`board.discrepancy.${found.kind}.means`, { n: Math.abs(found.qty), place: found.location })}<//>
    ${refusal && html`<${Trouble} refusal=${refusal} />`}
    ${choices.map((name, place) => html`<${Doing} key=${name} kind=${place === 0 ? "primary" : ""} onRefused=${setRefusal} run=${settle(t(`board.resolution.${name}`))}>${t(`board.resolution.${name}`)}<//>`)}
    <label class="field"><span>${t("board.resolution.word")}</span><input class="input" maxlength="200" value=${word} onInput=${(event) => setWord(event.target.value)} /></label>
    ${word.trim() && html`<${Doing} onRefused=${setRefusal} run=${settle(word.trim())}>${t("board.resolution.close")}<//>`}
    <${Recount} sku=${found.sku} place=${found.location} description=${found.description} close=${close} after=${after} onRefused=${setRefusal} />
  <//>`;
}

/** What somebody did not find. @param {{short: any, close: () => void, after: () => void}} props */
export function ShortSheet({ short, close, after }) {
  const [refusal, setRefusal] = useState(/** @type {unknown} */ (null));
  return html`<${Sheet} title=${short.description} onClose=${close}>
    <${Notice} kind="look" title=${t(`board.short_reason.${short.short_reason}`)}>${t("board.short.means", { n: short.qty, place: short.from_location, name: short.worker, time: time(short.short_at) })}<//>
    ${refusal && html`<${Trouble} refusal=${refusal} />`}
    <${Recount} sku=${short.sku} place=${short.from_location} description=${short.description} close=${close} after=${after} onRefused=${setRefusal} />
  <//>`;
}

/** @param {{sku: string, place: string, description: string, close: () => void, after: () => void, onRefused: (refusal: unknown) => void}} props */
const Recount = ({ sku, place, description, close, after, onRefused }) =>
  html`<${Doing} icon="count" onRefused=${onRefused} run=${async () => {
    const act = () => post("count-requests", { code: sku, location: place, reason: t("board.recount.reason") });
    await done(act, t("board.recount.said", { item: description, place }), { after });
    close();
  }}>${t("board.recount")}<//><p class="hint">${t("board.recount.stays")}</p>`;
