// Places: bins, shelves, lanes; a new one is named as it will stand on its label.

import { useState } from "preact/hooks";
import { exchange, request } from "../../core/api.js";
import { t } from "../../core/i18n.js";
import { storePath } from "../../core/session.js";
import { Button, Field, Pair, Sheet, Tag, Trouble, html, toast } from "../../ui/ui.js";
import { List, Select, text, useAct, useList, versionOf } from "./parts.js";

const KINDS = ["backroom", "shelf", "lane", "receiving"];
const NEW = { location: "", kind: "backroom", zone: "", walk_seq: 0, active: true };
const path = (location) => storePath(`locations/${encodeURIComponent(location)}`);

export default function Places() {
  const [kind, setKind] = useState(KINDS[0]);
  const list = useList(`locations?limit=100&kind=${kind}`);
  const [open, setOpen] = useState(/** @type {any} */ (null));
  return html`
    <div class="tools"><${Button} kind="small primary" icon="plus" onClick=${() => setOpen({ ...NEW, kind })}>${t("manage.places.add")}<//></div>
    <${Select} label=${t("manage.labels.kind")} value=${kind} options=${KINDS.map((one) => [one, t(`manage.labels.kind.${one}`)])} onPick=${setKind} />
    <${List} list=${list} empty=${t("manage.places.none")}>
      <ul class="list">${list.items.map((place) => html`<li key=${place.location}><button type="button" class="row" onClick=${() => setOpen(place)}>
        <span class="grow"><span class="strong code">${place.location}</span><span class="soft">${t("manage.places.where", { zone: place.zone, walk: place.walk_seq })}</span></span>
        ${!place.active && html`<${Tag}>${t("manage.tubs.off")}<//>`}
      </button></li>`)}</ul>
    <//>
    ${open && html`<${Place} key=${open.location} place=${open} close=${() => setOpen(null)} after=${list.reload} />`}`;
}

/** @param {{place: any, close: () => void, after: () => void}} props */
function Place({ place, close, after }) {
  const isNew = !place.location;
  const [code, setCode] = useState(place.location);
  const [kind, setKind] = useState(place.kind);
  const [zone, setZone] = useState(place.zone);
  const [walk, setWalk] = useState(String(place.walk_seq));
  const { busy, refusal, run: attempt } = useAct();
  const run = async (act) => (await attempt(act)) || after(); // What was refused may have been based on an old list.
  const version = isNew ? undefined : versionOf(place);
  const put = (body, based) => request("PUT", path(code.trim()), { body, version: based });
  const bringBack = async () => (await put(body(), (await exchange("GET", path(place.location))).version ?? undefined), after());
  const body = () => ({ kind, zone: zone.trim(), walk_seq: Math.round(Number(walk)) });
  const finish = (undo) => (toast(t("manage.saved"), undo && { label: t("undo"), act: () => void run(undo) }), after(), close());
  const keep = () => run(async () => (await put(body(), version), finish()));
  const retire = () => run(async () => (await request("DELETE", path(place.location), { version }), finish(bringBack)));
  const isRight = code.trim() && zone.trim() && Number(walk) >= 0;
  return html`<${Sheet} title=${isNew ? t("manage.places.add") : place.location} onClose=${close}>
    ${isNew && html`<${Field} label=${t("manage.places.code")} hint=${t("manage.places.code.how")} maxlength="40" value=${code} onInput=${text(setCode)} />
      <${Select} label=${t("manage.places.kind")} value=${kind} options=${KINDS.map((one) => [one, t(`manage.labels.kind.${one}`)])} onPick=${setKind} />`}
    <${Pair}>
      <${Field} label=${t("manage.labels.zone")} maxlength="40" value=${zone} onInput=${text(setZone)} />
      <${Field} label=${t("manage.places.walk")} type="number" min="0" value=${walk} onInput=${text(setWalk)} />
    <//><p class="hint">${t("manage.places.walk.how")}</p>
    ${refusal && html`<${Trouble} refusal=${refusal} />`}
    <${Button} kind="primary" disabled=${busy || !isRight} onClick=${keep}>${t(isNew ? "manage.places.add" : place.active ? "save" : "manage.tubs.bring_back")}<//>
    ${!isNew && place.active && html`<${Button} kind="danger" disabled=${busy} onClick=${retire}>${t("manage.tubs.retire")}<//>`}
  <//>`;
}
