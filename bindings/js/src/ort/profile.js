// SPDX-License-Identifier: Apache-2.0
// Profiles as onnxruntime writes them: trace events that chrome://tracing and Perfetto read.

/** @typedef {import("../../mite.d.ts").NodeProfile} NodeProfile */

const MICROSECONDS = 1000; // of a millisecond

export class Profile {
  /** @type {object[]} */
  #events = [];

  /**
   * One run: its nodes one after another, since the time between them is not measured.
   * @param {number} begin milliseconds
   * @param {number} ms
   * @param {readonly NodeProfile[]} nodes
   */
  add(begin, ms, nodes) {
    let at = begin * MICROSECONDS;
    this.#event("Session", "model_run", at, ms, {});
    for (const { name, op, kernel, ms: took, macs } of nodes) {
      this.#event("Node", `${name}_kernel_time`, at, took, { op_name: op, provider: "mite", kernel, macs });
      at += took * MICROSECONDS;
    }
  }

  /**
   * @param {string} cat
   * @param {string} name
   * @param {number} ts microseconds
   * @param {number} ms
   * @param {object} args
   */
  #event(cat, name, ts, ms, args) {
    const dur = Math.round(ms * MICROSECONDS);
    this.#events.push({ cat, pid: 0, tid: 0, dur, ts: Math.round(ts), ph: "X", name, args });
  }

  toJSON() {
    return this.#events;
  }
}
