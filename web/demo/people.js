// SPDX-License-Identifier: Apache-2.0
// Who is in this picture, to the pixel: the background goes, or blurs, in photos and on the camera.
import { segment } from "/mite/dist/image.js";
import { hideProblem, ready, showProblem } from "./loader.js";
import { watched } from "./network.js";
import { keepPage } from "./offline.js";
import { element, ms, showFacts } from "./page.js";
import { showProfile } from "./profile.js";
import { drawOver, fadeOverlay } from "./stage.js";

export const SELFIE = {
  title: "Selfie segmentation",
  address: "/models/selfie-segmentation/selfie-segmentation.mite",
};
const WIDE = 640; // pixels of the drawn picture across, at most
const NOBODY = 0.01; // the share of the picture below which it shows no person
const BLUR = 32; // the blurred background has one pixel for so many

/** @typedef {import("../../bindings/js/image.d.ts").Segmentation} Segmentation */

const effect = /** @type {HTMLSelectElement} */ (element("effect"));
/** @type {Blob | undefined} */
let asked;
/** @type {{ bitmap: ImageBitmap, found: Segmentation } | undefined} What is drawn, to draw it otherwise. */
let drawn;

/** @param {Blob} file */
export async function cutOut(file) {
  asked = file;
  hideProblem();
  element("people-verdict").textContent = "Looking…";
  try {
    const { model, facts } = await ready(SELFIE);
    const bitmap = await createImageBitmap(file);
    if (asked !== file) return bitmap.close();
    const found = await watched(() => segment(model, file));
    if (asked !== file) return bitmap.close();
    show(bitmap, found, facts);
    element("people-verdict").textContent = verdictOf(found);
    showProfile(model, SELFIE.title);
    keepPage();
  } catch (error) {
    if (asked !== file) return;
    element("people-verdict").textContent = "";
    showProblem(error, SELFIE, () => cutOut(file));
  }
}

/** @param {ImageBitmap} frame */
export async function cutOutFrame(frame) {
  asked = undefined;
  const { model, facts } = await ready(SELFIE);
  const found = await watched(() => segment(model, frame));
  show(frame, found, facts);
  const verdict = verdictOf(found).replace(/\d+ %/, "a part");
  if (element("people-verdict").textContent !== verdict) element("people-verdict").textContent = verdict;
  showProfile(model, SELFIE.title);
  keepPage();
}

/** @param {Segmentation} found */
function verdictOf({ coverage: [, person] }) {
  if (person < NOBODY) return "Nobody is in this picture.";
  return `A person, on ${Math.round(100 * person)} % of the picture.`;
}

/**
 * @param {ImageBitmap} bitmap
 * @param {Segmentation} found
 * @param {Record<string, string>} facts
 */
function show(bitmap, found, facts) {
  if (drawn?.bitmap !== bitmap) drawn?.bitmap.close();
  drawn = { bitmap, found };
  facts.Decode = ms(found.ms.decode + found.ms.preprocess);
  facts.Inference = ms(found.ms.run);
  showFacts(element("people-facts"), facts);
  draw();
}

function draw() {
  if (!drawn) return;
  const { bitmap, found } = drawn;
  const zoom = Math.min(1, WIDE / bitmap.width);
  const [width, height] = [Math.round(bitmap.width * zoom), Math.round(bitmap.height * zoom)];
  const person = layer(width, height, (context) => {
    context.drawImage(bitmap, 0, 0, width, height);
    context.globalCompositeOperation = "destination-in";
    context.drawImage(maskOf(found), 0, 0, width, height);
  });
  fadeOverlay(1);
  drawOver(
    (context) => {
      paintBackground(context, bitmap, width, height);
      context.drawImage(person, 0, 0);
    },
    { width, height },
    verdictOf(found),
  );
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {ImageBitmap} bitmap
 * @param {number} width
 * @param {number} height
 */
function paintBackground(context, bitmap, width, height) {
  if (effect.value === "blur") {
    // Canvas filters are not in every engine; making it small and large again blurs in all of them.
    const [w, h] = [Math.ceil(width / BLUR), Math.ceil(height / BLUR)];
    const small = layer(w, h, (tiny) => {
      tiny.imageSmoothingQuality = "high";
      tiny.drawImage(bitmap, 0, 0, w, h);
    });
    context.imageSmoothingQuality = "high";
    context.drawImage(small, 0, 0, width, height);
    return;
  }
  if (effect.value === "tint") {
    context.drawImage(bitmap, 0, 0, width, height);
    context.fillStyle = "rgb(47 111 237 / 75%)";
  } else {
    const sky = context.createLinearGradient(0, 0, 0, height);
    sky.addColorStop(0, "#cfe0ff");
    sky.addColorStop(1, "#f3e6ff");
    context.fillStyle = sky;
  }
  context.fillRect(0, 0, width, height);
}

/** The person as an alpha channel. @param {Segmentation} found */
function maskOf(found) {
  const { width, height } = found;
  const alpha = found.mask(1, { width, height });
  const pixels = new Uint8ClampedArray(4 * alpha.length);
  alpha.forEach((value, i) => (pixels[4 * i + 3] = value));
  return layer(width, height, (context) => context.putImageData(new ImageData(pixels, width, height), 0, 0));
}

/**
 * @param {number} width
 * @param {number} height
 * @param {(context: CanvasRenderingContext2D) => void} paint
 */
function layer(width, height, paint) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d");
  if (context) paint(context);
  return canvas;
}

effect.addEventListener("change", draw);
