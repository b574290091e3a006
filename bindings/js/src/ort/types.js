// SPDX-License-Identifier: Apache-2.0
// Element types by the names of onnxruntime, and their arrays.
import { MiteError } from "../index.js";

/** @typedef {import("../../mite.d.ts").DType} DType */
/** @typedef {import("../../ort.d.ts").Tensor.Type} Type */
/** @typedef {{ dtype: DType, array: any }} ElementType */

/** Only newer engines have it; there onnxruntime's halves are numbers, elsewhere their 16 bits. */
const Float16 = /** @type {any} */ (globalThis).Float16Array;

/** @type {Record<string, ElementType>} */
const types = {
  float32: { dtype: "f32", array: Float32Array },
  uint8: { dtype: "u8", array: Uint8Array },
  int8: { dtype: "i8", array: Int8Array },
  uint16: { dtype: "u16", array: Uint16Array },
  int16: { dtype: "i16", array: Int16Array },
  int32: { dtype: "i32", array: Int32Array },
  int64: { dtype: "i64", array: BigInt64Array },
  float64: { dtype: "f64", array: Float64Array },
  uint32: { dtype: "u32", array: Uint32Array },
  uint64: { dtype: "u64", array: BigUint64Array },
  float16: { dtype: "f16", array: Float16 ?? Uint16Array },
  bool: { dtype: "bool", array: Uint8Array },
};

/** @param {string} type */
export function elementType(type) {
  if (Object.hasOwn(types, type)) return types[type];
  throw new MiteError(
    "unsupported",
    `mite has no tensors of ${type === "string" ? "strings" : `type '${type}'`}; it has ${Object.keys(types).join(", ")}`,
  );
}

/**
 * @param {DType} dtype
 * @returns {Type}
 */
export function typeOfDtype(dtype) {
  const found = Object.entries(types).find(([, type]) => type.dtype === dtype);
  return /** @type {Type} */ (found?.[0]);
}

/** The type of a typed array that is given without one; undefined for anything else.
 * @param {unknown} data */
export function typeOfArray(data) {
  if (data instanceof Uint8ClampedArray) return "uint8";
  // The first of a kind: Uint8Array is uint8 rather than bool, Uint16Array uint16 rather than float16.
  return Object.keys(types).find((type) => data instanceof types[type].array);
}

/**
 * The typed array of a tensor's elements, from what a caller gives for them.
 * @param {string} type
 * @param {any} data
 */
export function arrayFor(type, data) {
  const { array } = elementType(type);
  if (data instanceof array) return data;
  const numbersOfBits = type === "float16" && array === Uint16Array;
  if (Array.isArray(data) && !numbersOfBits) {
    const big = type === "int64" || type === "uint64";
    return big ? array.from(data, BigInt) : array.from(data);
  }
  if (type === "uint8" && data instanceof Uint8ClampedArray) return Uint8Array.from(data);
  if (type === "float16" && data instanceof Uint16Array) {
    return new array(data.buffer, data.byteOffset, data.length);
  }
  throw new MiteError(
    "argument",
    numbersOfBits
      ? "a tensor of float16 wants its bits as a Uint16Array, because this engine has no Float16Array"
      : `a tensor of ${type} wants its elements as ${array.name} or as plain numbers`,
  );
}
