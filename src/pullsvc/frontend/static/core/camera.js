// The camera as a scanner, for phones without an imager: where the browser itself can read barcodes, and somebody asked
// for it. What it reads goes the way of every scan.

import { deliver } from "./scanner.js";

const LOOK_EVERY_MS = 80;
const FORMATS = ["ean_13", "ean_8", "upc_a", "upc_e", "code_128", "itf", "qr_code", "data_matrix"];

/** Whether this browser can: Chrome on Android, on a page that came by https. */
export const isPossible = () => "BarcodeDetector" in globalThis && Boolean(navigator.mediaDevices?.getUserMedia);

/**
 * Show the camera in a video and deliver what it sees: one reading, as one look is one pull of the trigger.
 * @param {HTMLVideoElement} video
 * @param {() => void} onRead called after the reading
 * @returns {Promise<() => void>} stop
 * @throws {DOMException | TypeError} the camera is not to be had, or the browser knows barcodes by name only
 */
export async function watch(video, onRead) {
  // @ts-ignore: not in every browser, see isPossible
  const known = await BarcodeDetector.getSupportedFormats();
  // @ts-ignore: the same
  const detector = new BarcodeDetector({ formats: FORMATS.filter((format) => known.includes(format)) });
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false });
  let timer = 0;
  const stop = () => {
    clearTimeout(timer);
    timer = NaN;
    stream.getTracks().forEach((track) => track.stop());
  };
  const look = async () => {
    const [found] = await detector.detect(video).catch(() => []);
    if (Number.isNaN(timer)) return; // Closed while it looked.
    if (!found) {
      timer = setTimeout(look, LOOK_EVERY_MS);
      return;
    }
    stop();
    deliver(found.rawValue);
    onRead();
  };
  video.srcObject = stream;
  await video.play();
  void look();
  return stop;
}
