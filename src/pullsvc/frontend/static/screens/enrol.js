// Make this device one of a store, with the code that a manager shows.

import { useState } from "preact/hooks";
import { t } from "../core/i18n.js";
import * as session from "../core/session.js";
import { good, bad } from "../core/feedback.js";
import { go } from "../ui/router.js";
import { Button, Empty, Field, Page, Trouble, html, useScan } from "../ui/ui.js";

/** @param {string} scanned a code, or the link that holds it @returns {string} */
const codeIn = (scanned) => decodeURIComponent(scanned.split("#/enrol/").pop() ?? "").trim();

/** @param {{code: string}} props */
export function Enrol({ code }) {
  const [typed, setTyped] = useState(code);
  const [refusal, setRefusal] = useState(/** @type {unknown} */ (null));
  const [busy, setBusy] = useState(false);
  const send = async (given) => {
    setBusy(true);
    setRefusal(null);
    try {
      await session.enrol(codeIn(given));
      good();
      go("", { replace: true });
    } catch (failure) {
      bad();
      setRefusal(failure);
    }
    setBusy(false);
  };
  useScan(({ code: scanned }) => void send(scanned));
  const foot = html`<${Button} kind="primary" disabled=${busy || !typed} onClick=${() => send(typed)}>${t("enrol.do")}<//>`;
  return html`<${Page} title=${t("enrol.title")} foot=${foot}>
    <${Empty} icon="scan" title=${t("enrol.lead")}><p>${t("enrol.how")}</p><//>
    ${refusal && html`<${Trouble} refusal=${refusal} />`}
    <${Field} label=${t("enrol.code")} value=${typed} autocapitalize="off" onInput=${(event) => setTyped(event.target.value)} />
  <//>`;
}
