// SPDX-License-Identifier: Apache-2.0
// The class-activation map that the converter has added to a network: exact, from one run.
import { MiteError } from "../errors.js";
import { HeatMap } from "./heat-map.js";
import { scorer } from "./scores.js";

/** @typedef {import("../../explain.d.ts").ExplainOptions} ExplainOptions */

/**
 * @param {import("../../mite.d.ts").Model} model
 * @param {import("../../mite.d.ts").ImageInput} image
 * @param {string | undefined} mapOutput
 * @param {ExplainOptions} options
 * @returns {Promise<HeatMap>}
 */
export async function classMap(model, image, mapOutput, { index: chosen, signal, preprocess, onProgress }) {
  if (!mapOutput) {
    throw new MiteError(
      "unsupported",
      "this model has no class map; convert it with --class-map, or choose another method",
    );
  }
  const { output, scoresOf } = scorer(model);
  const { outputs, picture } = await model.runImage(image, {
    signal,
    preprocess,
    outputs: [output, mapOutput],
  });
  const scores = scoresOf(outputs);
  const index = chosen ?? scores.indexOf(Math.max(...scores));
  const { data, shape } = outputs[mapOutput];
  const [, height, width, classes] = shape;
  if (!(Number.isInteger(index) && index >= 0 && index < classes)) {
    throw new MiteError("argument", `the model has classes 0 to ${classes - 1}, but index is ${index}`);
  }
  const values = Float32Array.from({ length: width * height }, (_, i) => Number(data[i * classes + index]));
  const label = model.metadata.labels?.[index] ?? `class ${index}`;
  const map = new HeatMap({ values, width, height, label, index, method: "class-map", picture, done: 1 });
  onProgress?.(map);
  return map;
}
