// A plate that the store does not know: a new tub, or a slip of the scanner. Whoever has it in hand says which.

import { useState } from "preact/hooks";
import { request } from "../../core/api.js";
import { bad, good } from "../../core/feedback.js";
import { t } from "../../core/i18n.js";
import { uuid } from "../../core/ids.js";
import { storePath } from "../../core/session.js";
import { sizeOf } from "../../core/tub_size.js";
import { Button, Notice, Sheet, Trouble, html, useLoad } from "../../ui/ui.js";

/** @param {{tub: string, onKnown: () => void, onClose: () => void}} props `onKnown`: it is registered now */
export function NewTub({ tub, onKnown, onClose }) {
  const found = useLoad(() => request("GET", storePath("tub-kinds")), []);
  const [refusal, setRefusal] = useState(/** @type {unknown} */ (null));
  const [key] = useState(uuid);
  const register = async ({ volume_ml, weight_g }) => {
    try {
      await request("POST", storePath("tubs"), { key, body: { tub, volume_ml, weight_g } });
      good(tub);
      onKnown();
    } catch (failure) {
      bad();
      setRefusal(failure);
    }
  };
  return html`<${Sheet} title=${t("tub.new", { tub })} onClose=${onClose} close=${t("tub.new.no")}>
    <p>${t("tub.new.how")}</p>
    ${refusal && html`<${Trouble} refusal=${refusal} />`}
    ${found.refusal && html`<${Trouble} refusal=${found.refusal} retry=${found.reload} />`}
    ${found.value?.kinds.map((kind) => html`<${Button} key=${sizeOf(kind)} icon="tub" onClick=${() => register(kind)}>${sizeOf(kind)}<//>`)}
    ${found.value?.kinds.length === 1 && html`<${Notice} kind="look">${t("tub.new.other")}<//>`}
  <//>`;
}
