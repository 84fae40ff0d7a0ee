// The start: texts, what an earlier run left, who is here; then whatever the address says.

import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { effect } from "@preact/signals";
import { online } from "./core/api.js";
import { sweep } from "./core/cache.js";
import { recall } from "./core/clock.js";
import { speak, timeZone } from "./core/i18n.js";
import * as outbox from "./core/outbox.js";
import { learnRange } from "./core/range.js";
import * as scanner from "./core/scanner.js";
import * as session from "./core/session.js";
import { told } from "./core/task_view.js";
import * as doubleTap from "./ui/double_tap.js";
import { steps } from "./ui/router.js";
import "./ui/theme.js";
import { Flash } from "./ui/status.js";
import { Page, Trouble, html } from "./ui/ui.js";
import { Enrol } from "./screens/enrol.js";
import { SignIn } from "./screens/sign_in.js";
import { Locked } from "./screens/locked.js";
import { SCREENS } from "./screens/registry.js";

function App() {
  const [first = "", ...rest] = steps.value;
  return html`${first === "enrol" ? html`<${Enrol} code=${rest[0] ?? ""} />` : html`<${Door} first=${first} rest=${rest} />`}<${Flash} />`;
}

/** @param {{first: string, rest: string[]}} props */
function Door({ first, rest }) {
  const where = session.state.value;
  if (where === "in") return html`<${Shown} key=${`${session.person.value?.principal_id} ${first}`} name=${first} rest=${rest} />`;
  if (where === "locked") return html`<${Locked} />`;
  if (where === "signed-out") return html`<${SignIn} />`;
  if (where === "no-device") return html`<${Enrol} code="" />`;
  return html`<main class="boot"><p>pullsvc</p></main>`;
}

/** @param {{name: string, rest: string[]}} props */
function Shown({ name, rest }) {
  const [loaded, setLoaded] = useState(/** @type {{Screen?: any, refusal?: unknown}} */ ({}));
  const known = Object.hasOwn(SCREENS, name) && (!SCREENS[name].needs || session.can(SCREENS[name].needs));
  const screen = SCREENS[known ? name : ""];
  useEffect(() => {
    Promise.all([screen.load(), ...(screen.texts ?? []).map(speak)]).then(
      ([module]) => setLoaded({ Screen: module.default }),
      (refusal) => setLoaded({ refusal }),
    );
  }, [name]);
  if (loaded.refusal) return html`<${Page} title="pullsvc"><${Trouble} refusal=${loaded.refusal} retry=${() => location.reload()} /><//>`;
  return loaded.Screen ? html`<${loaded.Screen} steps=${rest} />` : html`<main class="boot"></main>`;
}

const LOOK_FOR_NEWER_MS = 3_600_000;

/** Keep the app for use without a network; a newer version takes over when nothing is about to be sent. */
async function keepOffline() {
  const worker = navigator.serviceWorker;
  if (!worker) return;
  let isControlled = Boolean(worker.controller);
  const registration = await worker.register("/app/sw.js", { scope: "/app/" }).catch(() => null);
  if (!registration) return; // Not to be had here: all works but the start without a network.
  const offer = () => outbox.mayRenew() && registration.waiting?.postMessage("take-over");
  registration.addEventListener("updatefound", () => registration.installing?.addEventListener("statechange", offer));
  effect(() => void offer());
  // A handheld is never closed, so nobody would ever load the page anew.
  setInterval(() => {
    offer();
    if (online.value) registration.update().catch(() => undefined);
  }, LOOK_FOR_NEWER_MS);
  worker.addEventListener("controllerchange", () => {
    if (isControlled) reloadWhenIdle(); // The first one only begins to keep what is shown already.
    isControlled = true;
  });
}

/** Begin anew with the newer version, but never under somebody's hands. */
function reloadWhenIdle() {
  effect(() => {
    if (steps.value.length === 0 || session.state.value !== "in") location.reload();
  });
}

// Whatever screen is open, and in whichever tab: acts are sent from all of them.
outbox.foldWith((_path, kept, act, answer) => told(kept, act.about, answer));

async function start() {
  await Promise.all([speak("base"), speak("problems"), recall(), outbox.open()]);
  scanner.start();
  doubleTap.start();
  effect(() => {
    timeZone.value = session.store.value?.time_zone ?? timeZone.value;
  });
  const place = /** @type {HTMLElement} */ (document.getElementById("app"));
  place.replaceChildren();
  render(html`<${App} />`, place);
  await session.start();
  performance.mark("ready");
  document.documentElement.dataset.ready = "";
  await sweep();
  if (online.value) await keepOffline();
  effect(() => void (session.state.value === "in" && online.value && learnRange()));
}

void start();
