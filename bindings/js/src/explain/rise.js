// SPDX-License-Identifier: Apache-2.0
// RISE (Petsiuk et al. 2018): the mean of many random, smooth masks, weighted by how likely the class is
// when only what the mask leaves is seen.
import { maskWeights } from "../mask.js";

/** @typedef {import("../../explain.d.ts").ExplainOptions} ExplainOptions */
/** @typedef {import("../../mite.d.ts").Mask} Mask */

/**
 * @typedef {object} Plan
 * @property {number} width of the map
 * @property {number} height
 * @property {(whole: number, score: (mask: Mask) => Promise<number>) =>
 *   AsyncGenerator<{ values: Float32Array, done: number }>} rounds whole: the score of the picture as it is
 */

const CELLS = 7;
const MASKS = 400;
const KEPT = 0.5;
const MAP = 28;

/**
 * @param {import("../../mite.d.ts").HeldImage} _held
 * @param {ExplainOptions} options
 * @returns {Plan}
 */
export function rise(_held, { masks = MASKS, grid = CELLS, seed = 1 }) {
  const random = generator(seed);
  return {
    width: MAP,
    height: MAP,
    async *rounds(_whole, score) {
      const sums = new Float64Array(MAP * MAP);
      const weights = new Float64Array(MAP * MAP);
      for (let done = 1; done <= masks; done++) {
        const side = grid + 1; // one more than is seen, to be shifted by a part of a cell
        const cells = Float32Array.from({ length: side * side }, () => Number(random() < KEPT));
        const [shiftX, shiftY] = [random(), random()];
        const mask = { width: side, height: side, values: cells, smooth: true, shiftX, shiftY, seen: grid };
        const weight = await score(mask);
        const seen = maskWeights(mask, MAP, MAP);
        for (let i = 0; i < MAP * MAP; i++) {
          sums[i] += weight * seen[i];
          weights[i] += seen[i];
        }
        const values = Float32Array.from(sums, (sum, i) => (weights[i] ? sum / weights[i] : 0));
        yield { values, done: done / masks };
      }
    },
  };
}

/**
 * Marsaglia's xorshift32, so that one seed gives one map.
 * @param {number} seed
 */
function generator(seed) {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
}
