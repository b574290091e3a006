// SPDX-License-Identifier: Apache-2.0
// A tensor in the page's own memory, with onnxruntime's methods.
import { MiteError } from "../index.js";
import { imageDataOf, dataUrlOf, tensorPartsOfImage } from "./image.js";
import { arrayFor, typeOfArray } from "./types.js";

/** @typedef {import("../../ort.d.ts").Tensor} PublicTensor */

const MAX_RANK = 8;

/**
 * Fields are plain, and what holds the elements is named as in onnxruntime-common: reactive wrappers
 * (Vue) and libraries that look inside (transformers.js) work as they do there.
 */
export class Tensor {
  /**
   * @param {any} typeOrData
   * @param {any} [dataOrDims]
   * @param {readonly number[]} [maybeDims]
   */
  constructor(typeOrData, dataOrDims, maybeDims) {
    const pinned = isPinned(typeOrData);
    const [type, data, dims] = pinned
      ? [typeOrData.type, typeOrData.data, typeOrData.dims]
      : typeof typeOrData === "string"
        ? [typeOrData, dataOrDims, maybeDims]
        : [typeOfElements(typeOrData), typeOrData, dataOrDims];
    this.cpuData = arrayFor(type, data);
    this.dataLocation = pinned ? "cpu-pinned" : "cpu";
    this.type = type;
    this.dims = dims === undefined ? [this.cpuData.length] : dims;
    this.size = sizeOf(this.dims);
    if (this.size !== this.cpuData.length) {
      throw new MiteError(
        "argument",
        `a tensor of [${this.dims.join(", ")}] has ${this.size} elements, but was given ${this.cpuData.length}`,
      );
    }
  }

  get data() {
    if (this.dataLocation === "none") {
      throw new MiteError("disposed", "the tensor was disposed; its elements are gone");
    }
    return this.cpuData;
  }

  get location() {
    return this.dataLocation;
  }

  get texture() {
    return notThere("WebGL texture");
  }

  get gpuBuffer() {
    return notThere("WebGPU buffer");
  }

  get mlTensor() {
    return notThere("WebNN MLTensor");
  }

  async getData() {
    return this.data;
  }

  dispose() {
    this.cpuData = undefined;
    this.dataLocation = "none";
  }

  /** @param {readonly number[]} dims */
  reshape(dims) {
    return new Tensor(this.type, this.data, dims);
  }

  /** @param {import("../../ort.d.ts").TensorToImageOptions} [options] */
  toImageData(options) {
    return imageDataOf(this, options);
  }

  /** @param {import("../../ort.d.ts").TensorToImageOptions} [options] */
  toDataURL(options) {
    return dataUrlOf(this, options);
  }

  /**
   * @param {any} image
   * @param {import("../../ort.d.ts").TensorFromImageOptions} [options]
   */
  static async fromImage(image, options) {
    const { type, data, dims } = await tensorPartsOfImage(image, options);
    return new Tensor(type, data, dims);
  }

  /**
   * @param {string} type
   * @param {any} data
   * @param {readonly number[]} [dims]
   */
  static fromPinnedBuffer(type, data, dims) {
    return new Tensor({ location: "cpu-pinned", type, data, dims });
  }

  static fromTexture() {
    return notThere("WebGL texture");
  }

  static fromGpuBuffer() {
    return notThere("WebGPU buffer");
  }

  static fromMLTensor() {
    return notThere("WebNN MLTensor");
  }
}

/**
 * Also those of another copy of onnxruntime-common, which clients may bring.
 * @param {unknown} value
 * @returns {value is { type: string, dims: readonly number[], data: any }}
 */
export function isTensor(value) {
  const { type, dims } = /** @type {any} */ (value ?? {});
  return typeof type === "string" && Array.isArray(dims);
}

/** @param {any} value */
function isPinned(value) {
  const location = value !== null && typeof value === "object" ? value.location : undefined;
  if (location === undefined) return false;
  if (location === "cpu-pinned") return true;
  return notThere(String(location));
}

/** @param {unknown} data */
function typeOfElements(data) {
  const type = Array.isArray(data)
    ? { boolean: "bool", string: "string" }[/** @type {"boolean"} */ (typeof data[0])]
    : typeOfArray(data);
  if (type) return type;
  throw new MiteError(
    "argument",
    "the type of a tensor does not follow from what it was given; say it first: new Tensor('float32', data, dims)",
  );
}

/** @param {readonly number[]} dims */
function sizeOf(dims) {
  const right =
    Array.isArray(dims) &&
    dims.length <= MAX_RANK &&
    dims.every((size) => Number.isSafeInteger(size) && size >= 0);
  if (right) return dims.reduce((product, size) => product * size, 1);
  throw new MiteError(
    "argument",
    `dims must be an array of at most ${MAX_RANK} whole numbers, but is ${JSON.stringify(dims)}`,
  );
}

/**
 * @param {string} what
 * @returns {never}
 */
function notThere(what) {
  throw new MiteError(
    "unsupported",
    `mite computes on the processor, so a tensor's elements are in memory and in no ${what}; use data`,
  );
}
