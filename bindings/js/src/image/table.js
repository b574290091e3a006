// SPDX-License-Identifier: Apache-2.0
// Outputs of a model as numbers in rows, whatever their types and leading dimensions.
import { MiteError } from "../errors.js";
import { portNamed } from "../metadata.js";

/** @typedef {import("../../mite.d.ts").Model} Model */
/** @typedef {import("../../mite.d.ts").Tensor} Tensor */

/**
 * @typedef {object} Table
 * @property {number} rows
 * @property {number} columns
 * @property {(row: number, column: number) => number} at
 */

/**
 * The numbers of an output; of a quantized one what they stand for.
 * @param {Pick<Model, "outputs">} model
 * @param {Readonly<Record<string, Tensor>>} outputs
 * @param {string | undefined} name
 * @param {string} key where the metadata names it
 */
export function numbersOf(model, outputs, name, key) {
  const port = model.outputs[portNamed(model.outputs, name, key)];
  const { data, shape } = outputs[port.name];
  const { scale, zeroPoint } = port.quantization ?? { scale: 1, zeroPoint: 0 };
  const value =
    data instanceof Float32Array
      ? (/** @type {number} */ i) => data[i]
      : (/** @type {number} */ i) => scale * (Number(data[i]) - zeroPoint);
  return { name: port.name, shape, value };
}

/**
 * @param {ReturnType<typeof numbersOf>} numbers
 * @param {boolean} [transposed] rows are the last dimension
 * @returns {Table}
 */
export function tableOf({ name, shape, value }, transposed = false) {
  const outer = shape.slice(0, -2);
  if (shape.length < 1 || outer.some((n) => n !== 1)) {
    throw new MiteError(
      "format",
      `output '${name}' of shape [${shape}] is no table of boxes; correct the model's metadata.postprocess`,
    );
  }
  // [boxes] is a column; [1, boxes], as scores often come, too: only a table has more than one row.
  const [first, last] = shape.length === 1 ? [shape[0], 1] : shape.slice(-2);
  if (transposed) return { rows: last, columns: first, at: (row, column) => value(column * last + row) };
  return { rows: first, columns: last, at: (row, column) => value(row * last + column) };
}

/**
 * One number a box: [boxes], [1, boxes] or [1, boxes, 1].
 * @param {ReturnType<typeof numbersOf>} numbers
 * @param {number} rows
 * @returns {Table | undefined}
 */
export function columnOf({ shape, value }, rows) {
  const count = shape.reduce((a, b) => a * b, 1);
  return count === rows ? { rows, columns: 1, at: (row) => value(row) } : undefined;
}
