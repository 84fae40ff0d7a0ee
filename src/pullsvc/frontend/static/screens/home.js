// What one can do, by role, the most usual thing first.

import { useEffect, useRef } from "preact/hooks";
import { t } from "../core/i18n.js";
import { can, person, store, storePath } from "../core/session.js";
import { Refusal, request } from "../core/api.js";
import { isPlate, normalCode } from "../core/codes.js";
import { bad, good } from "../core/feedback.js";
import { go, linkTo } from "../ui/router.js";
import { Icon, Page, html, useScan } from "../ui/ui.js";
import { SCREENS } from "./registry.js";

/** Tiles in the order of the thumb: address, icon, permission. */
const TILES = [
  ["work", "tub", "work"],
  ["put-away", "shelf", "put"],
  ["ask", "ask", "ask"],
  ["walk", "walk", "ask"],
  ["find", "find", "read"],
  ["stow", "stow", "stock"],
  ["count", "count", "stock"],
  ["receive", "receive", "stock"],
  ["board", "board", "lead"],
  ["manage", "settings", "lead"],
];

export default function Home() {
  const isOpen = useRef(true);
  useEffect(() => () => void (isOpen.current = false), []);
  useScan(({ code, command }) => (command ? false : void leadOn(code, isOpen)));
  const tiles = TILES.filter(([path, , permission]) => path in SCREENS && can(permission));
  const aside = html`<a class="button icon" href=${linkTo("settings")} aria-label=${t("settings.title")}><${Icon} name="person" /></a>`;
  return html`<${Page} title=${store.value?.name ?? ""} aside=${aside}>
    <p class="hello">${t("home.hello", { name: person.value?.name })}</p>
    <nav class="tiles" aria-label=${t("home.title")}>
      ${tiles.map(([path, icon], place) => html`<a class=${place === 0 ? "tile first" : "tile"} href=${linkTo(path)}><${Icon} name=${icon} large=${true} /><span class="strong">${t(`home.${path}`)}</span><span class="hint">${t(`home.${path}.hint`)}</span></a>`)}
    </nav>
  <//>`;
}

/**
 * A scan here says by itself what one wants: fill an empty tub, put away a full one, or look at an item.
 * @param {string} code
 * @param {{current: boolean}} isOpen whoever went elsewhere meanwhile, or is somebody else, is led nowhere
 */
async function leadOn(code, isOpen) {
  const to = await whereTo(code);
  if (!isOpen.current) return;
  if (to.sound) to.sound();
  go(to.path);
}

/** @param {string} code @returns {Promise<{path: string, sound?: () => void}>} */
async function whereTo(code) {
  const scanned = encodeURIComponent(code);
  try {
    const { scan } = await request("GET", storePath(`lookup?code=${scanned}`));
    if (scan.kind !== "tub") return { path: `find/${scanned}`, sound: good };
    const { tub, state } = await request("GET", storePath(`tubs/${encodeURIComponent(scan.code)}`));
    const isEmpty = state === "idle" || state === "filling";
    return { path: `${isEmpty && can("work") ? "work" : "put-away"}/${encodeURIComponent(tub)}`, sound: () => good(tub) };
  } catch (failure) {
    // A tub that nobody has registered yet: where it is filled one is asked about it.
    const plate = normalCode(code);
    if (failure instanceof Refusal && failure.status === 404 && isPlate(plate) && can("work")) return { path: `work/${encodeURIComponent(plate)}` };
    return { path: `find/${scanned}`, sound: bad };
  }
}
