// SPDX-License-Identifier: Apache-2.0
// The calling side of worker.js (which states the protocol): an Engine whose work is done there.
import { startHelpers } from "./crew.js";
import { disposedError } from "./engine.js";
import { MiteError, fromPlain, toPlain } from "./errors.js";
import { hasPageWorkers } from "./platform.js";

/** @typedef {import("./engine.js").Engine} Engine */
/** @typedef {import("./engine.js").EngineOptions} EngineOptions */
/** @typedef {import("./engine.js").Input} Input */
/** @typedef {import("./start-worker.js").Thread} Thread */

/** @implements {Engine} */
export class WorkerEngine {
  #thread;
  #lastId = 0;
  /** @type {Map<number, { resolve: (value: any) => void, reject: (error: unknown) => void }>} */
  #pending = new Map();
  /** @type {MiteError | undefined} Why nothing works any more. */
  #gone;
  #watch = new AbortController();
  /** @type {Thread[]} */
  #helpers = [];
  /** @type {import("./engine.js").Description} */
  description = /** @type {any} */ (undefined);

  /**
   * @param {Thread} thread
   * @param {EngineOptions} options
   */
  static async create(thread, { compiled, source, threads, sha256, onProgress }) {
    const engine = new WorkerEngine(thread, source, onProgress);
    const lent = hasPageWorkers() ? engine.#lendHelpers(compiled.shared ? threads - 1 : 0) : undefined;
    const message = { compiled, what: source.what, threads, lent, sha256 };
    try {
      const description = await engine.#call("load", [message]);
      engine.description = { ...description, runtime: { ...description.runtime, worker: true } };
      return engine;
    } catch (error) {
      engine.dispose();
      throw error;
    }
  }

  /**
   * @param {Thread} thread
   * @param {EngineOptions["source"]} source
   * @param {EngineOptions["onProgress"]} onProgress
   */
  constructor(thread, source, onProgress) {
    this.#thread = thread;
    thread.onMessage = ({ event, progress, lock, helper, message, id, value, error }) => {
      if (event === "pull") this.#sendPiece(source);
      else if (event === "progress") onProgress?.(progress);
      else if (event === "helper") this.#helpers[helper].post(message);
      else if (event === "alive") this.#watchLife(lock);
      else if (error) this.#pending.get(id)?.reject(fromPlain(error));
      else this.#pending.get(id)?.resolve(value);
    };
    thread.onFailure = (reason) => {
      const text = `the model's worker crashed: ${reason}; dispose this model and load it again`;
      this.#end(new MiteError("crashed", text));
    };
  }

  /**
   * The model's further threads are started here and not by its worker: in Firefox (ESR 140), a worker that
   * makes another one now and then waits for ever. What the worker tells them passes through here, since
   * Firefox's message ports carry no modules and no shared memory.
   * @param {number} count
   * @returns {number} how many will come, or be told not to
   */
  #lendHelpers(count) {
    const starting = startHelpers(count);
    for (const one of starting) {
      one.then(
        (helper) => {
          if (this.#gone) return helper.end();
          helper.onFailure = () => {};
          this.#thread.post({ helper: this.#helpers.push(helper) - 1 });
        },
        () => this.#thread.post({ helper: undefined }),
      );
    }
    return starting.length;
  }

  /**
   * The worker holds the lock as long as it lives.
   * @param {string} lock
   */
  #watchLife(lock) {
    const { signal } = this.#watch;
    const ended = () => this.#thread.onFailure("it was ended, perhaps for want of memory");
    navigator.locks.request(lock, { signal }, ended).catch(() => {}); // no longer watched
  }

  /**
   * Pieces are copied, then the copies transferred: their buffers may be the caller's.
   * @param {EngineOptions["source"]} source
   */
  async #sendPiece(source) {
    try {
      const piece = (await source.read())?.slice();
      if (piece) this.#thread.post({ piece }, [piece.buffer]);
      else this.#thread.post({ end: true });
    } catch (error) {
      this.#thread.post({ error: toPlain(error) });
    }
  }

  /**
   * @param {string} call
   * @param {unknown[]} args
   * @param {{ signal?: AbortSignal, transfer?: Transferable[] }} [options]
   * @returns {Promise<any>}
   */
  async #call(call, args, { signal, transfer } = {}) {
    if (this.#gone) throw this.#gone;
    signal?.throwIfAborted();
    const id = ++this.#lastId;
    const abort = () => this.#thread.post({ abort: id });
    signal?.addEventListener("abort", abort, { once: true });
    this.#thread.keepAlive(true);
    try {
      return await new Promise((resolve, reject) => {
        this.#pending.set(id, { resolve, reject });
        this.#thread.post({ id, call, args }, transfer);
      });
    } catch (error) {
      throw signal?.aborted ? signal.reason : error;
    } finally {
      signal?.removeEventListener("abort", abort);
      this.#pending.delete(id);
      if (!this.#pending.size) this.#thread.keepAlive(false);
    }
  }

  /**
   * Moves the tensors, which are ours here, and pictures that are.
   * @param {Input[]} inputs
   * @param {AbortSignal} [signal]
   * @param {number[]} [outputs]
   * @param {import("./engine.js").SamplePlan[]} [look]
   * @returns {Promise<import("./engine.js").RunResult>}
   */
  async run(inputs, signal, outputs, look) {
    const transfer = [...new Set(inputs.flatMap(movable))];
    const result = await this.#call("run", [inputs, !!signal, outputs, look], { signal, transfer });
    const { description } = this;
    description.runtime = { ...description.runtime, ...result.memory };
    return result;
  }

  /** @param {number} key */
  letGo(key) {
    return this.#call("letGo", [key]);
  }

  profile() {
    return this.#call("profile", []);
  }

  async dispose() {
    await this.#end(disposedError());
  }

  /** @param {MiteError} error */
  #end(error) {
    if (this.#gone) return;
    this.#gone = error;
    this.#watch.abort();
    this.#thread.onFailure = () => {};
    for (const { reject } of this.#pending.values()) reject(error);
    const ended = this.#thread.end(); // with it, helpers that are its own
    for (const helper of this.#helpers) helper.end();
    return ended;
  }
}

/**
 * What of an input can be handed to another thread without a copy.
 * @param {Input} input
 * @returns {Transferable[]}
 */
function movable(input) {
  if ("data" in input) return [/** @type {ArrayBuffer} */ (input.data.buffer)];
  if ("held" in input) return [];
  const { picture, ours } = input;
  return ours && "close" in picture ? [picture] : [];
}
