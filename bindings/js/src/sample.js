// SPDX-License-Identifier: Apache-2.0
// A look at some of a tensor's elements.

/** Which: every `step`-th (0: none), and how far the neighbour of each lies.
 * @typedef {{ step: number, lag: number }} SamplePlan */

/** Pairs: element i · step, and the one `lag` elements behind it (NaN where there is none).
 * @typedef {{ pairs: Float32Array, step: number, shape: readonly number[] }} Sample */

/**
 * @param {import("./engine.js").Elements} tensor
 * @param {SamplePlan} plan
 * @returns {Sample}
 */
export function sampleOf({ data, shape }, { step, lag }) {
  const pairs = new Float32Array(2 * Math.ceil(data.length / step));
  for (let i = 0, at = 0; at < data.length; at += step) {
    pairs[i++] = Number(data[at]);
    pairs[i++] = Number(data[at + lag]);
  }
  return { pairs, step, shape };
}
