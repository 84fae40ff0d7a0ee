// The floor lead's board: what runs empty, what was asked for, who is on it, what somebody has to decide. The same on a
// desk, on a tablet and on the wall (`board/tv`, where nobody touches it). Nothing of it ever needs a reload.

import { useEffect, useState } from "preact/hooks";
import { date, dateTime, duration, t, time } from "../core/i18n.js";
import { tick } from "../core/clock.js";
import { can, store } from "../core/session.js";
import { keepAwake } from "../core/wake.js";
import { go, linkTo } from "../ui/router.js";
import { wear } from "../ui/styles.js";
import { Button, Empty, Icon, Page, Tag, Trouble, html } from "../ui/ui.js";
import { Day } from "./board/chart.js";
import { useLive } from "./board/live.js";
import { Decisions, Part, Risk, Today, Tubs, Zones } from "./board/parts.js";
import { DecisionSheet, PullSheet, RiskSheet, ShortSheet, TaskSheet } from "./board/sheets.js";

const SHEETS = { risk: RiskSheet, pull: PullSheet, task: TaskSheet, found: DecisionSheet, short: ShortSheet };
/** A time of day tells enough for so long. */
const TODAY_S = 12 * 3600;
const ON_TV = { risks: 8, pulls: 2 };

await Promise.all([wear(import.meta.resolve("../ui/board.css")), wear(import.meta.resolve("../vendor/uplot.css"))]);

/** @param {{steps: string[]}} props */
export default function Board({ steps }) {
  const isTv = steps[0] === "tv";
  const live = useLive();
  const [open, setOpen] = useState(/** @type {[keyof typeof SHEETS, any] | null} */ (null));
  useEffect(() => {
    document.documentElement.toggleAttribute("data-tv", isTv);
    keepAwake(true);
    return () => (document.documentElement.removeAttribute("data-tv"), keepAwake(false));
  }, [isTv]);
  const board = live.board.value;
  const Sheet = open && SHEETS[open[0]];
  const opens = (name, allowed = true) => (thing) => (isTv || !allowed ? null : () => setOpen([name, thing]));
  return html`<${Frame} isTv=${isTv} live=${live}>
    ${board ? html`<${Shown} board=${board} day=${live.day.value} isTv=${isTv} opens=${opens} />` : html`<${Waiting} live=${live} />`}
    ${Sheet && html`<${Sheet} ...${{ [open[0]]: open[1] }} close=${() => setOpen(null)} after=${live.reload} />`}
  <//>`;
}

/** @param {{isTv: boolean, live: import("./board/live.js").Live, children?: any}} props */
function Frame({ isTv, live, children }) {
  const title = store.value?.name ?? t("board.title");
  const board = live.board.value;
  const state = html`<${Link} live=${live} />`;
  const clock = html`<time class="clock">${time(tick.value)}</time>`;
  const open = board && html`<${Tag} kind=${board.open ? "good" : ""}>${t(board.open ? "board.open" : "board.closed")}<//>`;
  if (isTv) {
    return html`<div class="board tv"><header class="tv-head"><h1>${title}</h1><span>${date(tick.value)}</span>${open}<span class="grow"></span>${state}${clock}<a class="button icon tv-off" href=${linkTo("board")} aria-label=${t("board.tv.off")}><${Icon} name="bad" /></a></header><main>${children}</main></div>`;
  }
  const aside = html`${open}${state}${clock}<${Button} kind="small plain wide-only" icon="print" onClick=${() => print()}>${t("board.print")}<//><${Button} kind="small plain wide-only" icon="board" onClick=${() => go("board/tv")}>${t("board.tv")}<//>`;
  return html`<${Page} title=${title} back=${() => go("")} wide=${true} aside=${aside}><div class="board">${children}</div><//>`;
}

/** Whether the board is live; what to do is nothing, as it comes back by itself. @param {{live: import("./board/live.js").Live}} props */
function Link({ live }) {
  if (live.link.value === "live" && !live.refusal.value) return html`<span class="link live"><i></i>${t("board.live")}</span>`;
  if (!live.board.value || (live.link.value === "connecting" && live.isFresh.value)) return null;
  const ageS = (tick.value - live.asOf.value) / 1000;
  return html`<span class="link lost" role="alert"><${Icon} name="offline" />${t("board.lost", { time: ageS < TODAY_S ? time(live.asOf.value) : dateTime(live.asOf.value), age: duration(ageS) })}</span>`;
}

/** @param {{live: import("./board/live.js").Live}} props */
const Waiting = ({ live }) =>
  live.refusal.value ? html`<${Empty} icon="offline" title=${t("board.none")}><${Trouble} refusal=${live.refusal.value} retry=${live.reload} /><//>` : html`<p class="soft">${t("loading")}</p>`;

/** @param {{board: any, day: any, isTv: boolean, opens: (name: any, allowed?: boolean) => (thing: any) => (() => void) | null}} props */
function Shown({ board, day, isTv, opens }) {
  const isCut = (name) => board.cut.includes(name);
  const risks = isTv ? board.at_risk.slice(0, ON_TV.risks) : board.at_risk;
  const decisions = board.discrepancies.length + board.shorts.length;
  const risk = opens("risk");
  return html`<${Today} board=${board} />
    <div class="parts">
      <${Part} name="at_risk" count=${board.at_risk.length} cut=${isCut("at_risk")} empty=${t("board.at_risk.none")}>
        <ul class="lines">${risks.map((one) => html`<${Risk} key=${`${one.sku} ${one.shelf}`} risk=${one} board=${board} act=${risk(one)} />`)}</ul>
      <//>
      <${Part} name="pulls" count=${board.zones.reduce((sum, zone) => sum + zone.pulls, 0)} empty=${t("board.pulls.none")}><${Zones} board=${board} act=${opens("pull")} most=${isTv ? ON_TV.pulls : undefined} /><//>
      <${Part} name="tubs" count=${board.tasks.length} cut=${isCut("tasks")} empty=${t("board.tubs.none")}><${Tubs} board=${board} act=${opens("task", can("lead"))} /><//>
      ${!isTv && html`<${Part} name="decide" count=${decisions} cut=${isCut("shorts") || isCut("discrepancies")} empty=${t("board.decide.none")}><${Decisions} board=${board} decide=${opens("found", can("lead"))} count=${opens("short", can("stock"))} /><//>`}
      <${Part} name="day" empty=""><${Day} day=${day} /><//>
    </div>`;
}
