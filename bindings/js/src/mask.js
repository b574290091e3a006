// SPDX-License-Identifier: Apache-2.0
// Covers parts of a prepared picture.

/** @typedef {import("../mite.d.ts").Mask} Mask */
/** @typedef {import("./engine.js").Data} Data */

/**
 * A prepared picture that is kept for further runs.
 * @typedef {object} Prepared
 * @property {Data} data
 * @property {readonly number[]} shape [1, channels, height, width] or [1, height, width, channels]
 * @property {boolean} channelsFirst
 */

/**
 * How much of each place stays, 0 to 1.
 * @param {Mask} mask
 * @param {number} width
 * @param {number} height
 */
export function maskWeights({ width: columns, height: rows, values, smooth = true, ...shown }, width, height) {
  const across = places(width, columns, shown.seen ?? columns, shown.shiftX ?? 0, smooth);
  const down = places(height, rows, shown.seen ?? rows, shown.shiftY ?? 0, smooth);
  const weights = new Float32Array(width * height);
  down.forEach(({ low: top, high: bottom, part: lower }, y) => {
    across.forEach(({ low, high, part }, x) => {
      const above = values[top * columns + low] * (1 - part) + values[top * columns + high] * part;
      const below = values[bottom * columns + low] * (1 - part) + values[bottom * columns + high] * part;
      weights[y * width + x] = above * (1 - lower) + below * lower;
    });
  });
  return weights;
}

/**
 * For each pixel of a side the two cells that it lies between.
 * @param {number} pixels
 * @param {number} cells
 * @param {number} seen
 * @param {number} shift
 * @param {boolean} smooth
 */
function places(pixels, cells, seen, shift, smooth) {
  return Array.from({ length: pixels }, (_, i) => {
    const at = ((i + 0.5) / pixels) * seen + shift - (smooth ? 0.5 : 0);
    const inside = Math.min(Math.max(at, 0), cells - 1);
    const low = Math.floor(inside);
    return { low, high: Math.min(low + 1, cells - 1), part: smooth ? inside - low : 0 };
  });
}

/**
 * What the mask covers becomes the picture's mean color.
 * @param {Prepared} prepared
 * @param {Mask} mask
 * @returns {Data}
 */
export function covered({ data, shape, channelsFirst }, mask) {
  const [channels, height, width] = channelsFirst ? shape.slice(1) : [shape[3], shape[1], shape[2]];
  const size = width * height;
  const weights = maskWeights(mask, width, height);
  const from = /** @type {Float32Array} */ (data); // or bytes: the arithmetic is the same
  const to = from.slice();
  const whole = !(data instanceof Float32Array);
  for (let c = 0; c < channels; c++) {
    const [start, step] = channelsFirst ? [c * size, 1] : [c, channels];
    let mean = 0;
    for (let i = 0; i < size; i++) mean += from[start + i * step] / size;
    for (let i = 0; i < size; i++) {
      const x = mean + (from[start + i * step] - mean) * weights[i];
      to[start + i * step] = whole ? Math.round(x) : x;
    }
  }
  return to;
}
