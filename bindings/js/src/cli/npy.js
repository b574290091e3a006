// SPDX-License-Identifier: Apache-2.0
// NumPy's .npy files, versions 1 to 3 (numpy.lib.format): magic, header length, a Python dict
// literal with descr, fortran_order and shape, then the elements.
import { MiteError } from "../errors.js";
import { halfToNumber, types } from "../tensors.js";

/** @typedef {import("../../mite.d.ts").Data} Data */
/** @typedef {import("../../mite.d.ts").DType} DType */
/** @typedef {{ data: Data | number[], shape: number[] }} Array */
/** Elements little-endian, in C order. @typedef {{ dtype: DType, shape: number[], bytes: Uint8Array }} Raw */

const magic = [0x93, ...Buffer.from("NUMPY")];

/** NumPy's names of element types. @type {Record<DType, string>} */
const names = {
  f32: "<f4",
  f64: "<f8",
  f16: "<f2",
  u8: "|u1",
  i8: "|i1",
  u16: "<u2",
  i16: "<i2",
  u32: "<u4",
  i32: "<i4",
  u64: "<u8",
  i64: "<i8",
  bool: "|b1",
};
const dtypes = new Map(
  Object.entries(names).map(([dtype, name]) => [name.slice(1), /** @type {DType} */ (dtype)]),
);

/**
 * An array for a port of f32 or of its own type: reals come as numbers that f32 has.
 * @param {Uint8Array} file
 * @param {string} name for error sentences
 * @returns {Array}
 */
export function readNpy(file, name) {
  const { dtype, shape, bytes } = readNpyRaw(file, name);
  const { buffer } = bytes;
  if (dtype === "f64") return { data: Array.from(new Float64Array(buffer), Math.fround), shape };
  if (dtype === "f16") return { data: Array.from(new Uint16Array(buffer), halfToNumber), shape };
  return { data: new types[dtype].array(/** @type {ArrayBuffer} */ (buffer)), shape };
}

/**
 * @param {Uint8Array} file
 * @param {string} name for error sentences
 * @returns {Raw}
 */
export function readNpyRaw(file, name) {
  const refuse = (/** @type {string} */ what) => {
    throw new MiteError("format", `${name} ${what}; save it with numpy.save`);
  };
  if (file.length < 10 || magic.some((byte, i) => file[i] !== byte)) refuse("is not a .npy file");
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const wide = file[6] >= 2;
  if (wide && file.length < 12) refuse("ends in its header");
  const start = wide ? 12 : 10;
  const length = wide ? view.getUint32(8, true) : view.getUint16(8, true);
  if (start + length > file.length) refuse("ends in its header");
  const header = new TextDecoder("latin1").decode(file.subarray(start, start + length));
  const descr = /'descr'\s*:\s*'([<>|=]?)([a-z]\d+)'/.exec(header);
  const shapeText = /'shape'\s*:\s*\(([\d,\sL]*)\)/.exec(header);
  if (!descr || !shapeText) refuse("has a header that is not understood");
  const [, order, type] = /** @type {RegExpExecArray} */ (descr);
  if (/'fortran_order'\s*:\s*True/.test(header)) refuse("is in Fortran order, wanted is C order");
  const dtype = /** @type {DType} */ (dtypes.get(type));
  if (!dtype || order === ">") refuse(`has elements of type '${order}${type}', which is not read`);
  const shape = /** @type {RegExpExecArray} */ (shapeText)[1]
    .split(",")
    .map((text) => text.trim())
    .filter(Boolean)
    .map((text) => Number.parseInt(text, 10));
  const bytes = shape.reduce((a, b) => a * b, 1) * Number(type.slice(1));
  if (start + length + bytes !== file.length) refuse("does not hold as many elements as it says");
  // A Buffer's own slice() would share its memory, at an offset that typed arrays may not begin at.
  return { dtype, shape, bytes: Uint8Array.prototype.slice.call(file, start + length) };
}

/**
 * @param {import("../../mite.d.ts").Tensor} tensor
 * @returns {Uint8Array}
 */
export const writeNpy = (tensor) => Buffer.concat(npyParts(tensor));

/**
 * Head and elements, not copied: large results are written one after the other.
 * @param {Parameters<typeof writeNpy>[0]} tensor
 * @returns {Uint8Array[]}
 */
export function npyParts({ data, shape, dtype }) {
  const descr = names[dtype];
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const dict = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${tuple}, }`;
  // The elements begin at a multiple of 64; the header ends in a line end.
  const length = Math.ceil((10 + dict.length + 1) / 64) * 64;
  const head = Buffer.alloc(length, " ");
  head.set([...magic, 1, 0]);
  head.writeUInt16LE(length - 10, 8);
  head.write(dict, 10, "latin1");
  head[length - 1] = 0x0a;
  return [head, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)];
}
