// SPDX-License-Identifier: Apache-2.0
// What an explanation found, as numbers, as pixels and in words. ../../explain.d.ts documents it.
import { samples } from "../image/samples.js";

/** @typedef {import("../../mite.d.ts").SeenPicture} SeenPicture */

/** Colors at 0, 1/4, … 1, from one that the eye passes over to one that it does not. */
const COLORS = [
  [0, 0, 80],
  [90, 0, 130],
  [200, 40, 90],
  [250, 140, 20],
  [255, 240, 90],
];
const ROWS = ["upper", "", "lower"];
const COLUMNS = ["left", "", "right"];
/** The share of all weight that one ninth of the picture must have to be named. */
const NAMED = 0.3;

export class HeatMap {
  /**
   * @param {object} parts
   * @param {Float32Array} parts.values
   * @param {number} parts.width
   * @param {number} parts.height
   * @param {string} parts.label
   * @param {number} parts.index
   * @param {"class-map" | "occlusion" | "rise"} parts.method
   * @param {SeenPicture} parts.picture
   * @param {number} parts.done
   */
  constructor({ values, width, height, label, index, method, picture, done }) {
    this.values = values;
    this.width = width;
    this.height = height;
    this.label = label;
    this.index = index;
    this.method = method;
    this.picture = picture;
    this.done = done;
  }

  /** In 0…1: what speaks against the class, and of RISE what any mask gives, is 0. */
  get strengths() {
    const least = this.method === "rise" ? this.values.reduce((a, b) => Math.min(a, b), Infinity) : 0;
    const most = this.values.reduce((a, b) => Math.max(a, b), least);
    return this.values.map((x) => (most > least ? Math.max(x - least, 0) / (most - least) : 0));
  }

  /** In pixels of the picture. */
  get peak() {
    const { region } = this.picture;
    const at = this.values.indexOf(this.values.reduce((a, b) => Math.max(a, b), -Infinity));
    return {
      x: region.x + (((at % this.width) + 0.5) / this.width) * region.width,
      y: region.y + ((Math.floor(at / this.width) + 0.5) / this.height) * region.height,
    };
  }

  get sentence() {
    const parts = this.#ninths();
    const whole = parts.reduce((a, b) => a + b, 0);
    if (!whole) return `nothing in particular speaks for ${this.label}`;
    const best = parts.indexOf(Math.max(...parts));
    const share = parts[best] / whole;
    if (share < NAMED) return `${this.label}: spread over the picture, most in ${nameOf(best)}`;
    return `${this.label}: mostly ${nameOf(best)}`;
  }

  /** The weight of each ninth of what the model saw: squares, so that a faint haze counts little. */
  #ninths() {
    const parts = Array(9).fill(0);
    this.strengths.forEach((strength, i) => {
      const column = Math.floor((((i % this.width) + 0.5) / this.width) * 3);
      const row = Math.floor(((Math.floor(i / this.width) + 0.5) / this.height) * 3);
      parts[3 * row + column] += strength ** 2;
    });
    return parts;
  }

  /**
   * RGBA; outside of what the model saw all is transparent.
   * @param {{ width?: number, height?: number, opacity?: number }} [options]
   */
  pixels({ width = this.picture.width, height = this.picture.height, opacity = 0.6 } = {}) {
    const { region } = this.picture;
    const strengths = this.strengths;
    const columns = samples(width, this.picture.width, region.x, region.width, this.width);
    const rows = samples(height, this.picture.height, region.y, region.height, this.height);
    const out = new Uint8ClampedArray(4 * width * height);
    rows.forEach((row, y) => {
      columns.forEach((column, x) => {
        if (!row || !column) return;
        const at = (/** @type {number} */ r) =>
          strengths[r * this.width + column.low] * (1 - column.part) +
          strengths[r * this.width + column.high] * column.part;
        const strength = at(row.low) * (1 - row.part) + at(row.high) * row.part;
        out.set([...colorOf(strength), 255 * opacity], 4 * (y * width + x));
      });
    });
    return out;
  }
}

/** @param {number} part 0 to 8 */
function nameOf(part) {
  const names = [ROWS[Math.floor(part / 3)], COLUMNS[part % 3]].filter(Boolean);
  if (!names.length) return "the centre";
  return `the ${names.join(" ")}${names.length === 1 ? " edge" : ""}`;
}

/** @param {number} strength */
function colorOf(strength) {
  const at = Math.min(Math.max(strength, 0), 1) * (COLORS.length - 1);
  const low = Math.min(Math.floor(at), COLORS.length - 2);
  return COLORS[low].map((from, i) => from + (COLORS[low + 1][i] - from) * (at - low));
}
