// SPDX-License-Identifier: Apache-2.0
// What happens to a model, noted for mite/metrics. Until that listens, what the last runs took is kept,
// so that nothing before is lost; what they computed is the caller's.

/**
 * One event: a run (ms, call), a failed one (error), a classification's best probability (top), a self-test's
 * result (test), or the model's end (disposed).
 * @typedef {object} Note
 * @property {import("./engine.js").Times} [ms]
 * @property {number} [call] milliseconds that the caller waited, for its turn and the picture too
 * @property {boolean} [apart] a run of a self-test, or of a picture with parts covered
 * @property {boolean} [ranked] the classes that come of it are noted afterwards
 * @property {unknown} [error]
 * @property {number} [top]
 * @property {import("../mite.d.ts").SelfTestResult} [test]
 * @property {boolean} [disposed]
 */

/** By state and by where bytes come from: when it began, and how far it came.
 * @typedef {Record<string, import("../mite.d.ts").Progress & { at: number }>} LoadNotes */

const MOST_KEPT = 1000;

export class Journal {
  /** @type {Note[]} */
  kept = [];
  /** Notes that there was no room for. */
  lost = 0;
  /**
   * What to see of a run's inputs.
   * @type {undefined | (() => import("./sample.js").SamplePlan[] | undefined)}
   */
  sample;
  /** @type {unknown} Of mite/metrics. */
  watcher;

  /** @param {LoadNotes} load */
  constructor(load) {
    this.load = load;
  }

  /**
   * @param {Note} note
   * @param {import("./engine.js").RunResult} [_result] lent: of a run
   * @param {number[]} [_indices] of its outputs
   */
  add(note, _result, _indices) {
    if (this.kept.push(note) > MOST_KEPT) {
      this.kept.shift();
      this.lost++;
    }
  }
}
