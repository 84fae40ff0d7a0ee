// People: who works here, as what, with which badge; PINs, lock-outs.

import { useState } from "preact/hooks";
import { request } from "../../core/api.js";
import { save } from "../../core/files.js";
import { LANGUAGES, t, time } from "../../core/i18n.js";
import { can, storePath } from "../../core/session.js";
import { Button, Field, Notice, Pair, Sheet, Tag, Trouble, html, toast } from "../../ui/ui.js";
import { List, Once, ROLES, Select, Ticks, text, useAct, useList, useMaking, versionOf } from "./parts.js";

const NOBODY = { name: "", badge: "", roles: ["backroom"], qualifications: [], locale: null, active: true };
const path = (who) => storePath(`people/${who.principal_id}`);

export default function People() {
  const list = useList("people?limit=100");
  const [open, setOpen] = useState(/** @type {any} */ (null));
  const [pin, setPin] = useState(/** @type {any} */ (null));
  return html`
    ${can("manage") && html`<div class="tools"><${Button} kind="small primary" icon="plus" onClick=${() => setOpen(NOBODY)}>${t("manage.people.add")}<//></div>`}
    <${List} list=${list} empty=${t("manage.people.none")}>
      <ul class="list">${list.items.map((who) => html`<li key=${who.principal_id}><${Row} act=${(can("manage") || who.locked_until) && (() => setOpen(who))}>
        <span class="grow"><span class="strong">${who.name}</span><span class="soft">${who.roles.map((role) => t(`role.${role}`)).join(", ")}${who.qualifications.length ? ` · ${who.qualifications.join(", ")}` : ""}</span></span>
        <span class="tags"><span class="code soft wide-only">${who.badge}</span>${!who.active && html`<${Tag}>${t("manage.people.off")}<//>`}${who.locked_until && html`<${Tag} kind="bad" icon="lock">${t("manage.locked", { time: time(who.locked_until) })}<//>`}${!who.has_pin && who.active && html`<${Tag} kind="look">${t("manage.people.no_pin")}<//>`}</span>
      <//></li>`)}</ul>
    <//>
    ${open && html`<${can("manage") ? Person : Waiting} who=${open} close=${() => setOpen(null)} after=${list.reload} showPin=${setPin} />`}
    ${pin && html`<${Once} title=${t("manage.people.pin.of", { name: pin.name })} secret=${pin.pin} how=${t("manage.people.pin.how")} close=${() => setPin(null)} />`}`;
}

/** Opens something, for whom it may. @param {{act: (() => void) | false | null, children?: any}} props */
const Row = ({ act, children }) => (act ? html`<button type="button" class="row" onClick=${act}>${children}</button>` : html`<div class="row">${children}</div>`);

/** What a lead can do for a person. @param {{who: any, close: () => void, after: () => void}} props */
function Waiting({ who, close, after }) {
  const { busy, refusal, run } = useAct();
  const lift = () => run(async () => (await request("DELETE", `${path(who)}/lock-out`), toast(t("manage.lifted")), after(), close()));
  return html`<${Sheet} title=${who.name} onClose=${close}>
    <${Notice} kind="bad" title=${t("manage.locked", { time: time(who.locked_until) })}>${t("manage.locked.how")}<//>
    ${refusal && html`<${Trouble} refusal=${refusal} />`}
    <${Button} kind="primary" disabled=${busy} onClick=${lift}>${t("manage.lift")}<//>
  <//>`;
}

/** @param {{who: any, close: () => void, after: () => void, showPin: (shown: any) => void}} props */
function Person({ who, close, after, showPin }) {
  const isNew = !who.principal_id;
  const [name, setName] = useState(who.name);
  const [badge, setBadge] = useState(who.badge);
  const [roles, setRoles] = useState(who.roles);
  const [locale, setLocale] = useState(who.locale ?? "");
  const [skills, setSkills] = useState(who.qualifications.join(", "));
  const { busy, refusal, run: attempt } = useAct();
  // What was refused may have been based on an old list, and what got no answer may have been done.
  const run = async (act) => (await attempt(act)) || after();
  const make = useMaking("people");
  const body = () => ({
    name: name.trim(), roles, locale: locale || null, ...(badge.trim() ? { badge: badge.trim() } : {}),
    qualifications: skills.split(",").map((word) => word.trim().toLowerCase()).filter(Boolean),
  });
  const finish = (said) => (toast(said), after(), close());
  const keep = () => run(async () => {
    if (isNew) {
      const { made, as } = await make(body());
      const isOlder = JSON.stringify(as) !== JSON.stringify(body()); // The answer was lost, and the form changed after.
      await givePin(isOlder ? await edit(made, body()) : made);
    } else await edit(who, body());
    finish(t("manage.saved"));
  });
  const edit = (person, change) => request("PATCH", path(person), { body: change, version: versionOf(person) });
  const givePin = async (person) => showPin({ name: person.name, pin: (await request("POST", `${path(person)}/pin`, { body: {} })).pin });
  return html`<${Sheet} title=${isNew ? t("manage.people.add") : who.name} onClose=${close}>
    <${Field} label=${t("manage.people.name")} maxlength="120" value=${name} onInput=${text(setName)} />
    <${Ticks} label=${t("manage.people.roles")} values=${roles} options=${ROLES.map((role) => [role, t(`role.${role}`)])} onChange=${setRoles} />
    <${Field} label=${t("manage.people.skills")} hint=${t("manage.people.skills.how")} value=${skills} onInput=${text(setSkills)} />
    <${Field} label=${t("manage.people.badge")} hint=${isNew ? t("manage.people.badge.how") : ""} maxlength="100" value=${badge} onInput=${text(setBadge)} />
    <${Select} label=${t("settings.language")} value=${locale} options=${[["", t("manage.people.any_language")], ...Object.entries(LANGUAGES)]} onPick=${setLocale} />
    ${who.locked_until && html`<${Notice} kind="bad" title=${t("manage.locked", { time: time(who.locked_until) })}>${t("manage.locked.how")}<${Button} kind="small" onClick=${() => run(async () => (await request("DELETE", `${path(who)}/lock-out`), finish(t("manage.lifted"))))}>${t("manage.lift")}<//><//>`}
    ${refusal && html`<${Trouble} refusal=${refusal} />`}
    <${Button} kind="primary" disabled=${busy || !name.trim() || !roles.length} onClick=${keep}>${isNew ? t("manage.people.add.do") : t("save")}<//>
    ${!isNew && html`<${Pair}>
      <${Button} kind="small" icon="lock" disabled=${busy} onClick=${() => run(async () => (await givePin(who), after(), close()))}>${t("manage.people.pin")}<//>
      <${Button} kind="small" icon="print" disabled=${busy} onClick=${() => run(() => save(storePath(`labels/badges?stock=a4-cards&code=${encodeURIComponent(who.badge)}`), `badge-${who.name}.pdf`))}>${t("manage.people.print")}<//>
    <//>
    <${Button} kind=${who.active ? "danger" : ""} disabled=${busy} onClick=${() => run(async () => (await edit(who, { active: !who.active }), finish(t("manage.saved"))))}>${t(who.active ? "manage.people.disable" : "manage.people.enable")}<//>`}
  <//>`;
}
