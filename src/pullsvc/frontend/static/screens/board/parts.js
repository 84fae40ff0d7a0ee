// The parts of the board: what runs empty, what was asked for, who is on it, what somebody has to decide.

import { tick } from "../../core/clock.js";
import { duration, number, t, time } from "../../core/i18n.js";
import { Age, Department, Icon, Tag, Until, html } from "../../ui/ui.js";

const SOON_MIN = 15;
const PULL_KINDS = { open: "look", planned: "", filled: "good" };
const TASK_LANES = [
  ["filling", ["claimed", "filling", "abandoned"]],
  ["staged", ["staged"]],
  ["on_floor", ["on_floor"]],
];

/**
 * A part with its title, how many there are, and words for when there are none.
 * @param {{name: string, count?: any, cut?: boolean, empty: any, aside?: any, children?: any}} props
 */
export const Part = ({ name, count, cut, empty, aside, children }) =>
  html`<section class=${`part ${name}`} aria-labelledby=${`part-${name}`}>
    <header><h2 id=${`part-${name}`}>${t(`board.${name}`)}</h2>${count !== undefined && html`<span class="count">${number(count)}${cut ? "+" : ""}</span>`}${aside}</header>
    ${count === 0 ? html`<p class="none"><${Icon} name="good" />${empty}</p>` : html`<div class="inside" tabindex="0">${children}</div>`}
  </section>`;

/** A row that opens something, or that only tells, where nobody can act. @param {{act?: (() => void) | null, kind?: string, children?: any}} props */
export const Row = ({ act, kind = "", children }) =>
  act ? html`<li><button type="button" class=${`line ${kind}`} onClick=${act}>${children}</button></li>` : html`<li class=${`line ${kind}`}>${children}</li>`;

/** @param {{board: any}} props */
export function Today({ board }) {
  const { today, zones } = board;
  const waiting = zones.reduce((sum, zone) => sum + zone.work_s, 0);
  const hands = new Set(board.tasks.filter((task) => ["claimed", "filling", "on_floor"].includes(task.state)).map((task) => task.claimed_by)).size;
  const figures = [
    ["put", number(today.qty_put), t("board.today.put.more", { n: today.pulls_filled })],
    ["time", today.time_to_shelf_p50_s === null ? "–" : duration(today.time_to_shelf_p50_s), today.time_to_shelf_p90_s === null ? "" : t("board.today.time.more", { time: duration(today.time_to_shelf_p90_s) })],
    ["in_time", today.in_time_share === null ? "–" : number(today.in_time_share, { style: "percent" }), ""],
    ["work", waiting ? duration(waiting) : "–", t("board.today.work.more", { n: hands })],
    ["asks", number(today.pulls_opened), t("board.today.asks.more", { n: today.pulls_by_watch })],
    ["shorts", number(today.shorts), today.pulls_unfillable ? t("board.today.shorts.more", { n: today.pulls_unfillable }) : ""],
  ];
  return html`<dl class="today">${figures.map(([name, value, more]) => html`<div class=${name}><dt>${t(`board.today.${name}`)}</dt><dd>${value}</dd>${more && html`<dd class="more">${more}</dd>`}</div>`)}</dl>`;
}

/** @param {any} risk @param {any} board @returns {number} minutes until the shelf is empty, as of this second */
export const minutesLeft = (risk, board) => risk.minutes_to_empty - (tick.value - Date.parse(board.at)) / 60_000;

/** @param {{risk: any, board: any, act?: (() => void) | null}} props */
export function Risk({ risk, board, act }) {
  const left = minutesLeft(risk, board);
  const urgency = risk.on_hand === 0 ? "bad" : left < SOON_MIN ? "look" : "";
  return html`<${Row} act=${act} kind=${urgency}>
    <span class="lead">${risk.on_hand === 0 ? html`<b class="now">${t("board.empty_now")}</b>` : html`<b class="number">${number(Math.max(0, Math.round(left)))}</b><small>${t("board.min")}</small>`}</span>
    <span class="grow"><span class="what">${risk.description}</span><span class="where"><${Department} name=${risk.department} /><span class="code">${risk.shelf}</span></span></span>
    <span class="end"><${PullTag} state=${risk.pull_state} backroom=${risk.backroom} /><small>${t("board.stock", { shelf: risk.on_hand, back: risk.backroom })}</small></span>
  <//>`;
}

/** What is being done about it. @param {{state: string | null, backroom: number}} props */
function PullTag({ state, backroom }) {
  if (state) return html`<${Tag} kind=${PULL_KINDS[state]}>${t(`board.pull.${state}`)}<//>`;
  return html`<${Tag} kind="bad">${t(backroom > 0 ? "board.pull.none" : "board.pull.nothing")}<//>`;
}

/** @param {{board: any, act: (pull: any) => (() => void) | null, most?: number}} props */
export function Zones({ board, act, most = Infinity }) {
  return board.zones.map((zone) => {
    const pulls = board.pulls.filter((pull) => pull.zone === zone.zone).slice(0, most);
    const rest = zone.pulls - pulls.length; // The board has the most urgent ones of all zones only, the wall fewer.
    return html`<div class="zone" key=${zone.zone}>
      <h3><span class="zone-name">${zone.zone === "unknown" ? t("board.zone.unknown") : zone.zone}</span><span>${t("board.zone.pulls", { n: zone.pulls })}</span>${zone.work_s > 0 && html`<span>${duration(zone.work_s)}</span>`}${zone.overdue > 0 && html`<${Tag} kind="bad" icon="clock">${t("board.zone.overdue", { n: zone.overdue })}<//>`}</h3>
      <ul class="lines">${pulls.map((pull) => html`<${Pull} key=${pull.pull_id} pull=${pull} act=${act(pull)} />`)}</ul>
      ${rest > 0 && html`<p class="rest">${t("board.more", { n: rest })}</p>`}
    </div>`;
  });
}

/** @param {{pull: any, act: (() => void) | null}} props */
function Pull({ pull, act }) {
  const isLate = Date.parse(pull.due_at) < tick.value;
  const who = pull.requesters?.length ? pull.requesters.slice(0, 2).join(", ") : t("board.by_watch");
  const kind = pull.reason === "customer_waiting" ? "bad" : isLate ? "look" : "";
  return html`<${Row} act=${act} kind=${kind}>
    <span class="lead"><b class="number">${number(pull.qty_wanted - pull.qty_put)}</b></span>
    <span class="grow"><span class="what">${pull.description}</span><span class="where"><span class="code">${pull.shelf}</span><span class="clip">${pull.reason === "watch" ? t("board.by_watch") : `${t(`board.reason.${pull.reason}`)} · ${who}`}${pull.ask_count > 1 ? ` ×${number(pull.ask_count)}` : ""}</span></span></span>
    <span class="end">${isLate ? html`<span class="late">${t("board.late", { time: duration((tick.value - Date.parse(pull.due_at)) / 1000) })}</span>` : html`<${Until} at=${pull.due_at} />`}<small>${t(`board.pull.${pull.state}`)} · <${Age} at=${pull.opened_at} /></small></span>
  <//>`;
}

/** @param {{board: any, act: (task: any) => (() => void) | null}} props */
export const Tubs = ({ board, act }) =>
  html`<div class="tub-lanes">${TASK_LANES.map(([name, states]) => {
    const tasks = board.tasks.filter((task) => states.includes(task.state));
    return html`<div class="tub-lane" key=${name}><h3>${t(`board.lane.${name}`)} <span class="count">${number(tasks.length)}</span></h3>
      <ul>${tasks.map((task) => html`<${Tub} key=${task.task_id} task=${task} act=${act(task)} />`)}</ul></div>`;
  })}</div>`;

/** @param {{task: any, act: (() => void) | null}} props */
function Tub({ task, act }) {
  const { lines, lines_done: done, shorts } = task.progress;
  const leaseS = (Date.parse(task.lease_until) - tick.value) / 1000;
  const isSlow = task.state === "abandoned" || (leaseS < 0 && task.state !== "staged");
  const since = task.delivered_at ?? task.staged_at ?? task.claimed_at;
  const share = task.state === "on_floor" && task.qty_picked ? task.qty_settled / task.qty_picked : lines ? done / lines : 0;
  const inside = html`<span class="tub-name"><${Icon} name="tub" /><b>${task.tub ?? t("board.no_tub")}</b></span>
    <span class="tub-who"><${Icon} name="person" /><span class="clip">${task.worker}</span>${task.lane && task.state === "staged" && html`<span class="code">${task.lane}</span>`}</span>
    <progress class="bar" max="1" value=${share} aria-label=${t("board.progress", { done, lines })}></progress>
    <span class="tub-figures"><span>${task.state === "on_floor" ? t("board.put", { done: task.qty_settled, qty: task.qty_picked }) : t("board.lines", { done, lines })}</span>${shorts > 0 && html`<${Tag} kind="look">${t("board.short_n", { n: shorts })}<//>`}<span class="since"><${Icon} name="clock" /><${Age} at=${since} /></span></span>
    ${isSlow && html`<span class="late">${t("board.left_lying")}</span>`}`;
  return act ? html`<li><button type="button" class=${`tub ${isSlow ? "look" : ""}`} onClick=${act}>${inside}</button></li>` : html`<li class=${`tub ${isSlow ? "look" : ""}`}>${inside}</li>`;
}

const LESS = new Set(["oversold", "short", "missing"]);

/** @param {{kind: string, qty: number}} found @returns {string} how many more (+) or fewer (-) there were than the book says */
export const offBook = ({ kind, qty }) => number(LESS.has(kind) ? -qty : qty, { signDisplay: "exceptZero" });

/** What somebody has to decide: contradictions first, then what was not found today. @param {{board: any, decide: (found: any) => (() => void) | null, count: (short: any) => (() => void) | null}} props */
export const Decisions = ({ board, decide, count }) => html`<ul class="lines">
  ${board.discrepancies.map((found) => html`<${Row} key=${`d${found.discrepancy_id}`} act=${decide(found)} kind=${found.kind === "missing" ? "bad" : "look"}>
    <span class="lead"><b class="number">${offBook(found)}</b></span>
    <span class="grow"><span class="what">${found.description}</span><span class="where"><span class="code">${found.location}</span><span>${t(`board.discrepancy.${found.kind}`)}${found.times > 1 ? ` ×${number(found.times)}` : ""}</span></span></span>
    <span class="end"><${Age} at=${found.opened_at} /></span>
  <//>`)}
  ${board.shorts.map((short) => html`<${Row} key=${`s${short.task_id}-${short.line_no}`} act=${count(short)}>
    <span class="lead"><b class="number">${number(-short.qty)}</b></span>
    <span class="grow"><span class="what">${short.description}</span><span class="where"><span class="code">${short.from_location}</span><span>${t(`board.short_reason.${short.short_reason}`)} · ${short.worker}</span></span></span>
    <span class="end">${time(short.short_at)}</span>
  <//>`)}
</ul>`;
