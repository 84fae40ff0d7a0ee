// What a hand, an ear and an eye are told at once, before any answer of the service: good, bad or look here.

import { signal } from "@preact/signals-core";

const SHOWN_MS = 450;
const GOOD = { tones: [[1320, 0.07]], buzz: [40] };
const BAD = { tones: [[180, 0.16], [140, 0.22]], buzz: [90, 60, 90, 60, 90] };
const LOOK = { tones: [[740, 0.09], [740, 0.09]], buzz: [60, 50, 60] };
const GAP_S = 0.04;
const LOUDNESS = 0.25;

/** What is flashing now: `kind` is good, bad or look; `word` is shown with it. */
export const flash = signal(/** @type {{kind: string, word: string, n: number} | null} */ (null));
/** Whether it makes a sound; the device's own loudness stays as it is. */
export const isAudible = signal(localStorage.getItem("sound") !== "off");

let audio = /** @type {AudioContext | null} */ (null);
let timer = 0;
let count = 0;

/** @param {string} [word] */
export const good = (word = "") => show("good", word, GOOD);
/** @param {string} [word] */
export const bad = (word = "") => show("bad", word, BAD);
/** @param {string} [word] */
export const look = (word = "") => show("look", word, LOOK);

/** @param {boolean} on */
export function setSound(on) {
  isAudible.value = on;
  localStorage.setItem("sound", on ? "on" : "off");
}

/** @param {string} kind @param {string} word @param {{tones: number[][], buzz: number[]}} how */
function show(kind, word, { tones, buzz }) {
  clearTimeout(timer);
  count += 1;
  flash.value = { kind, word, n: count };
  timer = setTimeout(() => {
    flash.value = null;
  }, SHOWN_MS);
  if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.(buzz);
  if (isAudible.value) beep(tones);
}

/** @param {number[][]} tones frequency in Hz and length in s */
function beep(tones) {
  if (audio?.state !== "running") return;
  let at = audio.currentTime;
  for (const [frequency, length] of tones) {
    const [voice, volume] = [audio.createOscillator(), audio.createGain()];
    voice.type = "square";
    voice.frequency.value = frequency;
    volume.gain.setValueAtTime(LOUDNESS, at);
    volume.gain.exponentialRampToValueAtTime(0.001, at + length);
    voice.connect(volume).connect(audio.destination);
    voice.start(at);
    voice.stop(at + length);
    at += length + GAP_S;
  }
}

// Browsers let a page make a sound only once somebody has touched it.
function allow() {
  audio ??= new AudioContext();
  void audio.resume();
}
for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, allow, { capture: true, passive: true });
