// SPDX-License-Identifier: Apache-2.0
// From a picture in whatever form to the tensor that the metadata asks for. Decoding, cropping,
// resizing and normalising are done in C, so that every engine gives the same numbers.
import { MiteError } from "./errors.js";
import { filePath, isNode, nodeModule } from "./platform.js";
import { kindOfBytes } from "./sniff.js";
import { bytesOf, cannotRead, checkResponse, describe, request } from "./source.js";
import { instantiate } from "./wasm.js";

/** @typedef {import("../mite.d.ts").ImageInput} ImageInput */
/** @typedef {import("../mite.d.ts").Pixels} Pixels */
/** @typedef {import("../mite.d.ts").Port} Port */
/** @typedef {import("./metadata.js").PictureSpec} PictureSpec */
/** @typedef {import("./wasm.js").Wasm} Wasm */

/** A picture that can be sent to a worker: file bytes, pixels, or something a canvas can draw.
 * @typedef {Uint8Array | Blob | Pixels | ImageBitmap | VideoFrame} Picture */
/** ours: not the caller's, and may be taken away; hold: a number to keep the tensor by.
 * @typedef {{ picture: Picture, spec: PictureSpec, ours?: boolean, hold?: number }} PictureInput */

const PIXELS_BYTES = 12; // mite_pixels: data, width, height
const SPEC_BYTES = 60; // mite_image_spec
const REGION_BYTES = 32; // mite_image_region
const KEEP_BYTES = 32 << 20;

/**
 * @param {unknown} value
 * @param {string} name of a class that Node may lack
 */
function isA(value, name) {
  const type = /** @type {any} */ (globalThis)[name];
  return typeof type === "function" && value instanceof type;
}

/**
 * Makes a picture fit to be sent to a worker. Runs where the caller is: addresses are relative to
 * the page, and elements exist only there.
 * @param {ImageInput} image
 * @param {AbortSignal} [signal]
 * @returns {Promise<Picture>}
 */
export async function portablePicture(image, signal) {
  if (typeof image === "string" || image instanceof URL) return fetchPicture(image, signal);
  if (image instanceof Blob || isA(image, "ImageBitmap") || isA(image, "VideoFrame")) {
    return /** @type {Picture} */ (image);
  }
  if (isA(image, "HTMLImageElement")) {
    const element = /** @type {HTMLImageElement} */ (image);
    await element.decode(); // not loaded yet, perhaps
    return createImageBitmap(element);
  }
  if (
    ["HTMLCanvasElement", "HTMLVideoElement", "OffscreenCanvas"].some((name) => isA(image, name))
  ) {
    return createImageBitmap(/** @type {ImageBitmapSource} */ (image));
  }
  const bytes = bytesOf(image);
  if (bytes) return bytes;
  const { data, width, height } = /** @type {Partial<Pixels>} */ (image ?? {});
  if (data && width && height) return checkedPixels({ data, width, height });
  throw new MiteError(
    "argument",
    `classify() was given ${describe(image)}; give it a file's bytes, a Blob, an address, an image, canvas or video, or { data, width, height }`,
  );
}

/**
 * Gives back at once what a bitmap or video frame holds, which is more than the collector sees.
 * @param {Picture} picture one that is ours, not the caller's
 */
export function closePicture(picture) {
  if ("close" in picture) picture.close();
}

/** @param {Pixels} pixels */
function checkedPixels({ data, width, height }) {
  const count = width * height;
  if (data.length !== 4 * count && data.length !== 3 * count) {
    throw new MiteError(
      "argument",
      `a picture of ${width} × ${height} pixels has ${4 * count} bytes (RGBA) or ${3 * count} (RGB), but data has ${data.length}`,
    );
  }
  return { data, width, height };
}

/**
 * @param {string | URL} address
 * @param {AbortSignal} [signal]
 */
async function fetchPicture(address, signal) {
  const path = await filePath(address);
  if (path !== null) {
    const { readFile } = nodeModule("node:fs/promises");
    return readFile(path, { signal }).catch((/** @type {NodeJS.ErrnoException} */ error) => {
      throw signal?.aborted ? signal.reason : cannotRead(path, error);
    });
  }
  const response = await request(address, { signal });
  checkResponse(response);
  return response.blob();
}

/**
 * Reads pictures in a WebAssembly instance of its own, so that a large photo does not grow the
 * model's memory, which could never shrink again. A small instance is kept for the next picture
 * (frames of a video); one that a large photo has grown is dropped.
 */
export class PictureReader {
  #module;
  #instantiate;
  /** @type {Wasm | undefined} */
  #wasm;

  /**
   * @param {WebAssembly.Module} module
   * @param {(module: WebAssembly.Module) => Promise<Wasm>} [makeInstance]
   */
  constructor(module, makeInstance = instantiate) {
    this.#module = module;
    this.#instantiate = makeInstance;
  }

  /**
   * @param {PictureInput} input
   * @param {Port} port
   */
  async read({ picture, spec }, port) {
    const wasm = this.#wasm ?? (await this.#instantiate(this.#module));
    this.#wasm = undefined; // not kept if this fails
    const ms = { decode: 0, preprocess: 0 };
    let at = performance.now();
    const pixels = await decode(wasm, picture, spec.background);
    ms.decode = performance.now() - at;
    at = performance.now();
    const { tensor, seen } = toTensor(wasm, pixels, spec);
    const data = quantized(tensor, port);
    ms.preprocess = performance.now() - at;
    if (wasm.memory.buffer.byteLength <= KEEP_BYTES) this.#wasm = wasm;
    return { data, shape: tensorShape(spec), seen, ms };
  }
}

/**
 * @param {Wasm} wasm
 * @param {Picture} picture
 * @param {number} background
 * @returns {Promise<number>} address of a mite_pixels
 */
async function decode(wasm, picture, background) {
  const file = picture instanceof Blob ? new Uint8Array(await picture.arrayBuffer()) : picture;
  if (!(file instanceof Uint8Array)) {
    return putPixels(wasm, "data" in file ? file : drawn(file), background);
  }
  const pixels = wasm.alloc(PIXELS_BYTES);
  try {
    wasm.borrow(file.length, (bytes) => {
      wasm.bytes.set(file, bytes);
      wasm.check((error) =>
        wasm.calls.image_decode(pixels, bytes, file.length, 0, background, error),
      );
    });
    return pixels;
  } catch (error) {
    if (!(error instanceof MiteError) || error.code !== "unsupported") throw error;
    const bitmap = await decodedByBrowser(file, error);
    try {
      return putPixels(wasm, drawn(bitmap), background);
    } finally {
      bitmap.close();
    }
  }
}

/**
 * @param {Uint8Array} file
 * @param {MiteError} why mite cannot decode it
 */
async function decodedByBrowser(file, why) {
  const kind = kindOfBytes(file) ?? "a picture of this format";
  if (isNode || typeof createImageBitmap !== "function") {
    throw new MiteError(
      "unsupported",
      `${kind} can only be decoded in a browser; convert it to JPEG or PNG`,
      { cause: why },
    );
  }
  try {
    return await createImageBitmap(new Blob([/** @type {BlobPart} */ (file)]));
  } catch {
    throw new MiteError(
      "unsupported",
      `${kind} can be decoded neither by mite nor by this browser; convert it to JPEG or PNG`,
      { cause: why },
    );
  }
}

/**
 * The pixels of something that a canvas can draw.
 * @param {ImageBitmap | VideoFrame} picture
 * @returns {Pixels}
 */
function drawn(picture) {
  const [width, height] =
    "displayWidth" in picture
      ? [picture.displayWidth, picture.displayHeight]
      : [picture.width, picture.height];
  const canvas =
    typeof OffscreenCanvas === "function"
      ? new OffscreenCanvas(width, height)
      : Object.assign(document.createElement("canvas"), { width, height });
  const context = /** @type {OffscreenCanvasRenderingContext2D | null} */ (
    canvas.getContext("2d", { willReadFrequently: true })
  );
  if (!context || !width || !height) {
    throw new MiteError(
      "unsupported",
      "this browser gives no pixels of the picture; pass the bytes of its file",
    );
  }
  context.drawImage(picture, 0, 0);
  return context.getImageData(0, 0, width, height);
}

/**
 * Copies pixels to C, which wants RGB; transparent ones over the background.
 * @param {Wasm} wasm
 * @param {Pixels} picture
 * @param {number} background
 */
function putPixels(wasm, { data, width, height }, background) {
  const count = width * height;
  const pixels = wasm.alloc(PIXELS_BYTES);
  const at = wasm.alloc(3 * count);
  const rgb = wasm.bytes.subarray(at, at + 3 * count);
  if (data.length === 3 * count) rgb.set(data);
  else {
    const back = [background >> 16, (background >> 8) & 255, background & 255];
    for (let i = 0; i < count; i++) {
      const alpha = data[4 * i + 3];
      for (let c = 0; c < 3; c++) {
        const over = data[4 * i + c] * alpha + back[c] * (255 - alpha);
        rgb[3 * i + c] = (over + 127) / 255;
      }
    }
  }
  new Uint32Array(wasm.memory.buffer, pixels, 3).set([at, width, height]);
  return pixels;
}

/** Numbers a pixel.
 * @param {PictureSpec} spec */
const depthOf = ({ channels }) => (channels === 2 ? 1 : 3);

/** @param {PictureSpec} spec */
function tensorShape(spec) {
  const { width, height, channelsFirst } = spec;
  return channelsFirst ? [1, depthOf(spec), height, width] : [1, height, width, depthOf(spec)];
}

/**
 * Crops, resizes and normalises; frees `pixels`.
 * @param {Wasm} wasm
 * @param {number} pixels
 * @param {PictureSpec} spec
 * @returns {{ tensor: Float32Array, seen: import("../mite.d.ts").SeenPicture }}
 */
function toTensor(wasm, pixels, spec) {
  const { calls } = wasm;
  return wasm.borrow(REGION_BYTES + SPEC_BYTES + PIXELS_BYTES, (region) => {
    const record = region + REGION_BYTES;
    const fitted = record + SPEC_BYTES;
    putSpec(new DataView(wasm.memory.buffer, record, SPEC_BYTES), spec);
    const [, width, height] = new Uint32Array(wasm.memory.buffer, pixels, 3);
    wasm.check((error) => calls.image_fit(fitted, pixels, record, error));
    calls.image_seen(region, width, height, record);
    calls.image_release(pixels);
    calls.release(pixels);
    const bytes = 4 * depthOf(spec) * spec.width * spec.height;
    const tensor = wasm.borrow(bytes, (out) => {
      calls.image_normalise(out, fitted, record);
      return new Float32Array(wasm.slice(out, bytes).buffer);
    });
    calls.image_release(fitted);
    const [x, y, w, h] = new Float64Array(wasm.slice(region, REGION_BYTES).buffer);
    return { tensor, seen: { width, height, region: { x, y, width: w, height: h } } };
  });
}

/**
 * @param {DataView} view of a mite_image_spec
 * @param {PictureSpec} spec
 */
function putSpec(view, spec) {
  const { width, height, fit, filter, resizeTo, cropFraction, mean, scale } = spec;
  [width, height, fit, filter, resizeTo].forEach((n, i) => view.setInt32(4 * i, n, true));
  [cropFraction, ...mean, ...scale].forEach((x, i) => view.setFloat32(20 + 4 * i, x, true));
  view.setInt32(48, Number(spec.channelsFirst), true);
  view.setInt32(52, spec.channels, true);
  view.setUint32(56, spec.pad, true);
}

/**
 * The tensor in the type of the input that it is for: models whose inputs are quantized want
 * round(x / scale) + zero point, halves to even, as the runtime's own operator does.
 * @param {Float32Array} tensor
 * @param {Port} port
 */
export function quantized(tensor, { name, dtype, quantization }) {
  if (dtype === "f32") return tensor;
  if (!quantization || (dtype !== "u8" && dtype !== "i8")) {
    throw new MiteError(
      "unsupported",
      `input '${name}' has type ${dtype}, which real numbers cannot be turned into; use run()`,
    );
  }
  const { scale, zeroPoint } = quantization;
  const [low, high] = dtype === "u8" ? [0, 255] : [-128, 127];
  const q = dtype === "u8" ? new Uint8Array(tensor.length) : new Int8Array(tensor.length);
  tensor.forEach((x, i) => {
    const real = Math.fround(x / scale);
    const floor = Math.floor(real);
    const half = real - floor === 0.5;
    const rounded = half ? floor + (floor & 1) : Math.round(real);
    q[i] = Math.min(high, Math.max(low, rounded + zeroPoint));
  });
  return q;
}
