// The camera as a scanner, for phones without an imager: where the browser itself can read barcodes, and somebody asked
// for it. What it reads goes the way of every scan.

import { deliver } from "./scanner.js";

const LOOK_EVERY_MS = 120;
const FORMATS = ["ean_13", "ean_8", "upc_a", "upc_e", "code_128", "itf", "qr_code", "data_matrix"];

/** Whether this browser can: Chrome on Android, on a page that came by https. */
export const isPossible = () => "BarcodeDetector" in globalThis && Boolean(navigator.mediaDevices?.getUserMedia);

/**
 * Show the camera in a video and deliver what it sees, until stopped.
 * @param {HTMLVideoElement} video
 * @param {() => void} onRead called with each reading, as one is usually enough
 * @returns {Promise<() => void>} stop
 * @throws {DOMException} the camera is not to be had
 */
export async function watch(video, onRead) {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false });
  // @ts-ignore: not in every browser, see isPossible
  const detector = new BarcodeDetector({ formats: FORMATS });
  video.srcObject = stream;
  await video.play();
  const timer = setInterval(async () => {
    const [found] = await detector.detect(video).catch(() => []);
    if (!found) return;
    deliver(found.rawValue);
    onRead();
  }, LOOK_EVERY_MS);
  return () => {
    clearInterval(timer);
    stream.getTracks().forEach((track) => track.stop());
  };
}
