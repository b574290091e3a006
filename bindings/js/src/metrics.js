// SPDX-License-Identifier: Apache-2.0
// The entry `mite/metrics`; ../metrics.d.ts documents it.
import { MiteError } from "./errors.js";
import { describe } from "./source.js";
import { Watcher } from "./metrics/watcher.js";

export { MiteError } from "./errors.js";
export { prometheus } from "./metrics/prometheus.js";

/** @typedef {import("../metrics.d.ts").Watched} PublicWatched */
/** @typedef {import("../metrics.d.ts").WatchOptions} WatchOptions */
/** @typedef {import("./journal.js").Journal} Journal */

const MIN_RUNS = 30;
/** How long after an event the threshold is looked at, so that quick runs share one look. */
const LATER_MS = 100;

/**
 * @param {import("../mite.d.ts").Model} model
 * @param {WatchOptions} [options]
 * @returns {import("../metrics.d.ts").Watched}
 */
export function watch(model, options = {}) {
  const { journal } = /** @type {{ journal?: Journal }} */ (model ?? {});
  if (!journal) {
    throw new MiteError("argument", `watch() was given ${describe(model)}; give it a model that load() made`);
  }
  checkOptions(options);
  const watcher = /** @type {Watcher} */ (journal.watcher ??= new Watcher(model, journal));
  if (options.budget !== undefined) watcher.budget = options.budget;
  return new Watched(watcher, options);
}

/** @param {WatchOptions} options */
function checkOptions({ onMetrics, interval, threshold, minRuns = 1, budget = 0 }) {
  if (interval !== undefined && !(interval >= 1 && interval < 2 ** 31)) {
    throw new MiteError("argument", `interval must be milliseconds from 1 on, but is ${interval}`);
  }
  if ((interval !== undefined || threshold) && !onMetrics) {
    throw new MiteError("argument", "interval and threshold say when to call onMetrics, which is missing");
  }
  if (!(Number.isInteger(minRuns) && minRuns > 0)) {
    throw new MiteError("argument", `minRuns must be a whole number above 0, but is ${minRuns}`);
  }
  if (!(budget >= 0)) throw new MiteError("argument", `budget must be a share from 0 on, but is ${budget}`);
}

/** @implements {PublicWatched} */
class Watched {
  #watcher;
  #options;
  #toldAt = 0;
  #above = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #later;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #ticking;

  /**
   * @param {Watcher} watcher
   * @param {WatchOptions} options
   */
  constructor(watcher, options) {
    this.#watcher = watcher;
    this.#options = options;
    if (!options.onMetrics || watcher.disposed) return;
    watcher.listeners.add(this.#changed);
    if (options.interval) this.#ticking = idle(setInterval(this.#tick, options.interval));
    this.#changed();
  }

  read() {
    return this.#watcher.read(this.#options.minRuns ?? MIN_RUNS);
  }

  stop() {
    this.#watcher.listeners.delete(this.#changed);
    clearInterval(this.#ticking);
    clearTimeout(this.#later);
  }

  #changed = () => {
    if (this.#watcher.disposed) this.#end();
    else if (this.#options.threshold) this.#later ??= idle(setTimeout(this.#look, LATER_MS));
  };

  #tick = () => {
    if (this.#watcher.events !== this.#toldAt) this.#tell("interval");
  };

  #look = () => {
    this.#later = undefined;
    const metrics = this.read();
    const above = !!this.#options.threshold?.(metrics);
    const crossed = above && !this.#above;
    this.#above = above;
    if (crossed) this.#tell("threshold", metrics);
  };

  /** What nobody was told of yet is told when the model is disposed, after that has been done. */
  #end() {
    this.stop();
    if (this.#watcher.events !== this.#toldAt) setTimeout(() => this.#tell("end"), 0);
  }

  /**
   * @param {import("../metrics.d.ts").Reason} reason
   * @param {import("../metrics.d.ts").Metrics} [metrics]
   */
  #tell(reason, metrics = this.read()) {
    this.#toldAt = this.#watcher.events;
    this.#options.onMetrics?.(metrics, reason);
  }
}

/**
 * A timer for which Node need not go on.
 * @template T
 * @param {T} timer
 * @returns {T}
 */
function idle(timer) {
  /** @type {{ unref?: () => void }} */ (/** @type {unknown} */ (timer)).unref?.();
  return timer;
}
