// The board's data: a snapshot, read again whenever the stream tells of something. The stream says that there is news,
// the snapshot says what: so the board shows what the service knows, and never a sum of its own.

import { effect, signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { read } from "../../core/cache.js";
import { storePath } from "../../core/session.js";
import { listen } from "../../core/stream.js";

/** A burst of events, as one tub makes it, is one reading. */
const GATHER_MS = 120;
const LEAST_PAUSE_MS = 700;
/** What changes without an event: sales empty shelves all the time. */
const BOARD_EVERY_MS = 20_000;
const DAY_EVERY_MS = 60_000;

/**
 * @typedef {object} Live
 * @property {import("@preact/signals").Signal<any>} board the snapshot, null until there is one
 * @property {import("@preact/signals").Signal<any>} day the series of the chart
 * @property {import("@preact/signals").Signal<unknown>} refusal why the last reading failed
 * @property {import("@preact/signals").Signal<string>} link `connecting`, `live` or `lost`
 * @property {import("@preact/signals").Signal<number>} asOf server time of the snapshot, ms
 * @property {import("@preact/signals").Signal<boolean>} isFresh whether the service just gave it; else it is what was kept
 * @property {() => Promise<void>} reload
 */

/** The live board for as long as the screen is shown. @returns {Live} */
export function useLive() {
  const [live] = useState(makeLive);
  useEffect(live.start, []);
  return live;
}

function makeLive() {
  const [board, day, refusal, link, asOf, isFresh] = [signal(null), signal(null), signal(null), signal("connecting"), signal(0), signal(true)];
  /** @type {{stop: () => void, state: any} | null} */
  let stream = null;
  let [timer, askedAt, isReading, isStale, isOver] = [0, 0, false, false, false];

  async function reload() {
    clearTimeout(timer);
    timer = 0;
    if (isReading) {
      isStale = true;
      return;
    }
    isReading = true;
    askedAt = Date.now();
    try {
      const kept = await read(storePath("board"));
      board.value = kept.value;
      asOf.value = kept.at;
      isFresh.value = kept.fresh;
      refusal.value = null;
      if (!stream && !isOver) open(kept.value.cursor);
    } catch (failure) {
      refusal.value = failure;
    }
    isReading = false;
    if (isStale) soon();
    isStale = false;
  }

  function soon() {
    if (!timer && !isOver) timer = setTimeout(reload, Math.max(GATHER_MS, askedAt + LEAST_PAUSE_MS - Date.now()));
  }

  /** @param {string} cursor */
  function open(cursor) {
    stream = listen({ path: storePath("stream"), cursor, onEvent: soon, onResync: soon });
    effect(() => {
      const state = stream?.state.value ?? "connecting";
      if (link.peek() === "lost" && state === "live") soon();
      link.value = state;
    });
  }

  async function readDay() {
    day.value = (await read(storePath("board/day")).catch(() => ({ value: day.value }))).value;
  }

  function start() {
    const look = () => void (document.hidden || reload());
    const every = [setInterval(look, BOARD_EVERY_MS), setInterval(readDay, DAY_EVERY_MS)];
    document.addEventListener("visibilitychange", look);
    void reload();
    void readDay();
    return () => {
      isOver = true;
      every.forEach(clearInterval);
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", look);
      stream?.stop();
    };
  }

  return { board, day, refusal, link, asOf, isFresh, reload, start };
}
