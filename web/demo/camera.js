// SPDX-License-Identifier: Apache-2.0
// The camera: one frame in the works at a time, the latest frame wins, and the device is let go as soon as
// it is not looked at.
import { element } from "./page.js";

const video = /** @type {HTMLVideoElement} */ (element("video"));
const WINDOW = 1000; // milliseconds over which frames are counted

/** @typedef {(frame: ImageBitmap) => Promise<void>} OnFrame who gets a frame, closes it */
/** @typedef {{ last: Promise<Blob | null>, problem?: unknown }} Stopped what the event camera-stopped tells */

/** @type {MediaStream | undefined} */
let stream;
let starting = 0;

/** @type {Record<string, string>} by the name of a DOMException */
const reasons = {
  NotAllowedError: "The camera is not allowed here. The browser's address bar lets you change that.",
  NotFoundError: "This device has no camera.",
  NotReadableError: "Another program has the camera.",
  OverconstrainedError: "This device has no camera that can be used here.",
};

/** Whether there is a camera that the browser may give to this page. */
export async function hasCamera() {
  if (!navigator.mediaDevices?.getUserMedia) return false;
  const devices = await navigator.mediaDevices.enumerateDevices().catch(() => []);
  return devices.some(({ kind }) => kind === "videoinput");
}
export const cameraRuns = () => Boolean(stream);

/** @param {OnFrame} onFrame */
export async function startCamera(onFrame) {
  const turn = ++starting;
  const size = { width: { ideal: 640 }, height: { ideal: 480 } };
  const got = await navigator.mediaDevices
    .getUserMedia({ video: { ...size, facingMode: "environment" }, audio: false })
    .catch((error) => {
      throw new Error(reasons[error.name] ?? `The camera does not start: ${error.message}`);
    });
  if (turn !== starting || document.hidden) return release(got); // stopped before it began
  stream = got;
  video.srcObject = got;
  video.hidden = false;
  for (const track of got.getTracks()) track.addEventListener("ended", () => stopCamera());
  await video.play();
  if (stream === got) watchFrames(got, onFrame);
}

/**
 * @param {MediaStream} mine
 * @param {OnFrame} onFrame
 */
function watchFrames(mine, onFrame) {
  /** @type {number[]} */
  const done = [];
  let shown = 0; // frames that the camera has shown
  let taken = -1;
  let busy = false;
  const work = async () => {
    if (busy || taken === shown) return; // what comes meanwhile waits in the video, the last on top
    busy = true;
    taken = shown;
    const frame = await createImageBitmap(video).catch(() => undefined);
    if (frame) await onFrame(frame).catch((error) => stopCamera(error));
    busy = false;
    if (stream !== mine) return;
    const now = performance.now();
    done.push(now);
    while (done[0] < now - WINDOW) done.shift();
    element("fps").textContent = `${done.length} frames a second`;
    work();
  };
  const next = () => {
    if (stream !== mine) return;
    shown++;
    work();
    whenShown(next);
  };
  whenShown(next);
}

/** @param {() => void} call when the next frame is on the page */
function whenShown(call) {
  if ("requestVideoFrameCallback" in video) video.requestVideoFrameCallback(call);
  else requestAnimationFrame(call);
}

/**
 * Lets the camera go; its last frame stays, as a photo.
 * @param {unknown} [problem] why it is, if the visitor did not want it
 */
export function stopCamera(problem) {
  starting++;
  if (!stream) return;
  const detail = { last: lastFrame(), problem };
  release(stream);
  stream = undefined;
  video.srcObject = null;
  video.hidden = true;
  element("fps").textContent = "";
  dispatchEvent(new CustomEvent("camera-stopped", { detail }));
}

/** @returns {Promise<Blob | null>} */
function lastFrame() {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext("2d")?.drawImage(video, 0, 0);
  return new Promise((resolve) => (canvas.width ? canvas.toBlob(resolve, "image/jpeg", 0.9) : resolve(null)));
}

/** @param {MediaStream} all */
function release(all) {
  for (const track of all.getTracks()) track.stop();
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) stopCamera();
});
addEventListener("pagehide", () => stopCamera());
