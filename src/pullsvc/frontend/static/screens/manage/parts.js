// What the manager's pages share: lists that load page by page, forms that say what was refused, secrets shown once.

import { useEffect, useRef, useState } from "preact/hooks";
import { Refusal, request } from "../../core/api.js";
import { t } from "../../core/i18n.js";
import { uuid } from "../../core/ids.js";
import { storePath } from "../../core/session.js";
import { Button, Notice, Sheet, Trouble, html, toast } from "../../ui/ui.js";

export const ROLES = ["associate", "backroom", "lead", "manager", "readonly"];
const MOST_ITEMS = 50;
const TYPING_MS = 250;
export const text = (set) => (event) => set(event.target.value);

/**
 * A list of the store, a page at a time.
 * @param {string} path with its query @returns {{items: any[], refusal: unknown, loading: boolean, more: (() => void) | null, reload: () => void, set: (items: any[]) => void}}
 */
export function useList(path) {
  const [state, setState] = useState({ items: /** @type {any[]} */ ([]), cursor: null, refusal: /** @type {unknown} */ (null), loading: true });
  const [round, setRound] = useState(0);
  const latest = useRef(0);
  const read = async (cursor, before) => {
    const ask = ++latest.current;
    const joined = path.includes("?") ? "&" : "?";
    // What was asked for meanwhile goes before this answer, whichever comes first.
    const show = (news) => ask === latest.current && setState((now) => ({ ...now, ...news, loading: false }));
    try {
      const page = await request("GET", storePath(path + (cursor ? `${joined}cursor=${encodeURIComponent(cursor)}` : "")));
      show({ items: [...before, ...page.items], cursor: page.next_cursor, refusal: null });
    } catch (refusal) {
      show({ refusal });
    }
  };
  useEffect(() => void read(null, []), [path, round]);
  const more = state.cursor ? () => void read(state.cursor, state.items) : null;
  return { ...state, more, reload: () => setRound((n) => n + 1), set: (items) => setState((before) => ({ ...before, items })) };
}

/** The value once it has stood still for a moment, so that not every key asks. @template T @param {T} value @returns {T} */
export function useSettled(value) {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), TYPING_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}

/** Names and departments of the items that lines are about; what is not known yet is missing. @param {{sku: string}[]} lines @returns {Record<string, any>} */
export function useItems(lines) {
  const [known, setKnown] = useState(/** @type {Record<string, any>} */ ({}));
  useEffect(() => {
    const unknown = [...new Set(lines.map((line) => line.sku))].filter((sku) => !(sku in known)).slice(0, MOST_ITEMS);
    if (!unknown.length) return;
    const query = unknown.map((sku) => `sku=${encodeURIComponent(sku)}`).join("&");
    request("GET", storePath(`items?limit=${MOST_ITEMS}&${query}`)).then(
      ({ items }) => setKnown({ ...known, ...Object.fromEntries(items.map((item) => [item.sku, item])) }),
      () => undefined,
    );
  }, [lines, known]);
  return known;
}

/** A list with its troubles, its end, and words for when it is empty. @param {{list: ReturnType<typeof useList>, empty: string, children?: any}} props */
export const List = ({ list, empty, children }) => html`
  ${list.refusal && html`<${Trouble} refusal=${list.refusal} retry=${list.reload} />`}
  ${list.loading && html`<p class="soft">${t("loading")}</p>`}
  ${!list.loading && !list.refusal && !list.items.length && html`<p class="none">${empty}</p>`}
  ${list.items.length > 0 && children}
  ${list.more && html`<${Button} kind="small" onClick=${list.more}>${t("manage.more")}<//>`}`;

/**
 * An act of a form: runs, shows what was refused, cannot be pressed twice.
 * @returns {{busy: boolean, refusal: unknown, run: (act: () => Promise<any>) => Promise<boolean>}}
 */
export function useAct() {
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState(/** @type {unknown} */ (null));
  const run = async (act) => {
    setBusy(true);
    setRefusal(null);
    try {
      await act();
      return true;
    } catch (failure) {
      setRefusal(failure);
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { busy, refusal, run };
}

/** For If-Match: an edit is based on what the form showed when it was opened. @param {{version: number}} row */
export const versionOf = ({ version }) => `"${version}"`;

/**
 * What a form makes is made once: a try whose answer was lost is repeated as it was, under its key.
 * @param {string} path @returns {(body: any) => Promise<{made: any, as: any}>} `as`: what it was made of, which may be older than the form
 */
export function useMaking(path) {
  const tried = useRef(/** @type {{key: string, body: any} | null} */ (null));
  return async (body) => {
    tried.current ??= { key: uuid(), body };
    try {
      return { made: await request("POST", storePath(path), tried.current), as: tried.current.body };
    } catch (failure) {
      if (!(failure instanceof Refusal && failure.passes)) tried.current = null; // Nothing was made.
      throw failure;
    }
  };
}

/** Choose among words. @param {{label: string, value: any, options: [any, string][], onPick: (value: any) => void}} props */
export const Select = ({ label, value, options, onPick }) =>
  html`<label class="field"><span>${label}</span><select class="input" value=${value} onChange=${(event) => onPick(event.target.value)}>${options.map(([name, word]) => html`<option value=${name} selected=${name === value}>${word}</option>`)}</select></label>`;

/** Tick several. @param {{label: string, values: string[], options: [string, string][], onChange: (values: string[]) => void}} props */
export const Ticks = ({ label, values, options, onChange }) => {
  const toggle = (name) => onChange(values.includes(name) ? values.filter((one) => one !== name) : [...values, name]);
  return html`<fieldset class="ticks"><legend>${label}</legend>${options.map(([name, word]) => html`<label key=${name}><input type="checkbox" checked=${values.includes(name)} onChange=${() => toggle(name)} /><span>${word}</span></label>`)}</fieldset>`;
};

/** Something that is shown this once. @param {{title: string, secret: string, how: string, close: () => void, children?: any}} props */
export const Once = ({ title, secret, how, close, children }) =>
  html`<${Sheet} title=${title} onClose=${close} close=${t("close")}>
    <output class="secret code">${secret}</output>
    <${Notice} kind="look">${how}<//>
    <${Button} kind="primary" icon="good" onClick=${() => navigator.clipboard?.writeText(secret).then(() => toast(t("manage.copied")))}>${t("manage.copy")}<//>
    ${children}
  <//>`;

/** "Are you sure", with what it means. @param {{title: string, means: string, yes: string, act: () => Promise<any>, close: () => void}} props */
export function Sure({ title, means, yes, act, close }) {
  const { busy, refusal, run } = useAct();
  return html`<${Sheet} title=${title} onClose=${close}>
    <p>${means}</p>${refusal && html`<${Trouble} refusal=${refusal} />`}
    <${Button} kind="danger" disabled=${busy} onClick=${async () => (await run(act)) && close()}>${yes}<//>
  <//>`;
}
