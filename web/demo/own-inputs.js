// SPDX-License-Identifier: Apache-2.0
// What a visitor's model is fed with: a photo, if it takes one, or random numbers.

/** @typedef {import("../../bindings/js/mite.d.ts").Port} Port */
/** @typedef {import("../../bindings/js/mite.d.ts").DType} DType */
/** @typedef {import("../../bindings/js/mite.d.ts").Data} Data */
/** @typedef {{ data: Data, shape: readonly number[] }} Input */
/** @typedef {{ at: number, channels: number, height: number, width: number }} Axes which dimension is what */

/**
 * How a colour v of 0…255 becomes a number: (v - mean) / deviation, for red, green and blue.
 * @type {Record<string, { label: string, mean: readonly number[], deviation: readonly number[] }>}
 */
export const normalisations = {
  unit: { label: "0 … 1", mean: [0, 0, 0], deviation: [255, 255, 255] },
  signed: { label: "-1 … 1", mean: [127.5, 127.5, 127.5], deviation: [127.5, 127.5, 127.5] },
  imagenet: {
    label: "ImageNet's mean and deviation",
    mean: [0.485 * 255, 0.456 * 255, 0.406 * 255],
    deviation: [0.229 * 255, 0.224 * 255, 0.225 * 255],
  },
  bytes: { label: "0 … 255", mean: [0, 0, 0], deviation: [1, 1, 1] },
};

/**
 * Where a picture's dimensions are in the shape of a model's only input: [N, 3 or 1, H, W] or
 * [N, H, W, 3 or 1]. Undefined if it takes no picture.
 * @param {readonly Port[]} inputs
 * @returns {Axes | undefined}
 */
export function pictureAxes([port, ...others]) {
  if (!port || others.length || port.shape.length !== 4) return undefined;
  if (!["f32", "u8"].includes(port.dtype) && !(port.dtype === "i8" && port.quantization)) return undefined;
  if (port.shape[0] > 1) return undefined;
  const isColour = (/** @type {number} */ axis) => [1, 3].includes(port.shape[axis]);
  if (isColour(1)) return { at: 1, channels: port.shape[1], height: 2, width: 3 };
  if (isColour(3)) return { at: 3, channels: port.shape[3], height: 1, width: 2 };
  return undefined;
}

/**
 * What the model was probably trained with: the range that its numbers can hold tells, where they
 * are integers; else the customs of PyTorch (channels first) and TensorFlow.
 * @param {Port} port
 * @param {Axes} axes
 */
export function likelyNormalisation({ dtype, quantization }, { at, channels }) {
  if (dtype === "f32") return channels === 1 ? "unit" : at === 1 ? "imagenet" : "signed";
  if (!quantization) return "bytes";
  const [least, most] = dtype === "i8" ? [-128, 127] : [0, 255];
  const [low, high] = [least, most].map((q) => quantization.scale * (q - quantization.zeroPoint));
  if (high > 8) return "bytes";
  if (high > 1.5) return "imagenet";
  return low < -0.5 ? "signed" : "unit";
}

/**
 * The middle of a photo, in the input's size.
 * @param {ImageBitmap} photo
 * @param {Port} port
 * @param {Axes} axes
 * @param {readonly number[]} shape the port's, with nothing open
 * @param {string} normalisation
 * @returns {Input}
 */
export function pictureInput(photo, port, axes, shape, normalisation) {
  const [width, height] = [shape[axes.width], shape[axes.height]];
  const { mean, deviation } = normalisations[normalisation];
  const pixels = middleOf(photo, width, height);
  const { scale, zeroPoint } = port.quantization ?? { scale: 1, zeroPoint: 0 };
  const [least, most] = port.dtype === "i8" ? [-128, 127] : [0, 255];
  const data = newData(port.dtype, shape);
  const plane = width * height;
  for (let pixel = 0; pixel < plane; pixel++) {
    const [red, green, blue] = pixels.subarray(4 * pixel, 4 * pixel + 3);
    // A grey one has the weights of ITU-R BT.601, as Pillow's.
    const colours = axes.channels === 3 ? [red, green, blue] : [0.299 * red + 0.587 * green + 0.114 * blue];
    colours.forEach((colour, channel) => {
      const to = axes.at === 1 ? channel * plane + pixel : pixel * axes.channels + channel;
      const value = (colour - mean[channel]) / deviation[channel];
      data[to] =
        port.dtype === "f32"
          ? value
          : Math.min(Math.max(Math.round(value / scale) + zeroPoint, least), most);
    });
  }
  return { data, shape };
}

/**
 * @param {ImageBitmap} photo
 * @param {number} width
 * @param {number} height
 */
function middleOf(photo, width, height) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("this browser gives no canvas to resize the photo on");
  const zoom = Math.max(width / photo.width, height / photo.height);
  const [w, h] = [width / zoom, height / zoom];
  context.imageSmoothingQuality = "high";
  context.fillStyle = "#fff"; // what shines through
  context.fillRect(0, 0, width, height);
  context.drawImage(photo, (photo.width - w) / 2, (photo.height - h) / 2, w, h, 0, 0, width, height);
  return context.getImageData(0, 0, width, height).data;
}

const arrays = {
  f32: Float32Array,
  f64: Float64Array,
  f16: Uint16Array,
  u8: Uint8Array,
  i8: Int8Array,
  u16: Uint16Array,
  i16: Int16Array,
  u32: Uint32Array,
  i32: Int32Array,
  u64: BigUint64Array,
  i64: BigInt64Array,
  bool: Uint8Array,
};

/**
 * @param {DType} dtype
 * @param {readonly number[]} shape
 * @returns {any} a typed array: bigints in some, numbers in the others
 */
function newData(dtype, shape) {
  return new arrays[dtype](shape.reduce((a, b) => a * b, 1));
}

/**
 * Every element this whole number.
 * @param {Port} port
 * @param {readonly number[]} shape
 * @param {number} number
 * @returns {Input}
 */
export function constantInput({ dtype }, shape, number) {
  return { data: newData(dtype, shape).fill(isBig(dtype) ? BigInt(number) : number), shape };
}

/** @param {DType} dtype */
const isBig = (dtype) => dtype === "i64" || dtype === "u64";

/**
 * Numbers of 0 to 1, bytes of their whole range, and 0 or 1 for other integers, which are often
 * indices.
 * @param {Port} port
 * @param {readonly number[]} shape
 * @returns {Input}
 */
export function randomInput({ dtype }, shape) {
  const data = newData(dtype, shape);
  /** @type {Partial<Record<DType, number>>} */
  const below = { f32: 1, f64: 1, f16: 0x3c00 /* the bits of 1 */, u8: 256, i8: 256 };
  for (let i = 0; i < data.length; i++) {
    const number = Math.random() * (below[dtype] ?? 2);
    data[i] = isBig(dtype) ? BigInt(Math.floor(number)) : number; // integers take the floor
  }
  return { data, shape };
}

/**
 * A size to begin with for each open dimension.
 * @param {readonly Port[]} inputs
 */
export function closedShapes(inputs) {
  const axes = pictureAxes(inputs);
  return inputs.map(({ shape }) =>
    shape.map((size, axis) => {
      if (size >= 0) return size;
      if (axes && axis > 0) return 224;
      return axis === 0 ? 1 : 8;
    }),
  );
}
