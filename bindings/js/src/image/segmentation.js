// SPDX-License-Identifier: Apache-2.0
// Masks: which class each place of a picture belongs to.
import { MiteError } from "../errors.js";
import { samples } from "./samples.js";
import { numbersOf } from "./table.js";

/** @typedef {import("../../mite.d.ts").ImageInput} ImageInput */
/** @typedef {import("../../mite.d.ts").Model} Model */
/** @typedef {import("../../mite.d.ts").SeenPicture} SeenPicture */
/** @typedef {import("../../mite.d.ts").SegmentationPostprocess} Spec */

/**
 * @param {Model} model
 * @param {ImageInput} image
 * @param {import("../../image.d.ts").SegmentOptions} [options]
 * @returns {Promise<Segmentation>}
 */
export async function segment(model, image, { postprocess: given, ...options } = {}) {
  const postprocess = given ?? model.metadata.postprocess;
  if (postprocess?.kind !== "segmentation") {
    throw new MiteError(
      "unsupported",
      'this model does not say how it gives masks (metadata.postprocess of kind "segmentation"); pass { postprocess }, or use model.runImage()',
    );
  }
  const { outputs, picture, ms } = await model.runImage(image, options);
  const begin = performance.now();
  const planes = planesOf(model, outputs, postprocess, options.preprocess);
  const labels = model.metadata.labels ?? (planes.count === 2 ? ["background", "object"] : []);
  const times = { ...ms, postprocess: performance.now() - begin };
  return new Segmentation({ ...planes, picture, labels, ms: times });
}

/**
 * @typedef {object} Planes
 * @property {number} width
 * @property {number} height
 * @property {number} count of classes
 * @property {Float32Array} probabilities [count][height][width]
 */

/**
 * @param {Model} model
 * @param {Readonly<Record<string, import("../../mite.d.ts").Tensor>>} outputs
 * @param {Spec} spec
 * @param {import("../../mite.d.ts").Preprocess} [preprocess]
 * @returns {Planes}
 */
function planesOf(model, outputs, { output, activation = "none", layout }, preprocess) {
  const numbers = numbersOf(model, outputs, output, "postprocess.output");
  const { name, shape, value } = numbers;
  const flat = shape.length === 3 ? shape : shape.slice(1);
  const hasChannels = shape.length === 4;
  if ((!hasChannels && shape.length !== 3) || shape[0] !== 1) {
    throw new MiteError("format", `output '${name}' of shape [${shape}] is no mask of one picture`);
  }
  const usual = (preprocess ?? model.metadata.preprocess)?.layout ?? (model.inputs[0].shape[1] === 3 ? "nchw" : "nhwc");
  const channelsFirst = (layout ?? usual) === "nchw";
  const [depth, height, width] = !hasChannels
    ? [1, flat[1], flat[2]]
    : channelsFirst
      ? flat
      : [flat[2], flat[0], flat[1]];
  const size = width * height;
  const at = (/** @type {number} */ channel, /** @type {number} */ i) =>
    value(channelsFirst || depth === 1 ? channel * size + i : i * depth + channel);
  if (activation === "classes") return ofClasses(size, width, height, (i) => at(0, i));

  const sigmoid = (/** @type {number} */ x) => 1 / (1 + Math.exp(-x));
  const activate = activation === "sigmoid" ? sigmoid : (/** @type {number} */ x) => x;
  const count = Math.max(depth, 2);
  const probabilities = new Float32Array(count * size);
  for (let i = 0; i < size; i++) {
    if (depth === 1) {
      const object = activate(at(0, i));
      probabilities[i] = 1 - object;
      probabilities[size + i] = object;
      continue;
    }
    let [sum, most] = [0, -Infinity];
    for (let c = 0; c < depth; c++) most = Math.max(most, at(c, i));
    for (let c = 0; c < depth; c++) {
      const p = activation === "softmax" ? Math.exp(at(c, i) - most) : activate(at(c, i));
      probabilities[c * size + i] = p;
      sum += p;
    }
    if (activation === "softmax") for (let c = 0; c < depth; c++) probabilities[c * size + i] /= sum;
  }
  return { width, height, count, probabilities };
}

/**
 * @param {number} size
 * @param {number} width
 * @param {number} height
 * @param {(i: number) => number} classAt
 * @returns {Planes}
 */
function ofClasses(size, width, height, classAt) {
  let count = 2;
  for (let i = 0; i < size; i++) count = Math.max(count, classAt(i) + 1);
  const probabilities = new Float32Array(count * size);
  for (let i = 0; i < size; i++) probabilities[classAt(i) * size + i] = 1;
  return { width, height, count, probabilities };
}

/** Documented in ../../image.d.ts. */
export class Segmentation {
  /** @param {Planes & { picture: SeenPicture, labels: readonly string[], ms: any }} parts */
  constructor({ width, height, count, probabilities, picture, labels, ms }) {
    this.width = width;
    this.height = height;
    this.probabilities = probabilities;
    this.picture = picture;
    this.labels = Array.from({ length: count }, (_, i) => labels[i] ?? `class ${i}`);
    this.ms = ms;
    this.classes = this.#largest(count);
    this.coverage = this.labels.map((_, index) => this.#shareOf(index));
  }

  /** @param {number} count */
  #largest(count) {
    const size = this.width * this.height;
    const classes = count > 256 ? new Uint16Array(size) : new Uint8Array(size);
    for (let i = 0; i < size; i++) {
      let best = 0;
      for (let c = 1; c < count; c++) {
        if (this.probabilities[c * size + i] > this.probabilities[best * size + i]) best = c;
      }
      classes[i] = best;
    }
    return classes;
  }

  /** @param {number} index */
  #shareOf(index) {
    let found = 0;
    for (const one of this.classes) if (one === index) found++;
    return found / this.classes.length;
  }

  /**
   * Between the mask's places the probability is interpolated; outside of what the model saw it is 0.
   * @param {number} [index]
   * @param {{ width?: number, height?: number }} [size]
   */
  mask(index = 1, { width = this.picture.width, height = this.picture.height } = {}) {
    const { region } = this.picture;
    const plane = this.probabilities.subarray(index * this.width * this.height);
    const columns = samples(width, this.picture.width, region.x, region.width, this.width);
    const rows = samples(height, this.picture.height, region.y, region.height, this.height);
    const out = new Uint8ClampedArray(width * height);
    for (const [y, row] of rows.entries()) {
      if (!row) continue;
      for (const [x, column] of columns.entries()) {
        if (!column) continue;
        const at = (/** @type {number} */ r) => {
          const start = r * this.width;
          return plane[start + column.low] * (1 - column.part) + plane[start + column.high] * column.part;
        };
        out[y * width + x] = 255 * (at(row.low) * (1 - row.part) + at(row.high) * row.part);
      }
    }
    return out;
  }
}
