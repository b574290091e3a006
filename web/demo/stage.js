// SPDX-License-Identifier: Apache-2.0
// The picture that is looked at, and what is laid over it.
import { element } from "./page.js";

const LARGEST = 1280; // pixels on a side that are kept of a photo for the eye

const preview = /** @type {HTMLCanvasElement} */ (element("preview"));
const overlay = /** @type {HTMLCanvasElement} */ (element("overlay"));
/** @type {Blob | undefined} */
let photo;

/** The photo in sight. */
export const thePhoto = () => photo;

/**
 * Shows a photo, with nothing over it.
 * @param {Blob} file
 */
export async function showPhoto(file) {
  photo = file;
  clearOverlay();
  const bitmap = await createImageBitmap(file).catch(() => undefined);
  if (photo !== file) return bitmap?.close();
  element("drop").classList.add("filled");
  preview.setAttribute("aria-label", file instanceof File ? file.name : "Your photo");
  drawPicture(bitmap);
  bitmap?.close();
}

/** @param {ImageBitmap | undefined} bitmap */
function drawPicture(bitmap) {
  const { width, height } = bitmap ?? { width: 0, height: 0 };
  const zoom = Math.min(1, LARGEST / Math.max(width, height, 1));
  Object.assign(preview, { width: Math.round(width * zoom), height: Math.round(height * zoom) });
  if (bitmap) preview.getContext("2d")?.drawImage(bitmap, 0, 0, preview.width, preview.height);
}

/**
 * Pixels over the picture: they are stretched to it.
 * @param {Uint8ClampedArray<ArrayBuffer>} pixels RGBA
 * @param {number} width
 * @param {number} height
 * @param {string} meaning in words
 */
export function lay(pixels, width, height, meaning) {
  Object.assign(overlay, { width, height, hidden: false });
  overlay.getContext("2d")?.putImageData(new ImageData(pixels, width, height), 0, 0);
  overlay.setAttribute("aria-label", meaning);
}

/**
 * Something drawn in place of the picture, in its size.
 * @param {(context: CanvasRenderingContext2D) => void} draw
 * @param {{ width: number, height: number }} size
 * @param {string} meaning
 */
export function drawOver(draw, { width, height }, meaning) {
  if (overlay.width !== width || overlay.height !== height) Object.assign(overlay, { width, height });
  overlay.hidden = false;
  overlay.setAttribute("aria-label", meaning);
  const context = overlay.getContext("2d");
  if (context) draw(context);
}

export function clearOverlay() {
  overlay.hidden = true;
}

/** @param {number} opacity 0 to 1 */
export function fadeOverlay(opacity) {
  overlay.style.opacity = String(opacity);
}
