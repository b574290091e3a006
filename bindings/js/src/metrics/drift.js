// SPDX-License-Identifier: Apache-2.0
// Whether what the model is given, and how sure it is, still looks like what it was calibrated with. The last
// runs are compared, not all: two stretches of a fixed length; the older is let go when the newer is full.
import { TENTHS, bucketOf } from "./histogram.js";
import { Look, lookAt, planFor, stabilityIndex } from "./look.js";

/** @typedef {import("../../metrics.d.ts").ChannelDrift} ChannelDrift */
/** @typedef {import("../../metrics.d.ts").DriftLevel} DriftLevel */
/** @typedef {import("../../mite.d.ts").Port} Port */
/** @typedef {import("../../mite.d.ts").Statistics} Statistics */
/** @typedef {import("../sample.js").Sample} Sample */

const LENGTH = 1000;

/** From where on a figure means some drift, and much of it. docs/monitoring.md tells whose they are. */
export const LIMITS = { psi: [0.1, 0.25], difference: [0.2, 0.5], likeness: [0.15, 0.3] };

/** Of what is expected by chance: so many times are allowed for. */
const ALLOWED = 2;

/** @type {readonly DriftLevel[]} In rising order; what is not known says nothing. */
const LEVELS = ["unknown", "none", "some", "much"];

/** @param {readonly DriftLevel[]} levels */
const worst = (levels) => LEVELS[Math.max(0, ...levels.map((level) => LEVELS.indexOf(level)))];

/**
 * @param {number} figure
 * @param {readonly number[]} limits
 * @returns {DriftLevel}
 */
const judged = (figure, [some, much]) => (figure > much ? "much" : figure > some ? "some" : "none");

/** What was seen in a stretch of runs. */
class Stretch {
  runs = 0;
  /** @type {Map<string, Look[]>} */
  inputs = new Map();
  tops = { count: 0, sum: 0, counts: TENTHS.map(() => 0) };

  /** @param {Statistics} statistics */
  constructor({ inputs = {} }) {
    for (const [name, { channels }] of Object.entries(inputs)) {
      this.inputs.set(name, channels.map(({ edges }) => new Look(edges)));
    }
  }
}

export class Drift {
  #statistics;
  #ports;
  /** @type {(readonly number[])[]} Of the last inputs. */
  #shapes;
  #now;
  /** @type {Stretch | undefined} */
  #before;

  /**
   * @param {Statistics} statistics checked
   * @param {readonly Port[]} ports
   */
  constructor(statistics, ports) {
    this.#statistics = statistics;
    this.#ports = ports;
    this.#shapes = ports.map(({ shape }) => shape);
    this.#now = new Stretch(statistics);
  }

  /** @returns {import("../sample.js").SamplePlan[] | undefined} */
  plans() {
    const { inputs = {} } = this.#statistics;
    if (!Object.keys(inputs).length) return undefined;
    return this.#ports.map(({ name }, i) => {
      return Object.hasOwn(inputs, name) ? planFor(this.#shapes[i], inputs[name].axis) : { step: 0, lag: 0 };
    });
  }

  /** @param {readonly (Sample | 0)[]} samples one an input */
  addInputs(samples) {
    samples.forEach((sample, i) => {
      const { name, quantization } = this.#ports[i];
      const looks = this.#now.inputs.get(name);
      if (!sample || !looks) return;
      this.#shapes[i] = sample.shape;
      lookAt(looks, sample, this.#statistics.inputs?.[name]?.axis ?? -1, quantization);
    });
    this.#now.runs++;
    this.#turn();
  }

  /** @param {number} top */
  addTop(top) {
    const { tops } = this.#now;
    tops.count++;
    tops.sum += top;
    tops.counts[Math.min(bucketOf(TENTHS, top), TENTHS.length - 1)]++;
    this.#turn();
  }

  #turn() {
    if (Math.max(this.#now.runs, this.#now.tops.count) < LENGTH) return;
    this.#before = this.#now;
    this.#now = new Stretch(this.#statistics);
  }

  #seen() {
    const seen = new Stretch(this.#statistics);
    for (const stretch of [this.#before, this.#now]) {
      if (!stretch) continue;
      seen.runs += stretch.runs;
      for (const [name, looks] of seen.inputs) {
        looks.forEach((look, i) => look.merge(/** @type {Look[]} */ (stretch.inputs.get(name))[i]));
      }
      seen.tops.count += stretch.tops.count;
      seen.tops.sum += stretch.tops.sum;
      stretch.tops.counts.forEach((n, i) => (seen.tops.counts[i] += n));
    }
    return seen;
  }

  /**
   * @param {number} least runs before anything is said
   * @returns {import("../../metrics.d.ts").DriftData}
   */
  read(least) {
    const { examples, inputs: known = {} } = this.#statistics;
    const { runs, inputs: seen, tops } = this.#seen();
    const inputs = Object.fromEntries(
      Object.entries(known).map(([name, { channels }]) => {
        const looks = /** @type {Look[]} */ (seen.get(name));
        const told = channels.map((channel, i) => channelDrift(channel, examples, looks[i], runs, least));
        return [name, { level: worst(told.map(({ level }) => level)), channels: told }];
      }),
    );
    const confidence = this.#confidence(tops, least);
    const levels = [...Object.values(inputs), ...(confidence ? [confidence] : [])].map(({ level }) => level);
    const level = worst(levels);
    return {
      level,
      runs,
      examples,
      inputs,
      ...(confidence && { confidence }),
      ...(level === "unknown" && { reason: `${least} runs are needed to say anything; ${runs} were looked at` }),
    };
  }

  /**
   * Every run is an observation of its own here, so that what chance makes of it is known.
   * @param {Stretch["tops"]} tops
   * @param {number} least
   * @returns {import("../../metrics.d.ts").ConfidenceDrift | undefined}
   */
  #confidence({ count, sum, counts }, least) {
    const { confidence } = this.#statistics;
    if (!confidence) return undefined;
    const expected = { mean: confidence.mean, std: confidence.std };
    if (count < least) return { level: "unknown", runs: count, expected };
    const examples = confidence.counts.reduce((a, b) => a + b, 0);
    const few = 1 / count + 1 / examples;
    const psi = stabilityIndex(counts, count, confidence.counts, examples);
    const chance = (counts.length - 1) * few;
    const mean = sum / count;
    const difference = confidence.std ? (mean - confidence.mean) / confidence.std : 0;
    const level = worst([
      judged(psi - ALLOWED * chance, LIMITS.psi),
      judged(Math.abs(difference) - ALLOWED * Math.sqrt(few), LIMITS.difference),
    ]);
    return { level, runs: count, expected, mean, psi, chance, difference };
  }
}

/**
 * Numbers of one run belong together, so that few runs differ from others by chance: how much, calibration has
 * measured between the examples.
 * @param {import("../../mite.d.ts").ChannelStatistics} known
 * @param {number} examples
 * @param {Look} look
 * @param {number} runs
 * @param {number} least
 * @returns {ChannelDrift}
 */
function channelDrift(known, examples, look, runs, least) {
  const { mean, std, spread, edges, shares } = known;
  const expected = { mean, std, min: known.min, max: known.max };
  if (runs < least || !look.count) return { level: "unknown", expected, notFinite: look.notFinite };
  const few = 1 / runs + 1 / examples;
  const psi = stabilityIndex(look.counts, runs, shares, examples);
  const chance = (known.chance ?? edges.length) * few;
  // Where nothing varied, anything else is beyond measure; a millionth of the mean stands for the deviation.
  const unit = std || Math.abs(mean) * 1e-6 || 1e-6;
  const difference = (look.mean - mean) / unit;
  const likeness = look.likeness;
  const levels = [
    judged(psi - ALLOWED * chance, LIMITS.psi),
    judged(Math.abs(difference) - ALLOWED * (spread / unit) * Math.sqrt(few), LIMITS.difference),
  ];
  if (known.likeness !== undefined && likeness !== undefined) {
    levels.push(judged(Math.abs(likeness - known.likeness), LIMITS.likeness));
  }
  return {
    level: worst(levels),
    expected: { ...expected, ...(known.likeness !== undefined && { likeness: known.likeness }) },
    mean: look.mean,
    std: look.deviation,
    min: look.min,
    max: look.max,
    psi,
    chance,
    difference,
    ...(likeness !== undefined && { likeness }),
    notFinite: look.notFinite,
  };
}
