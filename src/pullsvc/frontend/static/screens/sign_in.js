// A badge and a PIN. The badge is scanned, or its code typed; nobody signs in with a badge alone.

import { useEffect, useState } from "preact/hooks";
import { online } from "../core/api.js";
import { t } from "../core/i18n.js";
import { bad, good } from "../core/feedback.js";
import * as session from "../core/session.js";
import { WhatIsLeft } from "../ui/left.js";
import { Button, Empty, Field, Notice, Page, Trouble, html, useScan } from "../ui/ui.js";
import { PIN_DIGITS, PinPad } from "./pin_pad.js";

export function SignIn() {
  const [badge, setBadge] = useState("");
  const [typing, setTyping] = useState(false);
  useScan(({ code }) => {
    setBadge(code.trim());
    good();
  });
  const store = session.device.value?.store_name ?? "pullsvc";
  if (badge && !typing) return html`<${AskPin} badge=${badge} onBack=${() => setBadge("")} />`;
  const foot = typing
    ? html`<${Button} kind="primary" disabled=${!badge} onClick=${() => setTyping(false)}>${t("continue")}<//>`
    : html`<${Button} onClick=${() => (setBadge(""), setTyping(true))}>${t("sign_in.type")}<//>`;
  return html`<${Page} title=${store} foot=${foot}>
    ${!online.value && html`<${Notice} kind="look" title=${t("problem.offline")}>${t("sign_in.offline")}<//>`}
    <${WhatIsLeft} />
    ${typing
      ? html`<${Field} label=${t("sign_in.badge")} value=${badge} type="password" autofocus onInput=${(event) => setBadge(event.target.value.trim())} />`
      : html`<${Empty} icon="person" title=${t("sign_in.scan")}><p>${t("sign_in.how")}</p><//>`}
  <//>`;
}

/** @param {{badge: string, onBack: () => void}} props */
function AskPin({ badge, onBack }) {
  const { pin, setPin, busy, refusal } = usePin((given) => session.signIn(badge, given));
  return html`<${Page} title=${t("pin.title")} back=${onBack}>
    ${refusal ? html`<${Trouble} refusal=${refusal} />` : html`<p class="soft">${t("pin.how")}</p>`}
    <${PinPad} value=${pin} busy=${busy} onChange=${setPin} />
  <//>`;
}

/**
 * A PIN that is sent when it is whole, and begun anew when it was wrong.
 * @param {(pin: string) => Promise<void>} send
 */
export function usePin(send) {
  const [pin, setPin] = useState("");
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState(/** @type {unknown} */ (null));
  useEffect(() => {
    if (pin.length < PIN_DIGITS) return;
    setBusy(true);
    send(pin).then(
      () => good(),
      (failure) => {
        bad();
        setRefusal(failure);
        setPin("");
        setBusy(false);
      },
    );
  }, [pin]);
  return { pin, setPin, busy, refusal };
}
