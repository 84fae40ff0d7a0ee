// Keys: what tills, screens and other programs prove with who they are.

import { useState } from "preact/hooks";
import { request } from "../../core/api.js";
import { date, t } from "../../core/i18n.js";
import { storePath } from "../../core/session.js";
import { Button, Field, Sheet, Tag, Trouble, html } from "../../ui/ui.js";
import { List, Once, Select, Sure, text, useAct, useList, useMaking } from "./parts.js";

const ROLES_OF_KEYS = ["pos", "readonly", "associate", "backroom", "lead", "manager"];
const LIVES = ["", "30", "90", "365"];

export default function Keys() {
  const list = useList("keys?limit=100");
  const [isAdding, setAdding] = useState(false);
  const [made, setMade] = useState(/** @type {any} */ (null));
  const [leaving, setLeaving] = useState(/** @type {any} */ (null));
  return html`
    <div class="tools"><${Button} kind="small primary" icon="plus" onClick=${() => setAdding(true)}>${t("manage.keys.add")}<//></div>
    <${List} list=${list} empty=${t("manage.keys.none")}>
      <ul class="list">${list.items.map((key) => html`<li key=${key.key_id} class="row">
        <span class="grow"><span class="strong">${key.name}</span><span class="soft"><span class="code">${key.key_id}</span> · ${key.roles.map((role) => t(`role.${role}`)).join(", ")} · ${key.last_used_at ? t("manage.keys.used", { date: date(key.last_used_at) }) : t("manage.keys.unused")}</span></span>
        <span class="tags">${key.expires_at && html`<${Tag}>${t("manage.keys.until", { date: date(key.expires_at) })}<//>`}${key.revoked_at ? html`<${Tag}>${t("manage.keys.revoked")}<//>` : key.is_ours ? html`<${Button} kind="small danger" onClick=${() => setLeaving(key)}>${t("manage.keys.revoke")}<//>` : html`<${Tag}>${t("manage.keys.of_chain")}<//>`}</span>
      </li>`)}</ul>
    <//>
    ${isAdding && html`<${NewKey} close=${() => setAdding(false)} again=${list.reload} after=${(key) => (setAdding(false), setMade(key), list.reload())} />`}
    ${made && html`<${Once} title=${t("manage.keys.made")} secret=${made.token ?? "–"} how=${t(made.token ? "manage.keys.once" : "manage.keys.lost")} close=${() => setMade(null)} />`}
    ${leaving && html`<${Sure} title=${leaving.name} means=${t("manage.keys.revoke.means")} yes=${t("manage.keys.revoke")} close=${() => setLeaving(null)}
      act=${async () => (await request("DELETE", storePath(`keys/${leaving.key_id}`)), list.reload())} />`}`;
}

/** @param {{close: () => void, again: () => void, after: (key: any) => void}} props `again`: read the list */
function NewKey({ close, again, after }) {
  const [name, setName] = useState("");
  const [role, setRole] = useState("pos");
  const [days, setDays] = useState("");
  const { busy, refusal, run } = useAct();
  const once = useMaking("keys");
  const make = async () => (await run(send)) || again(); // What got no answer may have been made.
  const send = async () => {
    const body = { name: name.trim(), role, kind: role === "pos" ? "pos" : "service", expires_days: days ? Number(days) : null };
    after((await once(body)).made);
  };
  return html`<${Sheet} title=${t("manage.keys.add")} onClose=${close}>
    <${Field} label=${t("manage.keys.name")} hint=${t("manage.keys.name.how")} maxlength="120" value=${name} onInput=${text(setName)} />
    <${Select} label=${t("manage.keys.role")} value=${role} options=${ROLES_OF_KEYS.map((one) => [one, t(`role.${one}`)])} onPick=${setRole} />
    <${Select} label=${t("manage.keys.lasts")} value=${days} options=${LIVES.map((one) => [one, one ? t("manage.keys.days", { n: Number(one) }) : t("manage.keys.for_ever")])} onPick=${setDays} />
    ${refusal && html`<${Trouble} refusal=${refusal} />`}
    <${Button} kind="primary" disabled=${busy || !name.trim()} onClick=${make}>${t("manage.keys.make")}<//>
  <//>`;
}
