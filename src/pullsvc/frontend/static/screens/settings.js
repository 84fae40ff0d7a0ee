// Who is signed in, and how this device looks, sounds and speaks.

import { useState } from "preact/hooks";
import { LANGUAGES, language, setLanguage, t } from "../core/i18n.js";
import { isAudible, setSound, good } from "../core/feedback.js";
import * as session from "../core/session.js";
import { isPossible } from "../core/camera.js";
import { linkTo } from "../ui/router.js";
import { want, wanted } from "../ui/camera.js";
import { leftBy } from "../ui/left.js";
import { theme, setTheme } from "../ui/theme.js";
import { Button, Notice, Page, Trouble, html } from "../ui/ui.js";

const THEMES = ["auto", "light", "dark"];

export default function Settings() {
  const [failure, setFailure] = useState(/** @type {unknown} */ (null));
  const own = leftBy(session.person.value?.principal_id);
  const leave = () => session.signOut().catch(setFailure);
  const foot = html`<${Button} icon="lock" onClick=${session.lock}>${t("settings.lock")}<//>
    <${Button} kind="danger" icon="out" disabled=${own > 0} onClick=${leave}>${t("settings.sign_out")}<//>`;
  return html`<${Page} title=${t("settings.title")} back=${true} foot=${foot}>
    <div class="card"><p class="title">${session.person.value?.name}</p>
      <p class="soft">${session.person.value?.roles.map((role) => t(`role.${role}`)).join(", ")}</p>
      <p class="soft">${session.store.value?.name} · ${session.device.value?.name}</p>
      <${Button} kind="small" icon="lock" href=${linkTo("pin")}>${t("change_pin.title")}<//></div>
    ${own > 0 && html`<${Notice} kind="look">${t("settings.unsent", { n: own })}<//>`}
    ${failure && html`<${Trouble} refusal=${failure} />`}
    <${Choice} label=${t("settings.language")} value=${language.value} options=${Object.entries(LANGUAGES)} onPick=${setLanguage} />
    <${Choice} label=${t("settings.theme")} value=${theme.value} options=${THEMES.map((name) => [name, t(`settings.theme.${name}`)])} onPick=${setTheme} />
    <${Choice} label=${t("settings.sound")} value=${isAudible.value ? "on" : "off"} options=${[["on", t("on")], ["off", t("off")]]} onPick=${(value) => (setSound(value === "on"), good())} />
    ${isPossible() && html`<${Choice} label=${t("settings.camera")} value=${wanted.value ? "on" : "off"} options=${[["on", t("on")], ["off", t("off")]]} onPick=${(value) => want(value === "on")} />`}
  <//>`;
}

/** @param {{label: string, value: string, options: [string, string][], onPick: (value: string) => void}} props */
const Choice = ({ label, value, options, onPick }) =>
  html`<fieldset class="choices"><legend class="section">${label}</legend><div class="pair">
    ${options.map(([name, word]) => html`<${Button} kind="small choice" aria-pressed=${String(name === value)} onClick=${() => onPick(name)}>${word}<//>`)}
  </div></fieldset>`;
