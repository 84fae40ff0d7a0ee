// Another PIN: the present one, the new one, the new one again.

import { useEffect, useState } from "preact/hooks";
import { request } from "../core/api.js";
import { bad, good } from "../core/feedback.js";
import { t } from "../core/i18n.js";
import { go } from "../ui/router.js";
import { Page, Trouble, html, toast } from "../ui/ui.js";
import { PIN_DIGITS, PinPad } from "./pin_pad.js";

const STEPS = ["old", "new", "again"];

export default function ChangePin() {
  const [typed, setTyped] = useState(/** @type {string[]} */ ([]));
  const [pin, setPin] = useState("");
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState(/** @type {unknown} */ (null));
  const [differs, setDiffers] = useState(false);
  const startAnew = () => {
    bad();
    setTyped([]);
    setBusy(false);
  };
  const send = async (pins) => {
    if (pins[1] !== pins[2]) return setDiffers(true), startAnew();
    setBusy(true);
    try {
      await request("POST", "/v1/session/pin", { body: { old: pins[0], new: pins[1] } });
      good();
      go("settings", { replace: true });
      toast(t("change_pin.done"));
    } catch (failure) {
      setRefusal(failure);
      startAnew();
    }
    return undefined;
  };
  useEffect(() => {
    if (pin.length < PIN_DIGITS) return;
    const pins = [...typed, pin];
    setPin("");
    setTyped(pins);
    setRefusal(null);
    setDiffers(false);
    if (pins.length === STEPS.length) void send(pins);
  }, [pin]);
  const step = STEPS[Math.min(typed.length, STEPS.length - 1)];
  return html`<${Page} title=${t("change_pin.title")} back=${() => go("settings", { replace: true })}>
    ${refusal ? html`<${Trouble} refusal=${refusal} />` : html`<p class="lead" role="status">${differs ? t("change_pin.differs") : t(`change_pin.${step}`)}</p>`}
    <${PinPad} value=${pin} busy=${busy} onChange=${setPin} />
  <//>`;
}
