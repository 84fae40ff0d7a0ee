// Which device this is, who works on it, and what they may do.

import { computed, effect, signal } from "@preact/signals-core";
import { Refusal, actAs, online, onTurnedAway, request } from "./api.js";
import { clear } from "./cache.js";
import { calibrate, now } from "./clock.js";
import { setLanguage } from "./i18n.js";
import { uuid } from "./ids.js";
import * as outbox from "./outbox.js";
import { forget, note, noted } from "./store.js";

const NOTE = "session";
/** Noted while the device waits for a PIN, so that starting the app again without a network opens nothing. */
const LOCKED = "locked";
const IDLE_LOOK_MS = 5_000;
/** The service is told of use at most this often, so that its own idle clock does not run out under busy hands. */
const TELL_USE_MS = 120_000;

/**
 * @typedef {object} SessionView
 * @property {{principal_id: number, name: string, roles: string[], locale: string | null}} person
 * @property {string[]} permissions
 * @property {string[]} qualifications
 * @property {{store_id: number, name: string, time_zone: string}} store
 * @property {{device_id: number, name: string}} device
 * @property {number} idle_lock_s
 * @property {string} expires_at
 */

/** `starting`, `no-device`, `signed-out`, `locked` or `in`. */
export const state = signal("starting");
/** @type {import("@preact/signals-core").Signal<SessionView | null>} */
export const session = signal(null);
/** @type {import("@preact/signals-core").Signal<{name: string, store_name: string} | null>} */
export const device = signal(null);
export const person = computed(() => session.value?.person ?? null);
export const store = computed(() => session.value?.store ?? null);

/** @param {string} permission @returns {boolean} */
export const can = (permission) => session.value?.permissions.includes(permission) ?? false;

/** @param {string} path below the store @returns {string} */
export const storePath = (path) => `/v1/stores/${session.value?.store.store_id}/${path}`;

/** Who works here, and in which store: what one of them left is nobody else's. */
export const owner = () => `${storePath("")}${person.value?.principal_id}`;

/** Find out where we stand; without a network, go on with what was known. */
export async function start() {
  const known = await noted(NOTE);
  try {
    const found = await request("GET", "/v1/session");
    // Locked where there was no network: the service has not heard of it.
    if (!(await noted(LOCKED))) return await admit(found);
    await request("POST", "/v1/session/lock");
    await lockedAs(found);
  } catch (failure) {
    if (!(failure instanceof Refusal)) throw failure;
    if (failure.code === "session-locked") await lockedAs(known);
    else if (failure.wantsSignIn || failure.status === 404) await signedOut();
    else if (known && Date.parse(known.expires_at) > now()) await ((await noted(LOCKED)) ? lockedAs(known) : enter(known));
    else await signedOut();
  }
}

/** @param {any} view a SessionView that the service just gave */
async function admit(view) {
  calibrate(view.server_time);
  const { locale } = view.person;
  if (locale && (await noted("person")) !== view.person.principal_id) await setLanguage(locale.slice(0, 2));
  await enter(view);
}

/** @param {SessionView} view */
async function enter(view) {
  const before = await noted("person");
  if (before && before !== view.person.principal_id) await clear();
  await Promise.all([note(NOTE, view), note("person", view.person.principal_id), forget(LOCKED)]);
  touched();
  session.value = view;
  device.value = { name: view.device.name, store_name: view.store.name };
  state.value = "in";
  actAs(view.person.principal_id);
  outbox.actFor(view.person.principal_id, view.device.device_id, view.person.name);
}

/** @param {SessionView | undefined} known */
async function lockedAs(known) {
  if (!known) return signedOut();
  await note(LOCKED, true);
  session.value = known;
  state.value = "locked";
}

async function signedOut() {
  session.value = null;
  actAs(0);
  await Promise.all([forget(NOTE), forget(LOCKED)]);
  outbox.actFor(0, 0);
  try {
    device.value = await request("GET", "/v1/device");
    state.value = "signed-out";
  } catch (failure) {
    if (!(failure instanceof Refusal)) throw failure;
    // Out of reach: the device may well be known, and signing in needs the network anyway.
    state.value = failure.wantsSignIn ? "no-device" : "signed-out";
  }
}

let enrolment = { code: "", key: "" };

/** The same code again is the same attempt: its first answer may have been lost. @param {string} code */
function enrolmentKey(code) {
  if (enrolment.code !== code) enrolment = { code, key: uuid() };
  return enrolment.key;
}

/** Make this device one of a store. @param {string} code from the manager's page @throws {Refusal} */
export async function enrol(code) {
  await request("POST", "/v1/devices", { body: { code }, key: enrolmentKey(code) });
  await signedOut();
}

/** @param {string} badge @param {string} pin @throws {Refusal} */
export async function signIn(badge, pin) {
  await admit(await request("POST", "/v1/sessions", { body: { badge, pin } }));
  tellTabs();
}

/** @param {string} pin @throws {Refusal} */
export async function unlock(pin) {
  await admit(await request("POST", "/v1/session/unlock", { body: { pin } }));
  tellTabs();
}

/** Ask for the PIN before anything else; tells the service too, if it is within reach. */
export function lock() {
  if (state.value !== "in") return;
  state.value = "locked";
  void note(LOCKED, true);
  request("POST", "/v1/session/lock").then(tellTabs, () => undefined);
}

/** @throws {Refusal} out of reach: the session would live on */
export async function signOut() {
  await request("DELETE", "/v1/session").catch((failure) => {
    if (!failure.wantsSignIn) throw failure;
  });
  await clear();
  await forget("person");
  await signedOut();
  tellTabs();
}

/** The other tabs of this device: they have the same session, and hands on one are hands on all. */
const tabs = new BroadcastChannel("session");
const tellTabs = () => tabs.postMessage("changed");
tabs.onmessage = ({ data }) => {
  if (data === "used") lastUseAt = Date.now();
  else void start();
};

onTurnedAway((code) => {
  if (state.value !== "in") return;
  if (code === "session-locked") void lockedAs(session.value ?? undefined);
  else if (code === "somebody-else") void start();
  else void signedOut();
});

let lastUseAt = Date.now();
let lastToldAt = Date.now();

function touched() {
  lastUseAt = Date.now();
  lastToldAt = lastUseAt;
}

function used() {
  if (Date.now() - lastUseAt > IDLE_LOOK_MS) tabs.postMessage("used");
  lastUseAt = Date.now();
  if (state.value !== "in" || lastUseAt - lastToldAt < TELL_USE_MS) return;
  lastToldAt = lastUseAt;
  request("GET", storePath("").slice(0, -1)).catch(() => undefined);
}

for (const kind of ["pointerdown", "keydown", "input"]) addEventListener(kind, used, { capture: true, passive: true });

effect(() => {
  if (state.value !== "in") return undefined;
  const watch = setInterval(lockWhenIdle, IDLE_LOOK_MS);
  return () => clearInterval(watch);
});

const onlyLooks = () => session.value?.permissions.every((permission) => permission === "read");

function lockWhenIdle() {
  const idleS = (Date.now() - lastUseAt) / 1000;
  // Without a network nobody could unlock it again, and all that can be done is add scans: it locks once it is back. Who
  // can only look, such as a board on the wall, has nothing to lock.
  if (online.value && session.value && !onlyLooks() && idleS > session.value.idle_lock_s) lock();
}
