// Codes that the tills sold and that no item has: what they sold is missing in the books until somebody says what it is.

import { useState } from "preact/hooks";
import { request } from "../../core/api.js";
import { date, t, time } from "../../core/i18n.js";
import { uuid } from "../../core/ids.js";
import { storePath } from "../../core/session.js";
import { Button, Pair, Trouble, html, toast } from "../../ui/ui.js";
import { List, useAct, useList } from "./parts.js";

const STATES = ["open", "dismissed"];

export default function Codes() {
  const [state, setState] = useState(STATES[0]);
  const list = useList(`unknown-codes?limit=50&state=${state}`);
  const { busy, refusal, run } = useAct();
  const set = (code, method) => request(method, storePath(`unknown-codes/${encodeURIComponent(code)}/dismissal`));
  const dismiss = (code) => run(async () => {
    await set(code, "PUT");
    list.reload();
    toast(t("manage.codes.dropped", { code }), { label: t("undo"), act: () => void restore(code) });
  });
  const restore = (code) => run(async () => (await set(code, "DELETE"), list.reload()));
  const again = () => run(async () => {
    const { lines } = await request("POST", storePath("unknown-code-replays"), { key: uuid(), body: {} });
    toast(t("manage.codes.found", { n: lines }));
    list.reload();
  });
  return html`
    <${Pair}>${STATES.map((one) => html`<${Button} key=${one} kind="small choice" aria-pressed=${String(one === state)} onClick=${() => setState(one)}>${t(`manage.codes.${one}`)}<//>`)}<//>
    <p class="soft">${t(`manage.codes.${state}.how`)}</p>
    ${refusal && html`<${Trouble} refusal=${refusal} />`}
    <${List} list=${list} empty=${t(`manage.codes.${state}.none`)}>
      <ul class="list">${list.items.map((one) => html`<li key=${one.code} class="row">
        <span class="grow"><span class="strong code">${one.code}</span><span class="soft">${t("manage.codes.sold", { n: one.lines })} · ${date(one.last_seen_at)} ${time(one.last_seen_at)}</span></span>
        <${Button} kind="small" disabled=${busy} onClick=${() => (state === "open" ? dismiss : restore)(one.code)}>${t(state === "open" ? "manage.codes.dismiss" : "manage.codes.restore")}<//>
      </li>`)}</ul>
      ${state === "open" && html`<${Button} icon="undo" disabled=${busy} onClick=${again}>${t("manage.codes.again")}<//>`}
    <//>`;
}
