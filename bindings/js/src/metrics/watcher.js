// SPDX-License-Identifier: Apache-2.0
// Sums up what a model's journal notes.
import { version } from "../release.js";
import { classesOf, topProbability } from "./confidence.js";
import { Drift } from "./drift.js";
import { DURATIONS, Histogram, TENTHS } from "./histogram.js";
import { readStatistics } from "./statistics.js";

/** @typedef {import("../../metrics.d.ts").Metrics} Metrics */
/** @typedef {import("../../mite.d.ts").Model} Model */
/** @typedef {import("../engine.js").RunResult} RunResult */
/** @typedef {import("../journal.js").Journal} Journal */
/** @typedef {import("../journal.js").Note} Note */

/** One of a model; several may read it. */
export class Watcher {
  #model;
  #journal;
  #since = Date.now();
  #run = new Histogram(DURATIONS);
  #call = new Histogram(DURATIONS);
  #pictures = { count: 0, decode: 0, preprocess: 0 };
  #apart = 0;
  /** @type {Record<string, number>} */
  #failed = {};
  #tests = { passed: 0, failed: 0 };
  /** @type {import("../../mite.d.ts").SelfTestResult | undefined} */
  #lastTest;
  #confidence = new Histogram(TENTHS);
  #classes;
  #compared;
  /** @type {Drift | undefined} */
  #drift;
  /** Milliseconds that the model ran, and that its inputs were looked at: all together, and the least. */
  #busy = 0;
  #spent = 0;
  #least = Infinity;
  #looks = 0;
  disposed = false;
  /** Of what there is to tell: rises with every event. */
  events = 0;
  /** @type {Set<() => void>} Called after every event. */
  listeners = new Set();
  /** What share of the time that runs take may go into looking at inputs. */
  budget = 0.01;

  /**
   * @param {Model} model
   * @param {Journal} journal
   */
  constructor(model, journal) {
    this.#model = model;
    this.#journal = journal;
    this.#classes = classesOf(model);
    this.#compared = readStatistics(model);
    if ("statistics" in this.#compared) this.#drift = new Drift(this.#compared.statistics, model.inputs);
    for (const note of journal.kept.splice(0)) this.#take(note);
    journal.add = (note, result, indices) => this.#take(note, result, indices);
    // What the page spends is measured; the engine, which picks the numbers out, is taken for as quick.
    const isSpent = () => 2 * this.#looking() > this.budget * this.#busy;
    journal.sample = () => (isSpent() ? undefined : this.#drift?.plans());
  }

  /**
   * @param {Note} note
   * @param {RunResult} [result]
   * @param {number[]} [indices]
   */
  #take(note, result, indices) {
    const { ms, call, apart, error, top, test, disposed } = note;
    if (error !== undefined) this.#fail(error);
    else if (apart) this.#apart++;
    else if (ms) this.#takeRun(ms, call ?? ms.run);
    if (result && !apart) this.#takeResult(note, result, indices);
    if (top !== undefined) this.#takeTop(top);
    if (test) {
      this.#tests[test.ok ? "passed" : "failed"]++;
      this.#lastTest = test;
    }
    if (disposed) this.disposed = true;
    this.events++;
    for (const listener of this.listeners) listener();
  }

  /** @param {unknown} error */
  #fail(error) {
    // MiteError may be another bundle's; what is none is the reason of the caller's signal.
    const { name, code } = /** @type {Partial<import("../errors.js").MiteError>} */ (error ?? {});
    const why = name === "MiteError" && typeof code === "string" ? code : "aborted";
    this.#failed[why] = (this.#failed[why] ?? 0) + 1;
  }

  /**
   * @param {import("../engine.js").Times} ms
   * @param {number} call
   */
  #takeRun({ decode, preprocess, run }, call) {
    this.#run.add(run);
    this.#call.add(call);
    this.#busy += decode + preprocess + run;
    if (!decode && !preprocess) return;
    this.#pictures.count++;
    this.#pictures.decode += decode;
    this.#pictures.preprocess += preprocess;
  }

  /**
   * @param {Note} note
   * @param {RunResult} result
   * @param {number[]} [indices]
   */
  #takeResult({ ranked }, { outputs, samples }, indices = []) {
    const classes = this.#classes;
    const at = classes ? indices.indexOf(classes.index) : -1;
    if (classes && at >= 0 && !ranked) {
      this.#takeTop(topProbability(outputs[at].data, classes.port, classes.kind));
    }
    if (!samples || !this.#drift) return;
    const begin = performance.now();
    this.#drift.addInputs(samples);
    const took = performance.now() - begin;
    this.#looks++;
    this.#spent += took;
    this.#least = Math.min(this.#least, took);
  }

  /**
   * What looking took: not what came between now and then, another task or compilation. A clock that is too
   * coarse for the least is right on the whole.
   */
  #looking() {
    return this.#least > 0 ? Math.min(this.#spent, 4 * this.#least * this.#looks) : this.#spent;
  }

  /** @param {number} top */
  #takeTop(top) {
    if (!Number.isFinite(top)) return;
    this.#confidence.add(top);
    this.#drift?.addTop(top);
  }

  /**
   * @param {number} minRuns
   * @returns {Metrics}
   */
  read(minRuns) {
    const { runtime, metadata, id } = this.#model;
    const { isa, build, whole, threads, worker, bytes, arenaBytes, note } = runtime;
    const { name, version: modelVersion } = metadata;
    const text = (/** @type {unknown} */ value) => (typeof value === "string" ? value : undefined);
    return {
      time: Date.now(),
      since: this.#since,
      model: { name: text(name), version: text(modelVersion), id },
      runtime: { mite: version, build, isa, whole, threads, worker, ...(note && { note }) },
      load: loadOf(this.#journal.load),
      memory: { bytes, arenaBytes },
      runs: {
        count: this.#run.count,
        failed: { ...this.#failed },
        apart: this.#apart,
        lost: this.#journal.lost,
        ms: this.#run.read(),
        callMs: this.#call.read(),
        pictures: { ...this.#pictures },
      },
      selfTest: { ...this.#tests, ...(this.#lastTest && { last: { ...this.#lastTest } }) },
      ...(this.#classes && { confidence: this.#confidence.read() }),
      drift: this.#drift?.read(minRuns) ?? {
        level: "unknown",
        runs: 0,
        examples: 0,
        inputs: {},
        reason: "reason" in this.#compared ? this.#compared.reason : "",
      },
    };
  }
}

/**
 * @param {import("../journal.js").LoadNotes} load
 * @returns {import("../../metrics.d.ts").LoadData}
 */
function loadOf(load) {
  const notes = Object.values(load).sort((a, b) => a.at - b.at);
  const ms = { idle: 0, downloading: 0, verifying: 0, compiling: 0 };
  const bytes = { network: 0, cache: 0, given: 0 };
  notes.forEach(({ state, from, loaded, at }, i) => {
    if (state in ms) ms[/** @type {keyof typeof ms} */ (state)] += (notes[i + 1]?.at ?? at) - at;
    // Where a load began anew from elsewhere, what came before was for nothing, but it came.
    const before = notes[i - 1];
    const more = loaded - (before && loaded >= before.loaded ? before.loaded : 0);
    bytes[from ?? "given"] += more;
  });
  const total = notes.length ? notes[notes.length - 1].at - notes[0].at : 0;
  return { ms: { ...ms, total }, bytes };
}
