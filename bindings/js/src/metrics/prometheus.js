// SPDX-License-Identifier: Apache-2.0
// Metrics as Prometheus reads them: https://prometheus.io/docs/instrumenting/exposition_formats/ (text, 0.0.4).
// Base units (seconds, bytes, ratios), counters end in _total, buckets are cumulative and end with +Inf.
import { MiteError } from "../errors.js";

/** @typedef {import("../../metrics.d.ts").HistogramData} HistogramData */
/** @typedef {import("../../metrics.d.ts").Metrics} Metrics */
/** @typedef {Record<string, string | number>} Labels */
/** @typedef {[suffix: string, labels: Labels, value: number]} Sample */

/** Every family there can be, in this order, each with all its samples. */
const FAMILIES = /** @type {const} */ ({
  mite_model_info: ["gauge", "Always 1: which model runs on what."],
  mite_watched_since_seconds: ["gauge", "When watching began, in seconds since 1970."],
  mite_load_seconds: ["gauge", "What loading the model took, phase by phase."],
  mite_load_bytes: ["gauge", "Bytes of the model's file, by where they came from."],
  mite_memory_bytes: ["gauge", "WebAssembly memory of the model, which is also its peak."],
  mite_arena_bytes: ["gauge", "Of the memory, activations and scratch."],
  mite_runs_total: ["counter", "Runs that gave a result."],
  mite_run_failures_total: ["counter", "Runs that failed, by MiteError's code, or were aborted."],
  mite_runs_apart_total: ["counter", "Runs of self-tests and of pictures with parts covered."],
  mite_run_seconds: ["histogram", "Time in the model."],
  mite_call_seconds: ["histogram", "Time that callers waited: turn, picture, worker, model."],
  mite_pictures_total: ["counter", "Runs that were given a picture."],
  mite_decode_seconds_total: ["counter", "Time from files to pixels."],
  mite_preprocess_seconds_total: ["counter", "Time from pixels to tensors."],
  mite_self_tests_total: ["counter", "Self-tests of the model on this device."],
  mite_self_test_difference: ["gauge", "Largest difference in the last self-test."],
  mite_confidence_ratio: ["histogram", "Probability of the likeliest class."],
  mite_drift_level: ["gauge", "Drift of inputs and answers: -1 unknown, 0 none, 1 some, 2 much."],
  mite_drift_runs: ["gauge", "Runs that the drift of inputs is told from."],
  mite_input_mean: ["gauge", "Mean of an input's numbers."],
  mite_input_stddev: ["gauge", "Standard deviation of an input's numbers."],
  mite_input_drift_psi: ["gauge", "Population stability index of an input against its calibration."],
  mite_input_drift_difference: ["gauge", "Difference of means, in standard deviations."],
  mite_input_likeness: ["gauge", "Correlation of neighbours in an input."],
  mite_input_not_finite: ["gauge", "NaN and infinities seen in an input."],
  mite_confidence_drift_psi: ["gauge", "Population stability index of the confidence."],
  mite_confidence_drift_difference: ["gauge", "Difference of mean confidences, in standard deviations."],
});

/** @typedef {keyof typeof FAMILIES} Family */

const LEVELS = { unknown: -1, none: 0, some: 1, much: 2 };
const LABEL = /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/;
const OWN_LABELS = [
  ...["le", "phase", "from", "code", "result", "input", "channel"],
  ...["mite", "build", "isa", "module", "threads", "worker"],
];
/** Of the model's id, which is long; enough to tell models apart. */
const ID_DIGITS = 16;

/** @param {string} value */
const escaped = (value) => value.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n");

/** @param {number} value */
const number = (value) => (value === Infinity ? "+Inf" : value === -Infinity ? "-Inf" : String(value));

/** To few digits: bounds of buckets are short numbers in seconds, too. */
const seconds = (/** @type {number} */ ms) => Number((ms / 1000).toPrecision(12));

class Exposition {
  /** @type {Map<string, Sample[]>} */
  #families = new Map(Object.keys(FAMILIES).map((name) => [name, []]));

  /**
   * @param {Family} name
   * @param {Labels} labels
   * @param {number | undefined} value undefined: there is none
   * @param {string} [suffix]
   */
  put(name, labels, value, suffix = "") {
    if (value !== undefined) this.#families.get(name)?.push([suffix, labels, value]);
  }

  /**
   * @param {Family} name
   * @param {Labels} labels
   * @param {HistogramData | undefined} histogram
   * @param {(value: number) => number} [unit]
   */
  histogram(name, labels, histogram, unit = (x) => x) {
    if (!histogram) return;
    const { bounds, counts, count, sum } = histogram;
    let below = 0;
    bounds.forEach((bound, i) => {
      below += counts[i];
      this.put(name, { ...labels, le: number(unit(bound)) }, below, "_bucket");
    });
    this.put(name, { ...labels, le: "+Inf" }, count, "_bucket");
    this.put(name, labels, unit(sum), "_sum");
    this.put(name, labels, count, "_count");
  }

  text() {
    let text = "";
    for (const [name, [type, help]] of Object.entries(FAMILIES)) {
      const samples = this.#families.get(name) ?? [];
      if (samples.length) text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
      for (const [suffix, labels, value] of samples) {
        const pairs = Object.entries(labels).map(([key, label]) => `${key}="${escaped(String(label))}"`);
        text += `${name}${suffix}{${pairs.join(",")}} ${number(value)}\n`;
      }
    }
    return text;
  }
}

/**
 * @param {Exposition} out
 * @param {Metrics} metrics
 * @param {Labels} labels
 */
function expose(out, { runtime, load, memory, runs, selfTest, confidence, drift, since }, labels) {
  const { mite, build, isa, whole, threads, worker } = runtime;
  const about = { mite, build, isa, module: whole ? "whole" : "core", threads, worker: String(worker) };
  out.put("mite_model_info", { ...labels, ...about }, 1);
  out.put("mite_watched_since_seconds", labels, seconds(since));
  for (const phase of /** @type {const} */ (["idle", "downloading", "verifying", "compiling"])) {
    out.put("mite_load_seconds", { ...labels, phase }, seconds(load.ms[phase]));
  }
  for (const [from, bytes] of Object.entries(load.bytes)) out.put("mite_load_bytes", { ...labels, from }, bytes);
  out.put("mite_memory_bytes", labels, memory.bytes);
  out.put("mite_arena_bytes", labels, memory.arenaBytes);
  out.put("mite_runs_total", labels, runs.count);
  for (const [code, count] of Object.entries(runs.failed)) {
    out.put("mite_run_failures_total", { ...labels, code }, count);
  }
  out.put("mite_runs_apart_total", labels, runs.apart);
  out.histogram("mite_run_seconds", labels, runs.ms, seconds);
  out.histogram("mite_call_seconds", labels, runs.callMs, seconds);
  out.put("mite_pictures_total", labels, runs.pictures.count);
  out.put("mite_decode_seconds_total", labels, seconds(runs.pictures.decode));
  out.put("mite_preprocess_seconds_total", labels, seconds(runs.pictures.preprocess));
  for (const result of /** @type {const} */ (["passed", "failed"])) {
    out.put("mite_self_tests_total", { ...labels, result }, selfTest[result]);
  }
  out.put("mite_self_test_difference", labels, selfTest.last?.maxDifference);
  out.histogram("mite_confidence_ratio", labels, confidence);
  out.put("mite_drift_level", labels, LEVELS[drift.level]);
  out.put("mite_drift_runs", labels, drift.runs);
  for (const [input, { channels }] of Object.entries(drift.inputs)) {
    channels.forEach((one, channel) => exposeChannel(out, one, { ...labels, input, channel }));
  }
  out.put("mite_confidence_drift_psi", labels, drift.confidence?.psi);
  out.put("mite_confidence_drift_difference", labels, drift.confidence?.difference);
}

/**
 * @param {Exposition} out
 * @param {import("../../metrics.d.ts").ChannelDrift} channel
 * @param {Labels} labels
 */
function exposeChannel(out, { mean, std, psi, difference, likeness, notFinite }, labels) {
  out.put("mite_input_mean", labels, mean);
  out.put("mite_input_stddev", labels, std);
  out.put("mite_input_drift_psi", labels, psi);
  out.put("mite_input_drift_difference", labels, difference);
  out.put("mite_input_likeness", labels, likeness);
  out.put("mite_input_not_finite", labels, notFinite);
}

/** @param {Labels} labels */
function checkLabels(labels) {
  for (const name of Object.keys(labels)) {
    if (LABEL.test(name) && !OWN_LABELS.includes(name)) continue;
    const why = OWN_LABELS.includes(name) ? "is one of mite's own" : "is no name that Prometheus takes";
    throw new MiteError("argument", `the label '${name}' ${why}; choose another`);
  }
}

/**
 * @param {Metrics | readonly Metrics[]} metrics
 * @param {{ labels?: Readonly<Record<string, string>> }} [options]
 */
export function prometheus(metrics, { labels = {} } = {}) {
  checkLabels(labels);
  const out = new Exposition();
  const told = new Set();
  for (const one of /** @type {readonly Metrics[]} */ ([metrics].flat())) {
    const { name = "", version = "", id } = one.model;
    const own = { model: name, version, id: id.slice(0, ID_DIGITS), ...labels };
    const series = JSON.stringify(own);
    if (told.has(series)) {
      throw new MiteError(
        "argument",
        `model '${name}' is given twice, and Prometheus could not tell the two apart; make two texts, each with a label`,
      );
    }
    told.add(series);
    expose(out, one, own);
  }
  return out.text();
}
