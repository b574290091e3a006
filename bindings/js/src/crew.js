// SPDX-License-Identifier: Apache-2.0
// The helper threads of one model: started while it arrives, joined to its session once it is
// there. What cannot be started is done without.
import { startWorker } from "./start-worker.js";

/** @typedef {import("./start-worker.js").Thread} Thread */

const MOST_HELPERS = 63; // MITE_MAX_THREADS in runtime/exec/threads.h, less the caller
const LATE_MS = 1000; // how long a model that has arrived waits for its helpers

const makeHelper = () =>
  new Worker(new URL("./helper.js", import.meta.url), { type: "module" });

export class Crew {
  /** @type {Set<Thread>} */
  #threads = new Set();
  #starting;
  #closed = false; // who comes now comes too late

  /** @param {number} count */
  constructor(count) {
    const helpers = Array.from({ length: Math.min(count, MOST_HELPERS) }, () => this.#start());
    this.#starting = Promise.all(helpers);
  }

  async #start() {
    try {
      const thread = await startWorker("helper.js", makeHelper);
      thread.keepAlive(false);
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
   * @param {WebAssembly.Module} module
   * @param {number} session made for one thread more than `size()`
   */
  async join({ memory, calls }, module, session) {
    const joining = [...this.#threads].map((thread, index) => {
      const helper = calls.session_helper(session, index);
      const stack = calls.session_helper_stack(session, index);
      if (!helper) return undefined; // there was no memory for its stack
      return new Promise((resolve) => {
        thread.onMessage = resolve;
        thread.onFailure = resolve;
        try {
          thread.post({ module, memory, helper, stack });
        } catch {
          resolve(undefined); // the engine has shared memory but does not pass it on
        }
      });
    });
    await inTime(Promise.all(joining));
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
