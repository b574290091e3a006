// SPDX-License-Identifier: Apache-2.0
// Element types, and the way from what a caller gives to the typed array that a port takes.
import { MiteError } from "./errors.js";
import { describe } from "./source.js";

/** @typedef {import("../mite.d.ts").DType} DType */
/** @typedef {import("../mite.d.ts").Data} Data */
/** @typedef {import("../mite.d.ts").Port} Port */
/** @typedef {import("../mite.d.ts").TensorInput} TensorInput */

/**
 * An element type: its array, its number in mite_dtype (runtime/mite.h), and for integers what it
 * can hold.
 * @typedef {object} Type
 * @property {number} code
 * @property {{ new (length: number): Data, new (buffer: ArrayBuffer): Data, BYTES_PER_ELEMENT: number }} array
 * @property {[number, number]} [range]
 */

/** @type {Record<DType, Type>} */
export const types = {
  f32: { code: 1, array: Float32Array },
  f16: { code: 2, array: Uint16Array },
  u8: { code: 3, array: Uint8Array, range: [0, 255] },
  i8: { code: 4, array: Int8Array, range: [-128, 127] },
  i32: { code: 5, array: Int32Array, range: [-(2 ** 31), 2 ** 31 - 1] },
  i64: { code: 6, array: BigInt64Array, range: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER] },
  bool: { code: 7, array: Uint8Array, range: [0, 1] },
  i16: { code: 8, array: Int16Array, range: [-32768, 32767] },
  f64: { code: 9, array: Float64Array },
  u16: { code: 10, array: Uint16Array, range: [0, 65535] },
  u32: { code: 11, array: Uint32Array, range: [0, 2 ** 32 - 1] },
  u64: { code: 12, array: BigUint64Array, range: [0, Number.MAX_SAFE_INTEGER] },
};

/** @param {number} code */
export function dtypeOfCode(code) {
  const found = Object.entries(types).find(([, type]) => type.code === code);
  if (!found) {
    throw new MiteError(
      "version",
      `the model has a port of element type ${code}, which this mite does not know; update it`,
    );
  }
  return /** @type {DType} */ (found[0]);
}

/** @param {readonly number[]} shape */
export function elementsOf(shape) {
  return shape.reduce((product, size) => product * size, 1);
}

/** @param {readonly number[]} shape */
const shown = (shape) => `[${shape.join(", ")}]`;

/** @param {unknown} input */
const isBare = (input) => ArrayBuffer.isView(input) || Array.isArray(input);

/**
 * Whether run() was given one tensor rather than a record of them.
 * @param {TensorInput | Readonly<Record<string, TensorInput>>} input
 * @returns {input is TensorInput}
 */
export function isTensor(input) {
  return isBare(input) || Array.isArray(/** @type {any} */ (input)?.shape);
}

/**
 * What `port` takes: a typed array, which may be the caller's own, and its shape.
 * @param {Port} port
 * @param {TensorInput} input
 * @returns {{ data: Data, shape: readonly number[] }}
 */
export function tensorFor(port, input) {
  const wanted = `input '${port.name}' wants ${port.dtype} ${shown(port.shape)}`;
  const bare = input === null || typeof input !== "object" || isBare(input);
  const tensor = /** @type {{ data: unknown, shape?: readonly number[] }} */ (
    bare ? { data: input } : input
  );
  const { data } = tensor;
  const { array } = types[port.dtype];
  const fits = data instanceof array || (port.dtype === "u8" && data instanceof Uint8ClampedArray);
  if (!fits && !Array.isArray(data)) {
    throw new MiteError(
      "argument",
      `${wanted}, a ${array.name} or plain numbers, but was given ${describe(data === undefined ? input : data)}`,
    );
  }
  const { length } = /** @type {ArrayLike<unknown>} */ (data);
  const shape = shapeFor(port, tensor.shape, length, wanted);
  const elements = elementsOf(shape);
  if (length !== elements) {
    throw new MiteError("argument", `${wanted}, ${elements} elements, but was given ${length}`);
  }
  return {
    data: Array.isArray(data) ? fromNumbers(port, data, wanted) : /** @type {Data} */ (data),
    shape,
  };
}

/**
 * The shape that is given, or that follows from the number of elements where at most one dimension
 * of the port is open (-1).
 * @param {Port} port
 * @param {readonly number[] | undefined} given
 * @param {number} length
 * @param {string} wanted
 * @returns {readonly number[]}
 */
function shapeFor(port, given, length, wanted) {
  if (given !== undefined) {
    const agrees =
      given.length === port.shape.length &&
      given.every((size, i) =>
        port.shape[i] < 0 ? Number.isInteger(size) && size >= 0 : size === port.shape[i],
      );
    if (agrees) return given;
    throw new MiteError("argument", `${wanted}, but was given the shape ${shown(given)}`);
  }
  const open = port.shape.filter((size) => size < 0).length;
  if (!open) return port.shape;
  const rest = elementsOf(port.shape.filter((size) => size >= 0));
  if (open > 1 || !rest || length % rest) {
    throw new MiteError(
      "argument",
      `${wanted}, where -1 is open: give it as { data, shape } (${length} elements do not tell the shape)`,
    );
  }
  return port.shape.map((size) => (size < 0 ? length / rest : size));
}

/**
 * @param {Port} port
 * @param {unknown[]} numbers
 * @param {string} wanted
 */
function fromNumbers(port, numbers, wanted) {
  const { array, range } = types[port.dtype];
  if (port.dtype === "f16") {
    throw new MiteError("argument", `${wanted}, whose bits must be given as a Uint16Array`);
  }
  const wrong = numbers.findIndex((value) => {
    const number = typeof value === "boolean" ? Number(value) : value;
    if (typeof number !== "number") return true;
    return range && !(Number.isInteger(number) && number >= range[0] && number <= range[1]);
  });
  if (wrong >= 0) {
    throw new MiteError("argument", `${wanted}, but element ${wrong} is ${String(numbers[wrong])}`);
  }
  const data = new array(numbers.length);
  const big = data instanceof BigInt64Array || data instanceof BigUint64Array;
  numbers.forEach((value, i) => {
    data[i] = big ? BigInt(/** @type {number} */ (value)) : Number(value);
  });
  return data;
}

/** @param {number} half 16 bits of IEEE 754 binary16 */
export function halfToNumber(half) {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
