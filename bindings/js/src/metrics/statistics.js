// SPDX-License-Identifier: Apache-2.0
// Reads the statistics in a model's metadata, which are data from anywhere: what cannot be used is said in a
// sentence, and nothing is compared with it.
import { MOST_CHANNELS, QUANTITIES } from "./look.js";
import { TENTHS } from "./histogram.js";

/** @typedef {import("../../mite.d.ts").Statistics} Statistics */

const MOST_BINS = 64;
const MOST_EXAMPLES = 1e9;

/** @type {(value: unknown, least?: number, most?: number) => value is number} */
const isNumber = (value, least = -Number.MAX_VALUE, most = Number.MAX_VALUE) =>
  typeof value === "number" && value >= least && value <= most;

/** @type {(value: unknown) => value is Record<string, any>} */
const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/** @type {(value: unknown, most: number) => value is any[]} */
const isList = (value, most) => Array.isArray(value) && value.length <= most;

/** What is wrong, for a sentence. */
class Unusable extends Error {}

/** @type {(holds: boolean, what: string) => asserts holds} */
function need(holds, what) {
  if (!holds) throw new Unusable(what);
}

/**
 * @param {unknown} channel
 * @param {string} where
 */
function checkChannel(channel, where) {
  need(isObject(channel), `${where} is no object`);
  const { mean, std, min, max, spread, edges, shares, likeness = 0, chance = 0 } = channel;
  need([mean, min, max].every((x) => isNumber(x)) && min <= max, `${where} has no mean, min and max`);
  need([std, spread, chance].every((x) => isNumber(x, 0)), `${where}.std, spread and chance must be 0 or more`);
  need(isNumber(likeness), `${where}.likeness is no number`);
  need(isList(edges, MOST_BINS - 1) && edges.every((x) => isNumber(x)), `${where}.edges are no list of numbers`);
  need(edges.every((x, i) => !i || edges[i - 1] < x), `${where}.edges must rise`);
  const fits = isList(shares, MOST_BINS) && shares.length === edges.length + 1;
  need(fits && shares.every((x) => isNumber(x, 0, 1)), `${where}.shares must be ${edges.length + 1} numbers in 0…1`);
  const sum = shares.reduce((a, b) => a + b, 0);
  need(Math.abs(sum - 1) < 0.01, `${where}.shares add up to ${sum}, not 1`);
}

/**
 * @param {Record<string, any>} statistics
 * @param {readonly import("../../mite.d.ts").Port[]} ports
 */
function checkStatistics({ examples, inputs = {}, confidence }, ports) {
  const isCount = Number.isInteger(examples) && isNumber(examples, 1, MOST_EXAMPLES);
  need(isCount, "examples is not how many there were");
  need(isObject(inputs), "inputs is no object");
  const named = new Map(ports.map((port) => [port.name, port]));
  for (const [name, input] of Object.entries(inputs)) {
    const port = named.get(name);
    need(port !== undefined, `the model has no input '${name}'`);
    need(QUANTITIES.includes(port.dtype), `input '${name}' has type ${port.dtype}`);
    need(isObject(input), `inputs.${name} is no object`);
    const { axis, channels } = input;
    const count = axis === -1 ? 1 : port.shape[axis];
    need(Number.isInteger(axis) && count !== undefined, `inputs.${name}.axis is no dimension`);
    need(
      isList(channels, MOST_CHANNELS) && channels.length > 0 && (channels.length === count || count < 0),
      `inputs.${name}.channels do not fit the shape [${port.shape}]`,
    );
    channels.forEach((channel, i) => checkChannel(channel, `inputs.${name}.channels[${i}]`));
  }
  if (confidence === undefined) return;
  need(isObject(confidence), "confidence is no object");
  const { mean, std, counts } = confidence;
  need(isNumber(mean, 0, 1) && isNumber(std, 0, 1), "confidence.mean and std must lie in 0…1");
  const fits = isList(counts, TENTHS.length) && counts.length === TENTHS.length;
  const areCounts = fits && counts.every((n) => Number.isInteger(n) && isNumber(n, 0, MOST_EXAMPLES));
  need(areCounts && counts.some((n) => n > 0), "confidence.counts must be ten counts");
}

/**
 * @param {Pick<import("../../mite.d.ts").Model, "metadata" | "inputs">} model
 * @returns {{ statistics: Statistics } | { reason: string }}
 */
export function readStatistics({ metadata, inputs }) {
  const { statistics } = metadata;
  if (statistics === undefined) {
    return { reason: "the model has no statistics to compare with; convert it with --calibrate or --statistics" };
  }
  try {
    need(isObject(statistics), "it is no object");
    checkStatistics(statistics, inputs);
    return { statistics };
  } catch (error) {
    if (!(error instanceof Unusable)) throw error;
    return { reason: `the model's metadata.statistics cannot be used: ${error.message}; convert it again` };
  }
}
