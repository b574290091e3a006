// SPDX-License-Identifier: Apache-2.0
// The helper threads of one model: started while it arrives, joined to its session once it is
// there. What cannot be started is done without.
import { startWorker } from "./start-worker.js";

/** @typedef {import("./start-worker.js").Thread} Thread */

const MOST_HELPERS = 63; // MITE_MAX_THREADS in runtime/exec/threads.h, less the caller
const LATE_MS = 1000; // how long a model that has arrived waits for its helpers

const makeHelper = () =>
  new Worker(new URL("./helper.js", import.meta.url), { type: "module" });

/**
 * @param {number} count
 * @returns {Promise<Thread>[]}
 */
export function startHelpers(count) {
  return Array.from({ length: Math.min(count, MOST_HELPERS) }, async () => {
    const thread = await startWorker("helper.js", makeHelper);
    thread.keepAlive(false);
    return thread;
  });
}

/**
 * A helper that another thread has started and will end.
 * @param {(message: unknown) => void} post to it, by way of that thread
 * @returns {Thread}
 */
export function lentHelper(post) {
  return { post, end() {}, keepAlive() {}, onMessage() {}, onFailure() {} };
}

export class Crew {
  /** @type {Set<Thread>} */
  #threads = new Set();
  #starting;
  #closed = false; // who comes now comes too late

  /**
   * @param {number} count
   * @param {Promise<Thread>[]} [lent] helpers that somebody else starts, and ends
   */
  constructor(count, lent = startHelpers(count)) {
    this.#starting = Promise.all(lent.map((starting) => this.#take(starting)));
  }

  /** @param {Promise<Thread>} starting */
  async #take(starting) {
    try {
      const thread = await starting;
      if (this.#closed) await thread.end();
      else this.#threads.add(thread);
    } catch {
      // one thread fewer
    }
  }

  /** How many helpers are there; waits for those that may come yet. */
  async size() {
    await inTime(this.#starting);
    this.#closed = true;
    return this.#threads.size;
  }

  /**
   * @param {import("./wasm.js").Wasm} wasm
   * @param {import("./compile.js").Compiled} compiled
   * @param {number} session made for one thread more than `size()`
   */
  async join({ memory, calls }, { module, sides }, session) {
    const due = performance.now() + LATE_MS;
    let coming = 0;
    [...this.#threads].forEach((thread, index) => {
      const helper = calls.session_helper(session, index);
      const stack = calls.session_helper_stack(session, index);
      if (!helper) return; // there was no memory for its stack
      thread.onFailure = () => coming--;
      try {
        thread.post({ module, sides, memory, helper, stack });
        coming++;
      } catch {
        // the engine has shared memory but does not pass it on
      }
    });
    // They count themselves in shared memory: a thread that goes to wait there sends no messages.
    while (calls.session_threads(session) <= coming && performance.now() < due) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  /** Resolves once the threads are gone, where that can be known. */
  async end() {
    this.#closed = true;
    const ending = [...this.#threads].map((thread) => {
      thread.onFailure = () => {};
      return thread.end();
    });
    this.#threads.clear();
    await Promise.all(ending);
  }
}

/** @param {Promise<unknown>} promise */
async function inTime(promise) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const late = new Promise((resolve) => (timer = setTimeout(resolve, LATE_MS)));
  await Promise.race([promise, late]);
  clearTimeout(timer);
}
