// SPDX-License-Identifier: Apache-2.0
// What is learnt of the numbers in one channel of an input: at calibration, and in the page.
import { bucketOf } from "./histogram.js";

/** Elements that are looked at in one run of one input, or a few less. */
const MOST = 2048;
/** Inputs with more channels are looked at as one. */
export const MOST_CHANNELS = 16;
/** Element types whose numbers are quantities. */
export const QUANTITIES = ["f32", "f64", "u8", "i8", "i16", "u16"];

/** Numbers of one channel as they come; two looks can be made one. */
export class Look {
  count = 0;
  mean = 0;
  /** Sum of squared differences from the mean. */
  squares = 0;
  min = Infinity;
  max = -Infinity;
  /** Neighbours that were compared, and the sum of their squared differences. */
  pairs = 0;
  roughness = 0;
  /** NaN and infinities. */
  notFinite = 0;

  /** @param {readonly number[]} edges of the histogram's bins */
  constructor(edges) {
    this.edges = edges;
    this.counts = new Float64Array(edges.length + 1);
  }

  /**
   * Welford 1962, Note on a method for calculating corrected sums of squares and products.
   * @param {number} x
   * @param {number} next its neighbour; NaN: it has none
   */
  add(x, next) {
    if (!Number.isFinite(x)) {
      this.notFinite++;
      return;
    }
    this.count++;
    const from = x - this.mean;
    this.mean += from / this.count;
    this.squares += from * (x - this.mean);
    if (x < this.min) this.min = x;
    if (x > this.max) this.max = x;
    this.counts[bucketOf(this.edges, x)]++;
    if (Number.isFinite(next)) {
      this.pairs++;
      this.roughness += (next - x) ** 2;
    }
  }

  /**
   * Chan, Golub and LeVeque 1979, Updating formulae and a pairwise algorithm for computing sample variances.
   * @param {Look} other
   */
  merge(other) {
    const count = this.count + other.count;
    if (other.count) {
      const apart = other.mean - this.mean;
      this.mean += (apart * other.count) / count;
      this.squares += other.squares + (apart ** 2 * this.count * other.count) / count;
    }
    this.count = count;
    this.min = Math.min(this.min, other.min);
    this.max = Math.max(this.max, other.max);
    this.counts.forEach((n, i) => (this.counts[i] = n + other.counts[i]));
    this.pairs += other.pairs;
    this.roughness += other.roughness;
    this.notFinite += other.notFinite;
    return this;
  }

  /** Of the whole population. */
  get deviation() {
    return Math.sqrt(this.squares / Math.max(1, this.count));
  }

  /**
   * How alike neighbours are: 1 where they are equal, 0 where they have nothing to do with each other (the
   * correlation of x and the next, for numbers that are distributed alike); undefined where nothing varies.
   */
  get likeness() {
    const variance = this.squares / Math.max(1, this.count);
    if (!this.pairs || !(variance > 0)) return undefined;
    return 1 - this.roughness / this.pairs / (2 * variance);
  }
}

/**
 * How an input is looked at: pictures channel by channel, others by their last dimension where it is short.
 * @param {import("../../mite.d.ts").Port} port
 * @param {import("../../mite.d.ts").Preprocess} [preprocess]
 */
export function axisOf({ shape }, preprocess) {
  const isFew = (/** @type {number} */ size) => size >= 1 && size <= 4;
  const { layout } = preprocess ?? {};
  const first = shape.length === 4 && isFew(shape[1]) && (layout ? layout === "nchw" : !isFew(shape[3]));
  const axis = first ? 1 : shape.length - 1;
  return shape[axis] >= 1 && shape[axis] <= MOST_CHANNELS ? axis : -1;
}

/**
 * @param {readonly number[]} shape
 * @param {number} axis -1: one channel
 * @returns {{ inner: number, lag: number }} elements from channel to channel, from a number to its neighbour
 */
function steps(shape, axis) {
  if (axis < 0) return { inner: 1, lag: 1 };
  const inner = shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  return { inner, lag: inner === 1 ? shape[axis] : 1 };
}

/**
 * The step has no divisor in common with the element count, so none with a dimension: rows, columns and
 * channels are all met alike. Of a shape with open sizes it is a guess.
 * @param {readonly number[]} shape
 * @param {number} axis
 * @returns {import("../sample.js").SamplePlan}
 */
export function planFor(shape, axis) {
  const count = Math.abs(shape.reduce((product, size) => product * size, 1));
  let step = Math.ceil(count / MOST) || 1;
  while (divisor(step, count) > 1) step++;
  return { step, lag: steps(shape, axis).lag };
}

/** @type {(a: number, b: number) => number} */
const divisor = (a, b) => (b ? divisor(b, a % b) : a);

/**
 * @param {readonly Look[]} looks one a channel
 * @param {import("../sample.js").Sample} sample
 * @param {number} axis
 * @param {import("../../mite.d.ts").Port["quantization"]} [quantization]
 */
export function lookAt(looks, { pairs, step, shape }, axis, quantization) {
  const { scale, zeroPoint } = quantization ?? { scale: 1, zeroPoint: 0 };
  const { inner } = steps(shape, axis);
  for (let i = 0; i < pairs.length; i += 2) {
    const channel = looks.length > 1 ? Math.floor(((i / 2) * step) / inner) % looks.length : 0;
    looks[channel].add(scale * (pairs[i] - zeroPoint), scale * (pairs[i + 1] - zeroPoint));
  }
}

/**
 * Population stability index: sum over bins of (p - q) · ln(p / q). Half an observation is added to every bin,
 * so that one that is empty by chance does not make it infinite.
 * @param {ArrayLike<number>} p counts, or shares
 * @param {number} observations that they come from: of pictures, each picture is one
 * @param {ArrayLike<number>} q
 * @param {number} others
 */
export function stabilityIndex(p, observations, q, others) {
  const bins = p.length;
  const sums = [p, q].map((counts) => Array.from(counts).reduce((a, b) => a + b, 0) || 1);
  let index = 0;
  for (let i = 0; i < bins; i++) {
    const a = ((p[i] / sums[0]) * observations + 0.5) / (observations + 0.5 * bins);
    const b = ((q[i] / sums[1]) * others + 0.5) / (others + 0.5 * bins);
    index += (a - b) * Math.log(a / b);
  }
  return index;
}
