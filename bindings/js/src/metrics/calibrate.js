// SPDX-License-Identifier: Apache-2.0
// The statistics that a converter stores: what the numbers of examples look like, and how sure the model is of
// them. docs/metadata.md defines them.
import { sampleOf } from "../sample.js";
import { generator } from "../self-test.js";
import { TENTHS, bucketOf } from "./histogram.js";
import { Look, QUANTITIES, axisOf, lookAt, planFor, stabilityIndex } from "./look.js";

/** @typedef {import("../../mite.d.ts").ChannelStatistics} ChannelStatistics */
/** @typedef {import("../../mite.d.ts").Port} Port */
/** @typedef {import("../engine.js").Elements} Elements */
/** @typedef {import("../sample.js").Sample} Sample */

const BINS = 10;
const HALVINGS = 64;
/** Fewer cannot tell how much they differ by chance. */
const FEWEST_HALVED = 4;

/** @param {number} x */
const short = (x) => Number(x.toPrecision(6));

/**
 * @param {readonly Port[]} ports
 * @param {readonly (readonly Elements[])[]} examples each with a tensor for every input
 * @param {import("../../mite.d.ts").Metadata} metadata
 */
export function inputStatistics(ports, examples, { preprocess }) {
  /** @type {Record<string, import("../../mite.d.ts").InputStatistics>} */
  const inputs = {};
  for (const [k, port] of ports.entries()) {
    if (!QUANTITIES.includes(port.dtype)) continue;
    const axis = axisOf(port, preprocess);
    const samples = examples.map((tensors) => sampleOf(tensors[k], planFor(tensors[k].shape, axis)));
    const channels = channelsOf(samples, axis, port);
    if (channels.every(({ mean, std }) => Number.isFinite(mean + std))) inputs[port.name] = { axis, channels };
  }
  return inputs;
}

/**
 * @param {readonly Sample[]} samples one an example
 * @param {number} axis
 * @param {Port} port
 * @returns {ChannelStatistics[]}
 */
function channelsOf(samples, axis, { shape, quantization }) {
  const count = axis < 0 ? 1 : shape[axis];
  /** @type {number[][]} */
  const values = Array.from({ length: count }, () => []);
  for (const sample of samples) {
    const collect = values.map((list) => ({ add: (/** @type {number} */ x) => list.push(x) }));
    lookAt(/** @type {any} */ (collect), sample, axis, quantization);
  }
  const edges = values.map(edgesOf);
  const looks = samples.map((sample) => {
    const own = edges.map((bins) => new Look(bins));
    lookAt(own, sample, axis, quantization);
    return own;
  });
  return edges.map((bins, channel) => statisticsOf(looks.map((own) => own[channel]), bins));
}

/**
 * Inner edges of bins that hold a tenth each, as far as equal numbers let them; midway between two numbers, so
 * that rounding moves none across.
 * @param {number[]} values
 */
function edgesOf(values) {
  const sorted = Float64Array.from(values.filter(Number.isFinite)).sort();
  const edges = new Set();
  for (let bin = 1; bin < BINS; bin++) {
    const at = sorted[Math.floor((bin * sorted.length) / BINS)];
    const next = sorted[bucketOf(/** @type {any} */ (sorted), at) + sorted.filter((x) => x === at).length];
    if (next !== undefined) edges.add(short((at + next) / 2));
  }
  return /** @type {number[]} */ ([...edges]).sort((a, b) => a - b);
}

/**
 * @param {readonly Look[]} looks at the examples
 * @param {number[]} edges
 * @returns {ChannelStatistics}
 */
function statisticsOf(looks, edges) {
  const all = looks.reduce((sum, look) => sum.merge(look), new Look(edges));
  const means = looks.filter(({ count }) => count).map(({ mean }) => mean);
  const middle = means.reduce((a, b) => a + b, 0) / Math.max(1, means.length);
  const apart = means.reduce((sum, x) => sum + (x - middle) ** 2, 0);
  const spread = Math.sqrt(apart / Math.max(1, means.length - 1));
  const chance = chanceOf(looks, edges);
  return {
    mean: short(all.mean),
    std: short(all.deviation),
    min: short(all.min),
    max: short(all.max),
    spread: short(spread),
    edges,
    shares: [...all.counts].map((n) => short(n / Math.max(1, all.count))),
    ...(all.likeness !== undefined && { likeness: short(all.likeness) }),
    ...(chance !== undefined && { chance: short(chance) }),
  };
}

/**
 * How large the stability index comes out between examples of one kind: c, where c · (1/n + 1/m) is to be
 * expected between n and m of them. From random halves of the examples.
 * @param {readonly Look[]} looks
 * @param {number[]} edges
 */
function chanceOf(looks, edges) {
  if (looks.length < FEWEST_HALVED) return undefined;
  const next = generator(1);
  let sum = 0;
  for (let round = 0; round < HALVINGS; round++) {
    const order = looks.map((look) => ({ look, at: next() })).sort((a, b) => a.at - b.at);
    const half = looks.length >> 1;
    const [a, b] = [order.slice(0, half), order.slice(half)].map((part) => {
      return part.reduce((both, { look }) => both.merge(look), new Look(edges)).counts;
    });
    sum += stabilityIndex(a, half, b, looks.length - half) / (1 / half + 1 / (looks.length - half));
  }
  return sum / HALVINGS;
}

/**
 * @param {readonly number[]} tops the likeliest class's probability, one an example
 * @returns {import("../../mite.d.ts").ConfidenceStatistics}
 */
export function confidenceStatistics(tops) {
  const counts = TENTHS.map(() => 0);
  for (const top of tops) counts[Math.min(bucketOf(TENTHS, top), TENTHS.length - 1)]++;
  const mean = tops.reduce((a, b) => a + b, 0) / tops.length;
  const std = Math.sqrt(tops.reduce((sum, x) => sum + (x - mean) ** 2, 0) / tops.length);
  return { mean: Number(mean.toPrecision(4)), std: Number(std.toPrecision(4)), counts };
}
