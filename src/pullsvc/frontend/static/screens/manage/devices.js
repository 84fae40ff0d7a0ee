// Devices: enrol one by a QR code, see who uses it, take it out of use.

import { useEffect, useState } from "preact/hooks";
import { request } from "../../core/api.js";
import { date, t, time } from "../../core/i18n.js";
import { can, storePath } from "../../core/session.js";
import { Button, Field, Notice, Pair, Sheet, Tag, Trouble, Until, html, toast } from "../../ui/ui.js";
import { List, Sure, text, useAct, useList } from "./parts.js";

const LOOK_EVERY_MS = 2_000;
const SVG = '<svg xmlns="http://www.w3.org/2000/svg"';

export default function Devices() {
  const list = useList("devices?limit=100");
  const [isAdding, setAdding] = useState(false);
  const [leaving, setLeaving] = useState(/** @type {any} */ (null));
  const { refusal, run } = useAct();
  const lift = (device) => run(async () => (await request("DELETE", storePath(`devices/${device.device_id}/lock-out`)), toast(t("manage.lifted")), list.reload()));
  return html`
    ${can("manage") && html`<div class="tools"><${Button} kind="small primary" icon="plus" onClick=${() => setAdding(true)}>${t("manage.devices.add")}<//></div>`}
    ${refusal && html`<${Trouble} refusal=${refusal} />`}
    <${List} list=${list} empty=${t("manage.devices.none")}>
      <ul class="list">${list.items.map((device) => html`<li key=${device.device_id} class="row">
        <span class="grow"><span class="strong">${device.name}</span><span class="soft">${device.person ?? (device.last_used_at ? t("manage.devices.used", { date: date(device.last_used_at), time: time(device.last_used_at) }) : t("manage.devices.unused"))}</span></span>
        <span class="tags">${device.locked_until && html`<${Tag} kind="bad" icon="lock">${t("manage.locked", { time: time(device.locked_until) })}<//><${Button} kind="small" onClick=${() => lift(device)}>${t("manage.lift")}<//>`}
        ${can("manage") && html`<${Button} kind="small danger" onClick=${() => setLeaving(device)}>${t("manage.devices.revoke")}<//>`}</span>
      </li>`)}</ul>
    <//>
    ${isAdding && html`<${Enrolment} known=${list.items.map((device) => device.device_id)} close=${() => (setAdding(false), list.reload())} />`}
    ${leaving && html`<${Sure} title=${leaving.name} means=${t("manage.devices.revoke.means")} yes=${t("manage.devices.revoke")} close=${() => setLeaving(null)}
      act=${async () => (await request("DELETE", storePath(`devices/${leaving.device_id}`)), list.reload())} />`}`;
}

/** @param {{known: number[], close: () => void}} props `known`: devices that were there before */
function Enrolment({ known, close }) {
  const [name, setName] = useState("");
  const [made, setMade] = useState(/** @type {any} */ (null));
  const { busy, refusal, run } = useAct();
  const make = () => run(async () => setMade(await request("POST", storePath("device-enrolments"), { body: { name: name.trim() } })));
  useEffect(() => {
    if (!made) return undefined;
    const look = async () => {
      const { items } = await request("GET", storePath("devices?limit=100")).catch(() => ({ items: [] }));
      const fresh = items.find((device) => !known.includes(device.device_id) && device.name === made.name);
      if (fresh) (toast(t("manage.devices.enrolled", { name: fresh.name })), close());
    };
    const timer = setInterval(look, LOOK_EVERY_MS);
    return () => clearInterval(timer);
  }, [made]);
  return html`<${Sheet} title=${t("manage.devices.add")} onClose=${close} close=${made ? t("close") : t("cancel")}>
    ${made
      ? html`<img class="qr" alt=${t("manage.devices.qr", { name: made.name })} src=${`data:image/svg+xml,${encodeURIComponent(made.qr_svg.replace("<svg", SVG))}`} />
          <p class="strong">${t("manage.devices.scan")}</p><p class="soft">${t("manage.devices.or")} <span class="code break">${made.url}</span></p>
          <${Notice} kind="look">${t("manage.devices.lasts")} <${Until} at=${made.expires_at} /><//>`
      : html`<${Field} label=${t("manage.devices.name")} hint=${t("manage.devices.name.how")} maxlength="120" value=${name} onInput=${text(setName)} />
          ${refusal && html`<${Trouble} refusal=${refusal} />`}
          <${Pair}><${Button} kind="primary" disabled=${busy || !name.trim()} onClick=${make}>${t("manage.devices.code")}<//><//>`}
  <//>`;
}
