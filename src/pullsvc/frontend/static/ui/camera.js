// A button beside the title that opens the camera, on devices where that was switched on.

import { useEffect, useRef, useState } from "preact/hooks";
import { h } from "preact";
import { signal } from "@preact/signals";
import htm from "htm";
import { isPossible, watch } from "../core/camera.js";
import { bad } from "../core/feedback.js";
import { t } from "../core/i18n.js";
import { ICONS } from "./icons.js";

const html = htm.bind(h);

/** Off until somebody wants it: a device with an imager is better without. */
export const wanted = signal(isPossible() && localStorage.getItem("camera") === "on");

/** @param {boolean} on */
export function want(on) {
  wanted.value = on && isPossible();
  localStorage.setItem("camera", on ? "on" : "off");
}

export function CameraButton() {
  const [open, setOpen] = useState(false);
  if (!wanted.value) return null;
  return html`<button type="button" class="button icon" aria-label=${t("camera.open")} aria-pressed=${String(open)} onClick=${() => setOpen(!open)}>
      <svg class="icon-shape" viewBox="0 0 24 24" aria-hidden="true"><path d=${ICONS.camera} /></svg></button>
    ${open && html`<${Finder} onClose=${() => setOpen(false)} />`}`;
}

/** @param {{onClose: () => void}} props */
function Finder({ onClose }) {
  const video = useRef(/** @type {HTMLVideoElement | null} */ (null));
  useEffect(() => {
    let stop = () => {};
    let isOver = false;
    watch(/** @type {HTMLVideoElement} */ (video.current), onClose).then(
      (end) => (isOver ? end() : (stop = end)),
      () => (bad(t("camera.none")), onClose()),
    );
    return () => {
      isOver = true;
      stop();
    };
  }, []);
  return html`<div class="finder"><video ref=${video} muted playsinline aria-label=${t("camera.view")}></video>
    <button type="button" class="button" onClick=${onClose}>${t("cancel")}</button></div>`;
}
