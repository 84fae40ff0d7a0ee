// The store: its name and when it is open.

import { useState } from "preact/hooks";
import { exchange } from "../../core/api.js";
import { t } from "../../core/i18n.js";
import { storePath } from "../../core/session.js";
import { Button, Field, Figures, Notice, Trouble, html, toast, useLoad } from "../../ui/ui.js";
import { text, useAct } from "./parts.js";

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const SPAN = /^([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-4]):[0-5]\d$/;
const PATH = () => storePath("").replace(/\/$/, "");

/** @param {[string, string][]} spans */
const shown = (spans = []) => spans.map((span) => span.join("-")).join(", ");
/** @param {string} typed @returns {string[]} */
const parts = (typed) => typed.split(",").map((part) => part.replace(/\s/g, "")).filter(Boolean);

export default function Store() {
  const loaded = useLoad(() => exchange("GET", PATH()), []);
  if (loaded.refusal) return html`<${Trouble} refusal=${loaded.refusal} retry=${loaded.reload} />`;
  return loaded.value ? html`<${Form} key=${loaded.value.version} found=${loaded.value} reload=${loaded.reload} />` : html`<p class="soft">${t("loading")}</p>`;
}

/** @param {{found: {value: any, version: string | null}, reload: () => void}} props */
function Form({ found: { value, version }, reload }) {
  const [name, setName] = useState(value.name);
  const [hours, setHours] = useState(() => Object.fromEntries(DAYS.map((day) => [day, shown(value.opening_hours[day])])));
  const { busy, refusal, run } = useAct();
  const wrong = DAYS.filter((day) => !parts(hours[day]).every((part) => SPAN.test(part)));
  const send = async () => {
    const spans = DAYS.map((day) => [day, parts(hours[day]).map((part) => part.split("-"))]).filter(([, list]) => list.length);
    const body = { name: name.trim(), opening_hours: Object.fromEntries(spans) };
    if (await run(() => exchange("PATCH", PATH(), { body, version: version ?? undefined }))) {
      toast(t("manage.saved"));
      reload();
    }
  };
  return html`<form class="form" onSubmit=${(event) => (event.preventDefault(), send())}>
    <${Field} label=${t("manage.store.name")} required=${true} maxlength="120" value=${name} onInput=${text(setName)} />
    <fieldset class="hours"><legend>${t("manage.store.hours")}</legend>
      ${DAYS.map((day) => html`<label key=${day}><span>${t(`day.${day}`)}</span><input class="input" inputmode="text" placeholder=${t("manage.store.closed")} aria-invalid=${String(wrong.includes(day))} value=${hours[day]} onInput=${text((typed) => setHours({ ...hours, [day]: typed }))} /></label>`)}
      <p class="hint">${t("manage.store.hours.how")}</p></fieldset>
    <${Figures} small=${true} figures=${[[t("manage.store.zone"), value.time_zone], [t("manage.store.day"), value.day_starts_at.slice(0, 5)], [t("manage.store.number"), String(value.store_id)]]} />
    ${wrong.length > 0 && html`<${Notice} kind="look">${t("manage.store.hours.wrong")}<//>`}
    ${refusal && html`<${Trouble} refusal=${refusal} retry=${reload} />`}
    <${Button} kind="primary" disabled=${busy || wrong.length > 0 || !name.trim()} onClick=${send}>${t("save")}<//>
  </form>`;
}
