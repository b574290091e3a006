// SPDX-License-Identifier: Apache-2.0
// Reads what a model says about itself. Metadata is data: everything is checked before it is used.
import { MiteError, messageOf } from "./errors.js";

/** @typedef {import("../mite.d.ts").Metadata} Metadata */
/** @typedef {import("../mite.d.ts").Port} Port */
/** @typedef {import("../mite.d.ts").Preprocess} Preprocess */

/** mite_image_spec of runtime/image/image.h, and the background as 0xRRGGBB.
 * @typedef {object} PictureSpec
 * @property {number} width
 * @property {number} height
 * @property {number} fit
 * @property {number} filter
 * @property {number} resizeTo
 * @property {number} cropFraction
 * @property {readonly number[]} mean
 * @property {readonly number[]} scale
 * @property {boolean} channelsFirst
 * @property {number} channels 0 RGB, 1 BGR, 2 gray
 * @property {number} pad as 0xRRGGBB
 * @property {number} background */

/**
 * @param {string} json
 * @returns {Readonly<Metadata>}
 */
export function parseMetadata(json) {
  if (!json) return Object.freeze({});
  let value;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new MiteError(
      "format",
      `the model's metadata is not JSON: ${messageOf(error)}; convert the model again`,
      { cause: error },
    );
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    throw new MiteError(
      "format",
      "the model's metadata is not a JSON object; convert the model again",
    );
  }
  return Object.freeze(value);
}

/** The numbers of mite_fit and mite_filter. */
const fits = { "center-crop": 1, stretch: 2, "resize-crop": 3, contain: 4 };
/** Those of mite_channels. */
const orders = { rgb: 0, bgr: 1, gray: 2 };
const COLOR = /^#[0-9a-f]{6}$/i;
const filters = { bilinear: 1, bicubic: 2 };

/**
 * @param {boolean} holds
 * @param {string} sentence
 * @returns {asserts holds}
 */
function need(holds, sentence) {
  if (!holds) throw new MiteError("format", `the model's metadata cannot be used: ${sentence}`);
}

/** @param {unknown} value */
const isTriple = (value) =>
  Array.isArray(value) && value.length === 3 && value.every((x) => Number.isFinite(x));

/** @param {unknown} value @returns {value is number} */
const isSize = (value) => Number.isInteger(value) && Number(value) > 0;

/**
 * The preprocessing of a picture for `port`, with every default filled in.
 * @param {Preprocess} preprocess
 * @param {Port} port
 * @returns {PictureSpec}
 */
export function pictureSpec(preprocess, port) {
  const { shape } = port;
  const { order = shape[1] === 1 || shape.at(-1) === 1 ? "gray" : "rgb" } = preprocess;
  need(Object.hasOwn(orders, order), `preprocess.order is '${order}', not rgb, bgr or gray`);
  const count = order === "gray" ? 1 : 3;
  const isPicture = shape.length === 4 && [-1, 1].includes(shape[0]);
  need(isPicture, `a picture does not fit input '${port.name}' of shape [${shape}]`);
  const layout = preprocess.layout ?? (shape[1] === count ? "nchw" : "nhwc");
  need(layout === "nchw" || layout === "nhwc", `preprocess.layout is '${layout}'`);
  const [channels, rows, columns] =
    layout === "nchw" ? shape.slice(1) : [shape[3], shape[1], shape[2]];
  const {
    width = columns,
    height = rows,
    fit = "center-crop",
    filter = "bicubic",
    cropFraction = 1,
    resizeTo = 0,
    mean = [0, 0, 0],
    scale = [1, 1, 1],
    pad = "#000000",
    background = "#ffffff",
  } = preprocess;
  need(isSize(width) && isSize(height), "preprocess.width and height must be whole numbers");
  need(
    [[channels, count], [rows, height], [columns, width]].every(([has, given]) => has === given || has === -1),
    `preprocess makes ${width} × ${height} pixels of ${count} numbers, but input '${port.name}' has shape [${shape}]`,
  );
  need(Object.hasOwn(fits, fit), `preprocess.fit is '${fit}', not ${Object.keys(fits).join(", ")}`);
  need(Object.hasOwn(filters, filter), `preprocess.filter is '${filter}', not bicubic or bilinear`);
  need(fit !== "resize-crop" || isSize(resizeTo), "preprocess.resizeTo is missing");
  need(cropFraction > 0 && cropFraction <= 1, "preprocess.cropFraction must lie in 0…1");
  need(isTriple(mean) && isTriple(scale), "preprocess.mean and scale must be three numbers each");
  need(COLOR.test(background), `preprocess.background is '${background}', not #rrggbb`);
  need(COLOR.test(pad), `preprocess.pad is '${pad}', not #rrggbb`);
  return {
    width,
    height,
    fit: fits[fit],
    filter: filters[filter],
    resizeTo,
    cropFraction,
    mean,
    scale,
    channelsFirst: layout === "nchw",
    channels: orders[order],
    pad: parseInt(pad.slice(1), 16),
    background: parseInt(background.slice(1), 16),
  };
}

/**
 * The port that metadata means: the named one, or the only one.
 * @param {readonly Port[]} ports
 * @param {string | undefined} name
 * @param {string} key where the metadata names it
 */
export function portNamed(ports, name, key) {
  const index =
    name === undefined && ports.length === 1 ? 0 : ports.findIndex((p) => p.name === name);
  const names = ports.map((port) => `'${port.name}'`).join(", ");
  need(
    index >= 0,
    `${key} is ${name === undefined ? "missing" : `'${name}'`}, the model has ${names}`,
  );
  return index;
}
