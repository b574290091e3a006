// SPDX-License-Identifier: Apache-2.0
// Occlusion (Zeiler and Fergus 2014): how much less likely the class is with a patch of the picture covered.

/** @typedef {import("../../explain.d.ts").ExplainOptions} ExplainOptions */
/** @typedef {import("./rise.js").Plan} Plan */

const GRID = 8;
const PATCH = 2; // cells on a side: patches overlap by half

/**
 * Patches are taken from all over the picture first, so that an early map shows something of every part.
 * @param {import("../../mite.d.ts").HeldImage} _held
 * @param {ExplainOptions} options
 * @returns {Plan}
 */
export function occlusion(_held, { grid = GRID }) {
  const places = Array.from({ length: (grid + PATCH - 1) ** 2 }, (_, i) => i);
  const side = grid + PATCH - 1;
  const order = places.sort((a, b) => scattered(a) - scattered(b));
  return {
    width: grid,
    height: grid,
    async *rounds(whole, score) {
      const sums = new Float32Array(grid * grid);
      const counts = new Float32Array(grid * grid);
      for (const [done, place] of order.entries()) {
        const [left, top] = [(place % side) - PATCH + 1, Math.floor(place / side) - PATCH + 1];
        const cells = covered(left, top, grid);
        const values = new Float32Array(grid * grid).fill(1);
        for (const cell of cells) values[cell] = 0;
        const drop = whole - (await score({ width: grid, height: grid, values, smooth: false }));
        for (const cell of cells) {
          sums[cell] += drop;
          counts[cell]++;
        }
        yield {
          values: sums.map((sum, i) => (counts[i] ? sum / counts[i] : 0)),
          done: (done + 1) / order.length,
        };
      }
    },
  };
}

/**
 * @param {number} left
 * @param {number} top
 * @param {number} grid
 */
function covered(left, top, grid) {
  const cells = [];
  for (let y = Math.max(top, 0); y < Math.min(top + PATCH, grid); y++) {
    for (let x = Math.max(left, 0); x < Math.min(left + PATCH, grid); x++) cells.push(y * grid + x);
  }
  return cells;
}

/** A number of its own for each, in no order that the eye sees: the bits of Knuth's multiplicative hash.
 * @param {number} n */
const scattered = (n) => Math.imul(n + 1, 0x9e3779b1) >>> 0;
