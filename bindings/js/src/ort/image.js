// SPDX-License-Identifier: Apache-2.0
// From pictures to tensors and back. x = (v + bias) / mean, with v in 0…255, and the reverse.
import { MiteError } from "../index.js";

/** @typedef {import("../../ort.d.ts").TensorFromImageOptions} FromOptions */
/** @typedef {import("../../ort.d.ts").TensorToImageOptions} ToOptions */
/** @typedef {import("../../ort.d.ts").ImageFormat} ImageFormat */
/** @typedef {{ data: ArrayLike<number>, width: number, height: number }} Pixels */

const RGBA = 4;

/** Where red, green, blue (and alpha) stand among the channels of a tensor.
 * @type {Record<ImageFormat, readonly number[]>} */
const formats = {
  RGB: [0, 1, 2],
  RGBA: [0, 1, 2, 3],
  BGR: [2, 1, 0],
  RBG: [0, 2, 1],
};

/**
 * @param {any} image
 * @param {FromOptions} [options]
 */
export async function tensorPartsOfImage(image, options = {}) {
  const pixels = await pixelsOf(image, options);
  const { width, height } = pixels;
  const { dataType: type = "float32", tensorLayout, tensorFormat = "RGB" } = options;
  if (type !== "float32" && type !== "uint8") {
    throw new MiteError("argument", `a picture becomes float32 or uint8, not ${type}`);
  }
  const places = placesOf(tensorFormat);
  const channels = places.length;
  // Bytes stay what they are unless a norm is given.
  const mean = perChannel(options.norm?.mean, type === "uint8" ? 1 : 255, "mean");
  const bias = perChannel(options.norm?.bias, 0, "bias");
  const area = width * height;
  const data = type === "uint8" ? new Uint8ClampedArray(channels * area) : new Float32Array(channels * area);
  const [step, plane] = stepsOf(tensorLayout, channels, area);
  places.forEach((place, channel) => {
    for (let i = 0; i < area; i++) {
      data[place * plane + i * step] = (pixels.data[RGBA * i + channel] + bias[channel]) / mean[channel];
    }
  });
  const dims = tensorLayout === "NHWC" ? [1, height, width, channels] : [1, channels, height, width];
  return { type, data, dims };
}

/**
 * @param {{ data: any, dims: readonly number[] }} tensor
 * @param {ToOptions} [options]
 * @returns {ImageData}
 */
export function imageDataOf({ data, dims }, options = {}) {
  if (typeof ImageData !== "function") throw noCanvas("toImageData");
  const { tensorLayout, norm } = options;
  const [height, width, channels] =
    tensorLayout === "NHWC" ? dims.slice(1) : [dims[2], dims[3], dims[1]];
  const format = options.format ?? (channels === RGBA ? "RGBA" : "RGB");
  const places = placesOf(format);
  if (dims.length !== 4 || dims[0] !== 1 || places.length !== channels) {
    throw new MiteError(
      "argument",
      `a tensor of [${dims.join(", ")}] is no ${format} picture in ${tensorLayout ?? "NCHW"}`,
    );
  }
  const mean = perChannel(norm?.mean, 255, "mean");
  const bias = perChannel(norm?.bias, 0, "bias");
  const image = new ImageData(width, height);
  const area = width * height;
  const [step, plane] = stepsOf(tensorLayout, channels, area);
  if (channels < RGBA) image.data.fill(255);
  places.forEach((place, channel) => {
    for (let i = 0; i < area; i++) {
      image.data[RGBA * i + channel] = Number(data[place * plane + i * step]) * mean[channel] - bias[channel];
    }
  });
  return image;
}

/**
 * @param {{ data: any, dims: readonly number[] }} tensor
 * @param {ToOptions} [options]
 * @returns {string}
 */
export function dataUrlOf(tensor, options) {
  if (typeof document === "undefined") throw noCanvas("toDataURL");
  const image = imageDataOf(tensor, options);
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.width, image.height];
  /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d")).putImageData(image, 0, 0);
  return canvas.toDataURL();
}

/** @param {ImageFormat} format */
function placesOf(format) {
  if (Object.hasOwn(formats, format)) return formats[format];
  throw new MiteError(
    "argument",
    `'${format}' is no format of pictures; there are ${Object.keys(formats).join(", ")}`,
  );
}

/**
 * How far apart two neighbouring pixels lie in a tensor, and two channels.
 * @param {string | undefined} layout
 * @param {number} channels
 * @param {number} area
 */
function stepsOf(layout = "NCHW", channels, area) {
  if (layout === "NCHW") return [1, area];
  if (layout === "NHWC") return [channels, 1];
  throw new MiteError("argument", `'${layout}' is no layout of pictures; there are NCHW and NHWC`);
}

/**
 * @param {number | readonly number[] | undefined} given for all channels, or for red, green, blue (and alpha)
 * @param {number} usual
 * @param {string} what
 */
function perChannel(given, usual, what) {
  const one = given ?? usual;
  const all = typeof one === "number" ? [one, one, one, one] : [...one];
  if (all.length === 3) all.push(usual);
  if (all.length === RGBA && all.every(Number.isFinite)) return all;
  throw new MiteError("argument", `norm.${what} must be a number, or an array of 3 or 4 numbers`);
}

/**
 * @param {any} image
 * @param {FromOptions} options
 * @returns {Promise<Pixels>} in RGBA
 */
async function pixelsOf(image, { resizedWidth, resizedHeight }) {
  const drawable = typeof image === "string" || image instanceof URL ? await fetched(image) : image;
  if (typeof drawable?.decode === "function") await drawable.decode(); // an <img> on its way
  const width = drawable?.naturalWidth ?? drawable?.videoWidth ?? drawable?.width;
  const height = drawable?.naturalHeight ?? drawable?.videoHeight ?? drawable?.height;
  if (!(width > 0 && height > 0)) {
    throw new MiteError(
      "argument",
      "fromImage() wants ImageData, an ImageBitmap, an <img>, canvas or video, or a picture's address",
    );
  }
  const to = { width: resizedWidth ?? width, height: resizedHeight ?? height };
  const asItIs = to.width === width && to.height === height;
  if (drawable.data && asItIs) return drawable;
  const source = drawable.data ? await bitmapOf(drawable) : drawable;
  const context = canvasOf(to.width, to.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, to.width, to.height);
  if (source !== image) source.close?.();
  return context.getImageData(0, 0, to.width, to.height);
}

/** @param {string | URL} address */
async function fetched(address) {
  if (typeof createImageBitmap !== "function") throw noCanvas("fromImage");
  const response = await fetch(address);
  if (!response.ok) {
    throw new MiteError("network", `the server answered ${response.status} for the picture ${address}`);
  }
  return createImageBitmap(await response.blob());
}

/** @param {ImageData} pixels */
async function bitmapOf(pixels) {
  if (typeof createImageBitmap !== "function") throw noCanvas("fromImage");
  return createImageBitmap(pixels);
}

/**
 * @param {number} width
 * @param {number} height
 * @returns {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D}
 */
function canvasOf(width, height) {
  const canvas =
    typeof OffscreenCanvas === "function"
      ? new OffscreenCanvas(width, height)
      : typeof document === "undefined"
        ? undefined
        : Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas?.getContext("2d", { willReadFrequently: true });
  if (!context) throw noCanvas("fromImage");
  return /** @type {CanvasRenderingContext2D} */ (context);
}

/** @param {string} method */
function noCanvas(method) {
  return new MiteError(
    "unsupported",
    `${method}() needs a page's canvas, which is not here; give ImageData of the size that is wanted, or build the tensor from numbers`,
  );
}
