// Who signed in, who had to wait after wrong PINs and who let them, and who changed people, devices and keys.

import { useState } from "preact/hooks";
import { date, has, t, time } from "../../core/i18n.js";
import { Button, html } from "../../ui/ui.js";
import { List, useList } from "./parts.js";

const PARTS = ["waits", "changes", "sign-ins"];

export default function Access() {
  const [part, setPart] = useState(PARTS[0]);
  const list = useList(`access-log?limit=50&part=${part}`);
  return html`
    <div class="pair">${PARTS.map((one) => html`<${Button} key=${one} kind="small choice" aria-pressed=${String(one === part)} onClick=${() => setPart(one)}>${t(`manage.access.${one}`)}<//>`)}</div>
    <${List} list=${list} empty=${t("manage.access.none")}>
      <ul class="list">${list.items.map((one) => html`<li key=${one.event_id} class="row"><span class="grow"><span class="strong">${told(one)}</span><span class="soft">${date(one.occurred_at)} ${time(one.occurred_at)}${one.device ? ` · ${one.device}` : ""}</span></span></li>`)}</ul>
    <//>`;
}

/** @param {any} one an AccessView @returns {string} */
function told({ kind, data, subject, subject_name, principal }) {
  const key = ["access", kind, data.of, subject === "unknown" && "unknown"].filter(Boolean).join(".");
  const who = principal ?? t("access.operator");
  return has(key) ? t(key, { who, whom: subject_name ?? subject }) : `${who}: ${kind} ${subject}`;
}
