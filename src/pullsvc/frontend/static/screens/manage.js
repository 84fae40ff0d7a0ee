// The manager's pages: one place for what a store is set up with.

import { useEffect, useState } from "preact/hooks";
import { t } from "../core/i18n.js";
import { can, store } from "../core/session.js";
import { go, linkTo } from "../ui/router.js";
import { wear } from "../ui/styles.js";
import { Icon, Page, Trouble, html } from "../ui/ui.js";

/** @type {[string, string, string, () => Promise<{default: any}>][]} name, icon, permission, module */
const SECTIONS = [
  ["store", "settings", "manage", () => import("./manage/store.js")],
  ["placements", "shelf", "manage", () => import("./manage/placements.js")],
  ["places", "stow", "manage", () => import("./manage/places.js")],
  ["tubs", "tub", "lead", () => import("./manage/tubs.js")],
  ["people", "person", "lead", () => import("./manage/people.js")],
  ["devices", "scan", "lead", () => import("./manage/devices.js")],
  ["access", "lock", "manage", () => import("./manage/access.js")],
  ["keys", "lock", "manage", () => import("./manage/keys.js")],
  ["watch", "clock", "manage", () => import("./manage/watch.js")],
  ["discrepancies", "count", "lead", () => import("./manage/discrepancies.js")],
  ["codes", "scan", "lead", () => import("./manage/codes.js")],
  ["labels", "print", "lead", () => import("./manage/labels.js")],
];
const isWide = matchMedia("(min-width: 60rem)");

await Promise.all(["manage", "board"].map((name) => wear(import.meta.resolve(`../ui/${name}.css`))));

/** @param {{steps: string[]}} props */
export default function Manage({ steps }) {
  const sections = SECTIONS.filter(([, , needs]) => can(needs));
  const section = sections.find(([name]) => name === steps[0]) ?? (isWide.matches ? sections[0] : undefined);
  const nav = html`<nav class="manage-nav" aria-label=${t("manage.title")}>${sections.map(([name, icon]) => html`<a key=${name} class="row" href=${linkTo(`manage/${name}`)} aria-current=${section?.[0] === name ? "page" : undefined}><${Icon} name=${icon} /><span class="grow"><span class="strong">${t(`manage.${name}`)}</span><span class="hint">${t(`manage.${name}.hint`)}</span></span></a>`)}</nav>`;
  const title = section ? t(`manage.${section[0]}`) : t("manage.title");
  return html`<${Page} title=${title} wide=${true} back=${() => go(section && !isWide.matches ? "manage" : "")} aside=${html`<span class="soft clip">${store.value?.name}</span>`}>
    <div class=${section ? "manage chosen" : "manage"}>${nav}${section && html`<${Section} key=${section[0]} load=${section[3]} />`}</div>
  <//>`;
}

/** @param {{load: () => Promise<{default: any}>}} props */
function Section({ load }) {
  const [loaded, setLoaded] = useState(/** @type {{Shown?: any, refusal?: unknown}} */ ({}));
  useEffect(() => {
    load().then((module) => setLoaded({ Shown: module.default }), (refusal) => setLoaded({ refusal }));
  }, []);
  if (loaded.refusal) return html`<${Trouble} refusal=${loaded.refusal} retry=${() => location.reload()} />`;
  return html`<div class="manage-section">${loaded.Shown && html`<${loaded.Shown} />`}</div>`;
}
