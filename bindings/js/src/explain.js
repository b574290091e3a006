// SPDX-License-Identifier: Apache-2.0
// The entry `mite/explain`; ../explain.d.ts documents it.
import { MiteError } from "./errors.js";
import { classMap } from "./explain/class-map.js";
import { HeatMap } from "./explain/heat-map.js";
import { maskedScores, scorer } from "./explain/scores.js";
import { occlusion } from "./explain/occlusion.js";
import { rise } from "./explain/rise.js";

export { MiteError } from "./errors.js";

/** @typedef {import("../explain.d.ts").ExplainOptions} ExplainOptions */
/** @typedef {import("../mite.d.ts").ImageInput} ImageInput */
/** @typedef {import("../mite.d.ts").Model} Model */

/**
 * @param {Model} model
 * @param {ImageInput} image
 * @param {ExplainOptions} [options]
 * @returns {Promise<HeatMap>}
 */
export async function explain(model, image, options = {}) {
  const { signal, preprocess, onProgress, index: chosen } = options;
  const method = options.method ?? (mapOutput(model) ? "class-map" : "occlusion");
  if (method === "class-map") return classMap(model, image, mapOutput(model), options);
  const plan = method === "occlusion" ? occlusion : method === "rise" ? rise : undefined;
  if (!plan) {
    throw new MiteError("argument", `method is '${method}', not class-map, occlusion or rise`);
  }
  const { output, scoresOf } = scorer(model);
  const held = await model.holdImage(image, { signal, preprocess, outputs: [output] });
  try {
    const scores = scoresOf(held.outputs);
    const index = chosen ?? scores.indexOf(Math.max(...scores));
    const label = labelOf(model, index, scores.length);
    const { width, height, rounds } = plan(held, options);
    /** @param {Float32Array} values @param {number} done 0 to 1 */
    const mapOf = (values, done) =>
      new HeatMap({ values, width, height, label, index, method, picture: held.picture, done });
    const score = maskedScores(held, { output, scoresOf, signal });
    let last = mapOf(new Float32Array(width * height), 0);
    for await (const { values, done } of rounds(scores[index], async (mask) => (await score(mask))[index])) {
      last = mapOf(values, done);
      onProgress?.(last);
    }
    return last;
  } finally {
    held.release();
  }
}

/** @param {Model} model */
function mapOutput({ metadata, outputs }) {
  const name = metadata.explain?.classMap;
  return outputs.find((port) => port.name === name)?.name;
}

/**
 * @param {Model} model
 * @param {number} index
 * @param {number} count
 */
function labelOf({ metadata }, index, count) {
  if (!(Number.isInteger(index) && index >= 0 && index < count)) {
    throw new MiteError("argument", `the model has classes 0 to ${count - 1}, but index is ${index}`);
  }
  return metadata.labels?.[index] ?? `class ${index}`;
}
