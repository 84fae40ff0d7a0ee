// The screen after nobody touched the device for a while: the same person goes on with the PIN, another one signs in.

import { useState } from "preact/hooks";
import { t } from "../core/i18n.js";
import * as session from "../core/session.js";
import { WhatIsLeft, leftBy } from "../ui/left.js";
import { Button, Notice, Page, Trouble, html } from "../ui/ui.js";
import { PinPad } from "./pin_pad.js";
import { usePin } from "./sign_in.js";

export function Locked() {
  const { pin, setPin, busy, refusal } = usePin(session.unlock);
  const [failure, setFailure] = useState(/** @type {unknown} */ (null));
  const leave = () => session.signOut().catch(setFailure);
  const me = session.person.value?.principal_id;
  const own = leftBy(me);
  const foot = html`<${Button} kind="plain" icon="out" onClick=${leave}>${t("locked.other")}<//>`;
  return html`<${Page} title=${t("locked.title", { name: session.person.value?.name })} foot=${foot}>
    ${own > 0 && html`<${Notice} kind="look">${t("locked.left", { n: own })}<//>`}
    <${WhatIsLeft} person=${me} />
    ${refusal || failure ? html`<${Trouble} refusal=${failure ?? refusal} />` : html`<p class="soft">${t("locked.how")}</p>`}
    <${PinPad} value=${pin} busy=${busy} onChange=${setPin} />
  <//>`;
}
