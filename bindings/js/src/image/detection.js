// SPDX-License-Identifier: Apache-2.0
// Boxes: reads what a detector gives as its metadata says (DetectionPostprocess in ../../mite.d.ts), and keeps
// of those that overlap the best.
import { MiteError } from "../errors.js";
import { columnOf, numbersOf, tableOf } from "./table.js";

/** @typedef {import("../../mite.d.ts").DetectionPostprocess} Spec */
/** @typedef {import("../../mite.d.ts").ImageInput} ImageInput */
/** @typedef {import("../../mite.d.ts").Model} Model */
/** @typedef {import("../../mite.d.ts").SeenPicture} SeenPicture */
/** @typedef {import("../../mite.d.ts").Tensor} Tensor */
/** @typedef {import("../../image.d.ts").Detection} Detection */
/** @typedef {import("../../image.d.ts").DetectOptions} DetectOptions */
/** @typedef {import("./table.js").Table} Table */

/** Corners, in fractions of the model's input.
 * @typedef {{ left: number, top: number, right: number, bottom: number }} Corners */
/** @typedef {{ row: number, index: number, score: number, corners: Corners }} Candidate */

/**
 * @param {Model} model
 * @param {ImageInput} image
 * @param {DetectOptions} [options]
 * @returns {Promise<import("../../image.d.ts").Detections>}
 */
export async function detect(model, image, options = {}) {
  const { postprocess: given, ...more } = options;
  const postprocess = given ?? model.metadata.postprocess;
  if (postprocess?.kind !== "detection") {
    throw new MiteError(
      "unsupported",
      'this model does not say how it gives boxes (metadata.postprocess of kind "detection"); pass { postprocess }, or use model.runImage()',
    );
  }
  const { outputs, picture, ms } = await model.runImage(image, more);
  const begin = performance.now();
  const detections = boxesOf(model, outputs, picture, { ...postprocess, ...thresholds(options) }, options);
  return { detections, picture, ms: { ...ms, postprocess: performance.now() - begin } };
}

/** @param {DetectOptions} options */
function thresholds({ scoreThreshold, iouThreshold }) {
  return {
    ...(scoreThreshold !== undefined && { scoreThreshold }),
    ...(iouThreshold !== undefined && { iouThreshold }),
  };
}

/**
 * @param {Model} model
 * @param {Readonly<Record<string, Tensor>>} outputs
 * @param {SeenPicture} picture
 * @param {Spec} spec
 * @param {{ maxDetections?: number, preprocess?: import("../../mite.d.ts").Preprocess }} options
 * @returns {Detection[]}
 */
function boxesOf(model, outputs, picture, spec, { maxDetections = 100, preprocess }) {
  const { boxes: place, keypoints, transposed } = spec;
  const boxes = tableOf(numbersOf(model, outputs, place.output, "postprocess.boxes.output"), transposed);
  const size = inputSize(model, preprocess);
  const toFraction = createFractions(place, boxes.rows, size);
  const read = createBoxReader(place, boxes, toFraction);
  const candidates = scored(model, outputs, spec, boxes)
    .map((candidate) => ({ ...candidate, corners: read(candidate.row) }))
    .filter(({ corners }) => corners.right > corners.left && corners.bottom > corners.top);

  const { region, width, height } = picture;
  const x = (/** @type {number} */ fraction) => region.x + fraction * region.width;
  const y = (/** @type {number} */ fraction) => region.y + fraction * region.height;
  const inside = (/** @type {number} */ value, /** @type {number} */ end) =>
    Math.min(Math.max(value, 0), end);
  const points = keypoints && createPointReader(model, outputs, spec, boxes, toFraction);
  return suppressed(candidates, spec.iouThreshold ?? 0.45, maxDetections).map(
    ({ row, index, score, corners }) => {
      const [left, top] = [inside(x(corners.left), width), inside(y(corners.top), height)];
      const [right, bottom] = [inside(x(corners.right), width), inside(y(corners.bottom), height)];
      return {
        index,
        label: model.metadata.labels?.[index] ?? `class ${index}`,
        score,
        box: { x: left, y: top, width: right - left, height: bottom - top },
        ...(points && { keypoints: points(row).map(([u, v]) => ({ x: x(u), y: y(v) })) }),
      };
    },
  );
}

/**
 * Width and height of the picture that the model sees.
 * @param {Model} model
 * @param {import("../../mite.d.ts").Preprocess} [given]
 */
function inputSize({ inputs, metadata }, given = metadata.preprocess) {
  const { shape } = inputs[0];
  const [rows, columns] = given?.layout === "nhwc" || shape[3] === 3 || shape[3] === 1 ? [1, 2] : [2, 3];
  return { width: given?.width ?? shape[columns], height: given?.height ?? shape[rows] };
}

/**
 * What turns a row's x and y, and widths, into fractions of the model's input.
 * @param {Spec["boxes"]} place
 * @param {number} rows
 * @param {{ width: number, height: number }} size
 */
function createFractions({ anchors, units = "pixels" }, rows, { width, height }) {
  const [unitX, unitY] = anchors || units === "pixels" ? [width, height] : [1, 1];
  /** @type {[number, number][]} */
  const centres = (anchors ?? []).flatMap(({ stride, count }) => cells(width, height, stride, count));
  if (anchors && centres.length !== rows) {
    throw new MiteError(
      "format",
      `metadata.postprocess.boxes.anchors make ${centres.length} boxes for an input of ${width} × ${height} pixels, but the model gives ${rows}`,
    );
  }
  return {
    x: (/** @type {number} */ value, /** @type {number} */ row) => value / unitX + (centres[row]?.[0] ?? 0),
    y: (/** @type {number} */ value, /** @type {number} */ row) => value / unitY + (centres[row]?.[1] ?? 0),
    width: (/** @type {number} */ value) => value / unitX,
    height: (/** @type {number} */ value) => value / unitY,
  };
}

/**
 * @param {number} width
 * @param {number} height
 * @param {number} stride
 * @param {number} count boxes a cell
 * @returns {[number, number][]} centres, in fractions
 */
function cells(width, height, stride, count) {
  const [columns, rows] = [Math.ceil(width / stride), Math.ceil(height / stride)];
  return Array.from({ length: rows * columns * count }, (_, i) => {
    const cell = Math.floor(i / count);
    return [((cell % columns) + 0.5) / columns, (Math.floor(cell / columns) + 0.5) / rows];
  });
}

/** @typedef {ReturnType<typeof createFractions>} Fractions */

/**
 * @param {Spec["boxes"]} place
 * @param {Table} table
 * @param {Fractions} fraction
 * @returns {(row: number) => Corners}
 */
function createBoxReader({ from = 0, layout = "xyxy" }, table, fraction) {
  if (from + 4 > table.columns) {
    throw new MiteError(
      "format",
      `metadata.postprocess.boxes wants numbers ${from} to ${from + 3} of each row, but rows have ${table.columns}; is the table transposed?`,
    );
  }
  return (row) => {
    const [a, b, c, d] = [0, 1, 2, 3].map((i) => table.at(row, from + i));
    const [x, y] = layout === "yxyx" ? [fraction.x(b, row), fraction.y(a, row)] : [fraction.x(a, row), fraction.y(b, row)];
    if (layout === "xyxy") return { left: x, top: y, right: fraction.x(c, row), bottom: fraction.y(d, row) };
    if (layout === "yxyx") return { left: x, top: y, right: fraction.x(d, row), bottom: fraction.y(c, row) };
    const [width, height] = [fraction.width(c), fraction.height(d)];
    if (layout === "xywh") return { left: x, top: y, right: x + width, bottom: y + height };
    return { left: x - width / 2, top: y - height / 2, right: x + width / 2, bottom: y + height / 2 };
  };
}

/**
 * @param {Model} model
 * @param {Readonly<Record<string, Tensor>>} outputs
 * @param {Spec} spec
 * @param {Table} boxes
 * @param {Fractions} fraction
 * @returns {(row: number) => [number, number][]}
 */
function createPointReader(model, outputs, { keypoints, transposed }, boxes, fraction) {
  const { output, from, count, size = 2 } = /** @type {NonNullable<Spec["keypoints"]>} */ (keypoints);
  const table =
    output === undefined
      ? boxes
      : tableOf(numbersOf(model, outputs, output, "postprocess.keypoints.output"), transposed);
  return (row) =>
    Array.from({ length: count }, (_, i) => [
      fraction.x(table.at(row, from + size * i), row),
      fraction.y(table.at(row, from + size * i + 1), row),
    ]);
}

/**
 * The boxes whose best class scores enough.
 * @param {Model} model
 * @param {Readonly<Record<string, Tensor>>} outputs
 * @param {Spec} spec
 * @param {Table} boxes
 */
function scored(model, outputs, { boxes: place, scores, classes, transposed, scoreThreshold = 0.5 }, boxes) {
  const together = scores.output === undefined || scores.output === place.output;
  const numbers = numbersOf(model, outputs, scores.output ?? place.output, "postprocess.scores.output");
  const column = together ? undefined : columnOf(numbers, boxes.rows);
  const table = column ?? tableOf(numbers, transposed);
  const kinds = classes && columnOf(numbersOf(model, outputs, classes.output, "postprocess.classes.output"), boxes.rows);
  if (table.rows !== boxes.rows || (classes && !kinds)) {
    const what = table.rows === boxes.rows ? "classes" : "scores";
    throw new MiteError(
      "format",
      `metadata.postprocess.${what} has another number of rows than the ${boxes.rows} boxes`,
    );
  }
  const { from = together ? (place.from ?? 0) + 4 : 0, activation = "none", background, objectness } = scores;
  const count = scores.count ?? table.columns - from;
  const activate = activations[activation];
  /** @type {{ row: number, index: number, score: number }[]} */
  const found = [];
  for (let row = 0; row < table.rows; row++) {
    const numbersHere = Array.from({ length: count }, (_, i) => table.at(row, from + i));
    const probabilities = activate(numbersHere);
    const factor = objectness === undefined ? 1 : table.at(row, objectness);
    let best = -1;
    for (let i = 0; i < count; i++) {
      if (i !== background && (best < 0 || probabilities[i] > probabilities[best])) best = i;
    }
    const score = best < 0 ? 0 : probabilities[best] * factor;
    if (!(score >= scoreThreshold)) continue;
    const skipped = background !== undefined && background < best ? 1 : 0;
    found.push({ row, score, index: kinds ? Math.round(kinds.at(row, 0)) : best - skipped });
  }
  return found;
}

/** @type {Record<"none" | "sigmoid" | "softmax", (numbers: number[]) => number[]>} */
const activations = {
  none: (numbers) => numbers,
  sigmoid: (numbers) => numbers.map((x) => 1 / (1 + Math.exp(-x))),
  softmax: (numbers) => {
    const most = Math.max(...numbers);
    const powers = numbers.map((x) => Math.exp(x - most));
    const sum = powers.reduce((a, b) => a + b, 0);
    return powers.map((x) => x / sum);
  },
};

/**
 * Non-maximum suppression, class by class.
 * @param {Candidate[]} candidates
 * @param {number} threshold
 * @param {number} most
 */
function suppressed(candidates, threshold, most) {
  /** @type {Candidate[]} */
  const kept = [];
  for (const one of candidates.sort((a, b) => b.score - a.score || a.row - b.row)) {
    if (kept.length >= most) break;
    const hidden = kept.some(
      (other) => other.index === one.index && overlap(other.corners, one.corners) > threshold,
    );
    if (!hidden) kept.push(one);
  }
  return kept;
}

/** @param {Corners} box */
const areaOf = ({ left, top, right, bottom }) => (right - left) * (bottom - top);

/**
 * Intersection over union.
 * @param {Corners} a
 * @param {Corners} b
 */
function overlap(a, b) {
  const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
  const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
  if (width <= 0 || height <= 0) return 0;
  const common = width * height;
  return common / (areaOf(a) + areaOf(b) - common);
}
