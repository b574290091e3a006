// SPDX-License-Identifier: Apache-2.0
// Asks a visitor's image classifier why. Its file says nothing of pictures and classes, so the page says it in
// its place; a class map is added by converting the file once more, the first time it is wanted.
import { load } from "/mite/dist/index.js";
import { makeInWorker } from "./convert-here.js";
import { normalisations } from "./own-inputs.js";

/** @typedef {import("../../bindings/js/mite.d.ts").Model} Model */
/** @typedef {import("../../bindings/js/mite.d.ts").Port} Port */
/** @typedef {import("../../bindings/js/mite.d.ts").Preprocess} Preprocess */
/** @typedef {import("./convert-worker.js").ModelFiles} ModelFiles */

/**
 * Whether the outputs look like one number a class.
 * @param {readonly Port[]} ports
 */
export function givesClasses([port, ...others]) {
  const sizes = port?.shape ?? [];
  return !others.length && (sizes.at(-1) ?? 0) > 1 && sizes.slice(0, -1).every((size) => Math.abs(size) === 1);
}

/**
 * What the normalisation that the visitor chose is to mite.
 * @param {import("./own-inputs.js").Axes} axes
 * @param {readonly number[]} shape with nothing open
 * @param {string} normalisation
 * @returns {Preprocess}
 */
export function preprocessOf({ at, channels, height, width }, shape, normalisation) {
  const { mean, deviation } = normalisations[normalisation];
  /** @typedef {[number, number, number]} Colours */
  return {
    width: shape[width],
    height: shape[height],
    mean: /** @type {Colours} */ ([...mean]),
    scale: /** @type {Colours} */ (deviation.map((each) => 1 / each)),
    layout: at === 1 ? "nchw" : "nhwc",
    order: channels === 1 ? "gray" : "rgb",
  };
}

/**
 * The model as `mite/explain` needs it: with what its numbers mean.
 * @param {Model} model
 * @param {string} output
 * @param {readonly number[]} numbers that it gave
 * @returns {Model}
 */
export function asClassifier(model, output, numbers) {
  const sum = numbers.reduce((a, b) => a + b, 0);
  const shares = numbers.every((x) => x >= 0 && x <= 1) && Math.abs(sum - 1) < 0.05;
  const postprocess = { kind: shares ? "probabilities" : "logits", output };
  const { outputs } = model;
  return /** @type {any} */ ({
    outputs,
    metadata: { ...model.metadata, postprocess },
    holdImage: model.holdImage.bind(model),
    runImage: model.runImage.bind(model),
  });
}

/**
 * The same network with a class map; undefined if it does not end in pooling and one layer.
 * @param {ModelFiles} files
 * @param {AbortSignal} signal
 */
export async function withClassMap(files, signal) {
  try {
    const made = await makeInWorker({ ...files, classMap: true }, signal);
    return await load(made.file, { signal });
  } catch {
    return undefined; // occlusion explains any network
  }
}
