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

/** @typedef {import("./engine.js").RunResult} RunResult */

/** By state and by where bytes come from: when it began, and how far it came.
 * @typedef {Record<string, import("../mite.d.ts").Progress & { at: number }>} LoadNotes */

const MOST_KEPT = 1000;

/**
 * kept: until a watcher listens, which puts an `add` of its own in the place of this one; lost: notes that
 * there was no room for; sample: what to see of a run's inputs; watcher: of mite/metrics.
 * @typedef {object} Journal
 * @property {LoadNotes} load
 * @property {Note[]} kept
 * @property {number} lost
 * @property {(note: Note, result?: RunResult, indices?: number[]) => void} add result: lent, of a run, and
 *   which of the model's outputs it has
 * @property {() => import("./sample.js").SamplePlan[] | undefined} [sample]
 * @property {unknown} [watcher]
 */

/** @type {(load: LoadNotes) => Journal} */
export const newJournal = (load) => ({
  load,
  kept: [],
  lost: 0,
  add(note) {
    if (this.kept.push(note) <= MOST_KEPT) return;
    this.kept.shift();
    this.lost++;
  },
});
