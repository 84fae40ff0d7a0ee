// The live stream of a store, read with fetch: unlike EventSource that sees the pings, so a dead connection is noticed.

import { signal } from "@preact/signals-core";
import { onTurnedAway } from "./api.js";

const SILENCE_MS = 40_000; // The service says something every 15 s.
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 15_000;

/**
 * @typedef {object} Wishes
 * @property {string} path of the stream, with its `kind`s
 * @property {string} cursor where to go on: of the snapshot that was read
 * @property {(event: any) => void} onEvent
 * @property {() => void} onResync too much was missed: read the snapshot again; the stream goes on by itself
 */

/**
 * Listen until told to stop; connects again by itself, from where it was.
 * @param {Wishes} wishes
 * @returns {{state: import("@preact/signals-core").Signal<string>, stop: () => void}} state: `connecting`, `live`, `lost`
 */
export function listen({ path, cursor, onEvent, onResync }) {
  const state = signal("connecting");
  const ending = new AbortController();
  let last = cursor;
  let pauseMs = FIRST_PAUSE_MS;

  /** @param {{id?: string, event?: string, data: string}} message */
  function heard(message) {
    if (message.id) last = message.id;
    state.value = "live";
    pauseMs = FIRST_PAUSE_MS;
    if (message.event === "resync") onResync();
    else if (!message.event && message.data) onEvent(JSON.parse(message.data));
  }

  async function run() {
    while (!ending.signal.aborted) {
      await readOnce(path, last, ending.signal, heard).catch(() => undefined);
      if (ending.signal.aborted) return;
      state.value = "lost";
      await pause(pauseMs, ending.signal);
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    }
  }

  const stop = () => {
    ending.abort();
    leave();
  };
  const leave = onTurnedAway(stop);
  void run();
  return { state, stop };
}

/**
 * @param {string} path @param {string} last @param {AbortSignal} stopped
 * @param {(message: {id?: string, event?: string, data: string}) => void} heard
 */
async function readOnce(path, last, stopped, heard) {
  const broken = new AbortController();
  const give_up = () => broken.abort();
  stopped.addEventListener("abort", give_up, { once: true });
  let timer = setTimeout(give_up, SILENCE_MS);
  try {
    const headers = { Accept: "text/event-stream", ...(last ? { "Last-Event-ID": last } : {}) };
    const answer = await fetch(path, { headers, credentials: "same-origin", cache: "no-store", signal: broken.signal });
    if (!answer.ok || !answer.body) throw new Error(`stream: ${answer.status}`);
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      clearTimeout(timer);
      timer = setTimeout(give_up, SILENCE_MS);
      const blocks = (rest + part.value).split("\n\n");
      rest = blocks.pop() ?? "";
      blocks.map(messageOf).forEach((message) => message && heard(message));
    }
  } finally {
    clearTimeout(timer);
    stopped.removeEventListener("abort", give_up);
  }
}

/** @param {string} block @returns {{id?: string, event?: string, data: string} | null} null for a ping */
function messageOf(block) {
  /** @type {any} */
  const message = { data: "" };
  for (const line of block.split("\n")) {
    const [, field, value] = /^(\w+): ?(.*)$/.exec(line) ?? [];
    if (field === "data") message.data += value;
    else if (field) message[field] = value;
  }
  return message.id || message.event || message.data ? message : null;
}

/** @param {number} ms @param {AbortSignal} stopped @returns {Promise<void>} */
function pause(ms, stopped) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    stopped.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
