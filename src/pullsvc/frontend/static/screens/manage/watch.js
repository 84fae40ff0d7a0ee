// The watch: how the store wants it, tried on the store's own last days before it is saved.

import { useState } from "preact/hooks";
import { exchange, request } from "../../core/api.js";
import { number, t } from "../../core/i18n.js";
import { storePath } from "../../core/session.js";
import { Button, Notice, Trouble, html, toast, useLoad } from "../../ui/ui.js";
import { useAct } from "./parts.js";

const PATH = () => storePath("watch-settings");
const REHEARSAL_TIMEOUT_MS = 60_000;
/** Name, least, most, step, and what a unit of the field is in seconds or pieces. */
const NUMBERS = [
  ["lead_default_s", 1, 240, 1, 60],
  ["line_s", 5, 1800, 5, 1],
  ["unit_s", 0, 120, 0.5, 1],
  ["checks_an_hour", 0, 60, 1, 1],
];
const WEIGHTS = [0.5, 1, 2, 4];
const RESULTS = [["lost_units", -1], ["availability", 1], ["pulls", 0], ["units", 0], ["work_min", 0]];

export default function Watch() {
  const loaded = useLoad(() => exchange("GET", PATH()), []);
  if (loaded.refusal) return html`<${Trouble} refusal=${loaded.refusal} retry=${loaded.reload} />`;
  return loaded.value ? html`<${Form} key=${loaded.value.version} found=${loaded.value} reload=${loaded.reload} />` : html`<p class="soft">${t("loading")}</p>`;
}

/** @param {{found: {value: any, version: string | null}, reload: () => void}} props */
function Form({ found: { value, version }, reload }) {
  const { version: _, updated_at: at, updated_by: by, ...present } = value;
  const [wish, setWish] = useState(present);
  const [tried, setTried] = useState(/** @type {{wish: string, result: any} | null} */ (null));
  const { busy, refusal, run } = useAct();
  const said = JSON.stringify(wish);
  const [isChanged, isTried] = [said !== JSON.stringify(present), tried?.wish === said];
  const set = (change) => setWish({ ...wish, ...change });
  const rehearse = () => run(async () => {
    const result = await request("POST", `${PATH()}/rehearsals`, { body: { ...wish, days: 1 }, timeoutMs: REHEARSAL_TIMEOUT_MS });
    setTried({ wish: said, result });
  });
  const keep = () => run(async () => {
    await exchange("PUT", PATH(), { body: wish, version: version ?? undefined });
    toast(t("manage.saved"));
    reload();
  });
  return html`<div class="form">
    <label class="switch"><input type="checkbox" role="switch" checked=${wish.enabled} onChange=${(event) => set({ enabled: event.target.checked })} /><span><b>${t("manage.watch.enabled")}</b><span class="hint">${t("manage.watch.enabled.how")}</span></span></label>
    <label class="switch"><input type="checkbox" role="switch" checked=${wish.presentation} onChange=${(event) => set({ presentation: event.target.checked })} /><span><b>${t("manage.watch.presentation")}</b><span class="hint">${t("manage.watch.presentation.how")}</span></span></label>
    <div class="numbers">${NUMBERS.map(([name, least, most, step, size]) => html`<label class="field" key=${name}><span>${t(`manage.watch.${name}`)}</span><input class="input" type="number" min=${least} max=${most} step=${step} value=${wish[name] / size} onInput=${(event) => set({ [name]: Number(event.target.value) * size })} /></label>`)}</div>
    <${Departments} departments=${wish.departments} onChange=${(departments) => set({ departments })} />
    ${refusal && html`<${Trouble} refusal=${refusal} />`}
    ${isTried && tried && html`<${Rehearsed} result=${tried.result} />`}
    ${isChanged && !isTried && html`<${Notice} kind="look">${t("manage.watch.try_first")}<//>`}
    <${Button} kind=${isChanged && !isTried ? "primary" : ""} icon="clock" disabled=${busy} onClick=${rehearse}>${busy ? t("manage.watch.trying") : t("manage.watch.try")}<//>
    <${Button} kind=${isTried ? "primary" : ""} disabled=${busy || !isChanged || (!isTried && !refusal)} onClick=${keep}>${t("save")}<//>
  </div>`;
}

/** @param {{departments: Record<string, {enabled: boolean, weight: number}>, onChange: (departments: any) => void}} props */
function Departments({ departments, onChange }) {
  const [name, setName] = useState("");
  const set = (one, change) => onChange({ ...departments, [one]: { ...departments[one], ...change } });
  const remove = (one) => onChange(Object.fromEntries(Object.entries(departments).filter(([other]) => other !== one)));
  const add = () => (onChange({ ...departments, [name.trim()]: { enabled: true, weight: 1 } }), setName(""));
  return html`<fieldset class="departments"><legend>${t("manage.watch.departments")}</legend><p class="hint">${t("manage.watch.departments.how")}</p>
    ${Object.entries(departments).map(([one, kept]) => html`<div class="row" key=${one}><b class="grow">${one}</b>
      <label class="tick"><input type="checkbox" checked=${kept.enabled} onChange=${(event) => set(one, { enabled: event.target.checked })} /><span>${t("manage.watch.watched")}</span></label>
      <select class="input slim" aria-label=${t("manage.watch.weight", { name: one })} value=${kept.weight} onChange=${(event) => set(one, { weight: Number(event.target.value) })}>${[...new Set([...WEIGHTS, kept.weight])].sort((a, b) => a - b).map((weight) => html`<option value=${weight} selected=${weight === kept.weight}>×${number(weight)}</option>`)}</select>
      <${Button} kind="icon" icon="bin" aria-label=${t("manage.watch.remove", { name: one })} onClick=${() => remove(one)} /></div>`)}
    <div class="tools"><input class="input" aria-label=${t("manage.watch.department")} placeholder=${t("manage.watch.department")} maxlength="80" value=${name} onInput=${(event) => setName(event.target.value)} /><${Button} kind="small" icon="plus" disabled=${!name.trim() || name.trim() in departments} onClick=${add}>${t("manage.watch.add")}<//></div>
  </fieldset>`;
}

/** What would have happened. @param {{result: any}} props */
function Rehearsed({ result }) {
  const shown = (name, value) => (name === "availability" ? number(value, { style: "percent", maximumFractionDigits: 1 }) : number(Math.round(value)));
  const better = (name, sign) => Math.sign(result.changed[name] - result.present[name]) * sign;
  return html`<section class="rehearsed"><h2 class="section">${t("manage.watch.yesterday", { n: result.days })}</h2>
    <table class="table"><thead><tr><th></th><th class="figure-cell">${t("manage.watch.present")}</th><th class="figure-cell">${t("manage.watch.changed")}</th></tr></thead>
      <tbody>${RESULTS.map(([name, sign]) => html`<tr key=${name}><th scope="row">${t(`manage.watch.result.${name}`)}</th><td class="figure-cell">${shown(name, result.present[name])}</td><td class=${`figure-cell ${better(name, sign) > 0 ? "better" : better(name, sign) < 0 ? "worse" : ""}`}>${shown(name, result.changed[name])}</td></tr>`)}</tbody></table></section>`;
}
