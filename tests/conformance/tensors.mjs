// SPDX-License-Identifier: Apache-2.0
// Expected tensors: ONNX TensorProto and .npy, and how one is compared with what came out.
import { readNpyRaw } from "../../bindings/js/src/cli/npy.js";
import { elementsOf, types } from "../../bindings/js/src/tensors.js";

/** @typedef {import("../../bindings/js/src/cli/npy.js").Raw} Raw */

/** TensorProto.DataType @type {Record<number, import("../../bindings/js/mite.d.ts").DType>} */
const onnxTypes = {
  1: "f32",
  2: "u8",
  3: "i8",
  4: "u16",
  5: "i16",
  6: "i32",
  7: "i64",
  9: "bool",
  10: "f16",
  11: "f64",
  12: "u32",
  13: "u64",
};

/** Takes varints off the front of some bytes, one a call. @param {Buffer} bytes */
function varints(bytes) {
  const state = { at: 0, next: () => 0n };
  state.next = () => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[state.at++];
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  return state;
}

/** Fields of a protobuf message: number, and a value or bytes. @param {Buffer} bytes */
function* fields(bytes) {
  const reader = varints(bytes);
  while (reader.at < bytes.length) {
    const tag = Number(reader.next());
    const wire = tag & 7;
    const value = wire === 0 ? reader.next() : 0n;
    const length = wire === 0 ? 0 : wire === 2 ? Number(reader.next()) : wire === 5 ? 4 : 8;
    yield { field: tag >> 3, wire, value, bytes: bytes.subarray(reader.at, reader.at + length) };
    reader.at += length;
  }
}

/**
 * Numbers of a repeated field, packed or not.
 * @param {{ wire: number, value: bigint, bytes: Buffer }} field
 */
function numbersOf({ wire, value, bytes }) {
  if (wire === 0) return [value];
  const numbers = [];
  for (const reader = varints(bytes); reader.at < bytes.length;) numbers.push(reader.next());
  return numbers;
}

/**
 * @param {Buffer} file
 * @returns {Raw}
 */
function readTensorProto(file) {
  const shape = [];
  const integers = [];
  const reals = [];
  let type = 0;
  let raw;
  for (const field of fields(file)) {
    if (field.field === 1) shape.push(...numbersOf(field).map(Number));
    if (field.field === 2) type = Number(field.value);
    if (field.field === 4 || field.field === 10) reals.push(field.bytes);
    if ([5, 7, 11].includes(field.field)) integers.push(...numbersOf(field));
    if (field.field === 9) raw = field.bytes;
  }
  const dtype = onnxTypes[type];
  if (!dtype) throw new Error(`a tensor is of ONNX type ${type}`);
  const size = types[dtype].array.BYTES_PER_ELEMENT;
  const listed = Buffer.alloc(8 * integers.length);
  integers.forEach((value, i) => listed.writeBigUInt64LE(BigInt.asUintN(64, value), 8 * i));
  const words = integers.map((_, i) => listed.subarray(8 * i, 8 * i + size));
  const bytes = Uint8Array.from(raw ?? Buffer.concat(reals.length ? reals : words));
  if (bytes.length !== elementsOf(shape) * size) throw new Error("a tensor lacks elements");
  return { dtype, shape, bytes };
}

/**
 * @param {Buffer} file
 * @param {string} name .pb or .npy
 * @returns {Raw}
 */
export function readTensor(file, name) {
  return name.endsWith(".npy") ? readNpyRaw(file, name) : readTensorProto(file);
}

/** @param {number} bits of binary16 */
function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Infinity;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : fraction * 2 ** -24);
}

/** @param {Raw} tensor */
export function valuesOf({ dtype, bytes }) {
  const aligned = Uint8Array.from(bytes).buffer;
  const data = new types[dtype].array(aligned);
  return dtype === "f16" ? Float64Array.from(/** @type {Uint16Array} */ (data), half) : data;
}

/**
 * Why `got` is not `want`; "" where it is. Reals may differ by absolute + relative of the wanted
 * value, integers by `lsb` where that is given, else by the same rule.
 * @param {Raw} got
 * @param {Raw} want
 * @param {{ absolute: number, relative: number, lsb?: number }} tolerance
 */
export function difference(got, want, { absolute, relative, lsb }) {
  if (got.dtype !== want.dtype) return `it is ${got.dtype}, expected ${want.dtype}`;
  if (String(got.shape) !== String(want.shape)) {
    return `its shape is [${got.shape}], expected [${want.shape}]`;
  }
  const [a, b] = [valuesOf(got), valuesOf(want)];
  const real = got.dtype.startsWith("f");
  for (let i = 0; i < b.length; i++) {
    if (a[i] === b[i]) continue;
    const [x, y] = [Number(a[i]), Number(b[i])];
    if (Number.isNaN(x) && Number.isNaN(y)) continue;
    const allowed = lsb !== undefined && !real ? lsb : absolute + relative * Math.abs(y);
    if (!(Math.abs(x - y) <= allowed && Number.isFinite(y))) {
      return `element ${i} is ${x}, expected ${y}`;
    }
  }
  return "";
}
