// SPDX-License-Identifier: Apache-2.0
// The probabilities that a classifier gives, for explanations by what changes them.
import { MiteError } from "../errors.js";
import { portNamed } from "../metadata.js";
import { probabilitiesOf } from "../model.js";

/** @typedef {import("../../mite.d.ts").HeldImage} HeldImage */
/** @typedef {import("../../mite.d.ts").Mask} Mask */
/** @typedef {import("../../mite.d.ts").Model} Model */
/** @typedef {import("../../mite.d.ts").Tensor} Tensor */
/** @typedef {(outputs: Readonly<Record<string, Tensor>>) => Float64Array} ScoresOf */

/**
 * @param {Model} model
 * @returns {{ output: string, scoresOf: ScoresOf }}
 */
export function scorer({ metadata: { postprocess }, outputs }) {
  if (postprocess?.kind !== "logits" && postprocess?.kind !== "probabilities") {
    throw new MiteError(
      "unsupported",
      "this model does not say how it classifies pictures (metadata.postprocess), so its answers cannot be explained",
    );
  }
  const port = outputs[portNamed(outputs, postprocess.output, "postprocess.output")];
  return {
    output: port.name,
    scoresOf: (all) => probabilitiesOf(all[port.name].data, port, postprocess.kind),
  };
}

/**
 * @param {HeldImage} held
 * @param {{ output: string, scoresOf: ScoresOf, signal?: AbortSignal }} options
 */
export function maskedScores(held, { output, scoresOf, signal }) {
  return async (/** @type {Mask} */ mask) => {
    const { outputs } = await held.run(mask, { outputs: [output], signal });
    return scoresOf(outputs);
  };
}
