// The day in three small charts: pulls, time to the shelf, work against people. Drawn by uPlot, which only this loads.

import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { language, number, t, timeZone } from "../../core/i18n.js";
import { theme } from "../../ui/theme.js";
import { html } from "../../ui/ui.js";

const MINUTE_S = 60;
/** Above and to the right, in the font's height: half a label stands out there. */
const PADDING = [0.5, 1.5];
const DARK = matchMedia("(prefers-color-scheme: dark)");
/** Light or dark as the device wants it: what is drawn does not change by itself. */
const isDark = signal(DARK.matches);

DARK.addEventListener("change", () => {
  isDark.value = DARK.matches;
});

/** @param {any} day @returns {{name: string, series: {name: string, colour: string, bars?: boolean, values: (number | null)[]}[]}[]} */
function charts(day) {
  const minutes = (seconds) => seconds.map((value) => (value === null ? null : value / MINUTE_S));
  return [
    { name: "pulls", series: [{ name: "opened", colour: "--edge", bars: true, values: day.opened }, { name: "arrived", colour: "--brand", values: day.arrived }] },
    { name: "time", series: [{ name: "time", colour: "--brand", values: minutes(day.time_to_shelf_s) }] },
    { name: "work", series: [{ name: "staffed", colour: "--edge", bars: true, values: minutes(day.staffed_s) }, { name: "asked", colour: "--bad", values: minutes(day.asked_s) }] },
  ];
}

/** @param {{day: any}} props */
export function Day({ day }) {
  if (!day) return null;
  return html`<div class="charts">${charts(day).map((chart) => html`<${Chart} key=${chart.name} day=${day} chart=${chart} />`)}</div>`;
}

/** @param {{day: any, chart: ReturnType<typeof charts>[0]}} props */
function Chart({ day, chart }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    let [drawn, isOver] = [/** @type {any} */ (null), false];
    const size = () => ({ width: box.current?.clientWidth ?? 0, height: box.current?.clientHeight ?? 0 });
    import("uplot").then(({ default: Plot }) => {
      if (isOver || !box.current) return;
      drawn = new Plot({ ...options(Plot, day, chart, box.current), ...size() }, data(day, chart), box.current);
    });
    const watcher = new ResizeObserver(() => drawn?.setSize(size()));
    if (box.current) watcher.observe(box.current);
    return () => {
      isOver = true;
      watcher.disconnect();
      drawn?.destroy();
    };
  }, [day, theme.value, language.value, isDark.value]);
  return html`<figure class="chart"><figcaption><b>${t(`board.chart.${chart.name}`)}</b>${chart.series.length > 1 && chart.series.map((one) => html`<span class=${`key ${one.bars ? "bars" : ""} ${one.name}`}>${t(`board.chart.${chart.name}.${one.name}`)}</span>`)}</figcaption>
    <div class="plot" ref=${box} role="img" aria-label=${inWords(chart)}></div></figure>`;
}

/** @param {any} day @param {ReturnType<typeof charts>[0]} chart */
function data(day, chart) {
  const start = Date.parse(day.starts_at) / 1000;
  const times = day.opened.map((_, n) => start + (n + 0.5) * day.bucket_s);
  return [times, ...chart.series.map((one) => one.values)];
}

/** The same for whoever does not see it. @param {ReturnType<typeof charts>[0]} chart @returns {string} */
function inWords(chart) {
  const told = chart.series.map((one) => {
    const known = one.values.filter((value) => value !== null);
    const total = chart.name === "time" ? Math.max(0, ...known) : known.reduce((sum, value) => sum + value, 0);
    return `${t(`board.chart.${chart.name}.${one.name}`)}: ${number(Math.round(total))}`;
  });
  return `${t(`board.chart.${chart.name}`)}. ${told.join(", ")}`;
}

/** @param {any} Plot @param {any} day @param {ReturnType<typeof charts>[0]} chart @param {HTMLElement} box */
function options(Plot, day, chart, box) {
  const em = parseFloat(getComputedStyle(box).fontSize);
  const axis = { stroke: colour("--soft", box), font: `${em}px system-ui`, grid: { stroke: colour("--line", box), width: 1 }, ticks: { show: false } };
  const hour = new Intl.DateTimeFormat(language.value, { hour: "numeric", timeZone: timeZone.value });
  const span = day.open.length ? [day.open[0].starts_at, day.open.at(-1).ends_at] : [day.starts_at, day.ends_at];
  const [first, last] = span.map((at) => Date.parse(at) / 1000);
  return {
    padding: [PADDING[0] * em, PADDING[1] * em, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: { x: { time: true, range: [Math.min(first, Date.parse(day.at) / 1000), last] }, y: { range: (_, __, top) => [0, Math.max(top, 4) * 1.1] } },
    axes: [
      { ...axis, size: 1.7 * em, space: 5 * em, values: (_, at) => at.map((second) => hour.format(new Date(second * 1000))) },
      { ...axis, size: 2.6 * em, space: 2 * em, values: (_, at) => at.map((value) => number(value, { notation: "compact" })) },
    ],
    series: [{}, ...chart.series.map((one) => drawing(Plot, one, box))],
  };
}

/** @param {any} Plot @param {ReturnType<typeof charts>[0]["series"][0]} one @param {HTMLElement} box */
function drawing(Plot, one, box) {
  const ink = colour(one.colour, box);
  if (one.bars) return { fill: ink, width: 0, paths: Plot.paths.bars({ size: [0.7] }), points: { show: false } };
  return { stroke: ink, width: 3, spanGaps: true, points: { show: true, size: 6, fill: ink } };
}

/** A token of the style sheet as a colour that a canvas knows, in the scheme in force. @param {string} token @param {HTMLElement} box */
function colour(token, box) {
  const probe = document.createElement("i");
  probe.style.color = `var(${token})`;
  box.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}
