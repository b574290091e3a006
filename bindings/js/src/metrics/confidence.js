// SPDX-License-Identifier: Apache-2.0
// How sure a classifier is: the probability of its likeliest class.

/** @typedef {import("../../mite.d.ts").Port} Port */
/** @typedef {{ index: number, port: Port, kind: "logits" | "probabilities" }} Classes */

/**
 * Where the classes are, if the model says so.
 * @param {Pick<import("../../mite.d.ts").Model, "outputs" | "metadata">} model
 * @returns {Classes | undefined}
 */
export function classesOf({ outputs, metadata: { postprocess } }) {
  const kind = postprocess?.kind;
  if (kind !== "logits" && kind !== "probabilities") return undefined;
  const name = postprocess?.output;
  const isOnly = name === undefined && outputs.length === 1;
  const index = isOnly ? 0 : outputs.findIndex((port) => port.name === name);
  return index < 0 ? undefined : { index, port: outputs[index], kind };
}

/**
 * @param {import("../../mite.d.ts").Data} data one number a class
 * @param {Port} port
 * @param {Classes["kind"]} kind
 */
export function topProbability(data, { quantization }, kind) {
  const { scale, zeroPoint } = quantization ?? { scale: 1, zeroPoint: 0 };
  let most = -Infinity;
  for (let i = 0; i < data.length; i++) most = Math.max(most, scale * (Number(data[i]) - zeroPoint));
  if (kind === "probabilities") return most;
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += Math.exp(scale * (Number(data[i]) - zeroPoint) - most);
  return 1 / sum;
}
