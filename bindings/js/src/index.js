// SPDX-License-Identifier: Apache-2.0
// The package's entry; ../mite.d.ts documents it.
import { openAddress } from "./address.js";
import { compileRuntime, withMore } from "./compile.js";
import { LocalEngine } from "./engine.js";
import { MiteError, messageOf } from "./errors.js";
import { features } from "./features.js";
import { Model } from "./model.js";
import { isNode, nodeModule, untilAborted } from "./platform.js";
import { peekModel } from "./receive.js";
import { openSource } from "./source.js";
import { startWorker } from "./start-worker.js";
import { WorkerEngine } from "./worker-client.js";

export { estimate, models } from "./address.js";
export { MiteError } from "./errors.js";
export { features } from "./features.js";

/** @typedef {import("../mite.d.ts").LoadOptions} LoadOptions */
/** @typedef {import("../mite.d.ts").Source} Source */
/** @typedef {import("./engine.js").Engine} Engine */
/** @typedef {import("./engine.js").EngineOptions} EngineOptions */
/** @typedef {import("./source.js").Again} Again */
/** @typedef {{ thread?: import("./start-worker.js").Thread, note?: string }} Started */

const MOST_USUAL_THREADS = 4;

/**
 * @param {Source} source
 * @param {LoadOptions} [options]
 * @returns {Promise<import("../mite.d.ts").Model>}
 */
export async function load(source, options = {}) {
  options.signal?.throwIfAborted();
  checkOptions(options);
  const loading = new Loading(options.onProgress);
  try {
    return await untilAborted(loadOrAgain(source, options, loading), options.signal);
  } catch (error) {
    loading.tell({ state: "error" });
    throw error;
  }
}

/**
 * What was kept may be damaged, and a file may change while it is downloaded; then once more.
 * @param {Source} source
 * @param {LoadOptions} options
 * @param {Loading} loading
 */
async function loadOrAgain(source, options, loading) {
  loading.tell({ state: "idle" });
  const first = await start(source, options, loading);
  if (typeof first !== "string") return first;
  return /** @type {Promise<Model>} */ (start(source, options, loading, first));
}

/** The state of one load, as its owner hears of it. */
class Loading {
  #onProgress;
  #over = false;
  /** @type {import("../mite.d.ts").Progress} */
  #progress = { state: "idle", loaded: 0 };
  /** @type {import("./journal.js").LoadNotes} */
  notes = {};

  /** @param {LoadOptions["onProgress"]} onProgress */
  constructor(onProgress) {
    this.#onProgress = onProgress;
  }

  /** @param {Partial<import("../mite.d.ts").Progress>} news */
  tell(news) {
    if (this.#over) return; // a worker that was ended may have spoken before
    const { state, from, loaded } = (this.#progress = { ...this.#progress, ...news });
    (this.notes[state + from] ??= { ...this.#progress, at: performance.now() }).loaded = loaded;
    this.#over = news.state === "ready" || news.state === "error";
    this.#onProgress?.(this.#progress);
  }
}

/** @param {LoadOptions} options */
function checkOptions({ threads = 1, sha256, retry = 0, cache = "auto" }) {
  if (!(Number.isInteger(threads) && threads > 0)) {
    throw new MiteError("argument", `threads must be a whole number above 0, but is ${threads}`);
  }
  if (sha256 !== undefined && !/^[0-9a-f]{64}$/i.test(sha256)) {
    throw new MiteError("argument", "sha256 must be 64 hexadecimal digits");
  }
  if (!(Number.isInteger(retry) && retry >= 0)) {
    throw new MiteError("argument", `retry must be a whole number from 0 on, but is ${retry}`);
  }
  if (!["auto", "opfs", "cache-api", false].includes(cache)) {
    throw new MiteError(
      "argument",
      `cache must be "auto", "opfs", "cache-api" or false, but is ${String(cache)}`,
    );
  }
}

/**
 * The download, the compilation and the worker's start run side by side. Where one fails, or the
 * signal aborts, the others are ended and their memory is let go.
 * @param {Source} source
 * @param {LoadOptions} options
 * @param {Loading} loading
 * @param {Again} [again] the second time
 * @returns {Promise<Model | Again>} how it should be tried again
 */
async function start(source, { worker = !isNode, ...options }, loading, again) {
  const { signal, sha256, wasm, cache, retry } = options;
  const threads = options.threads ?? (await usualThreads());
  const opening =
    typeof source === "string" || source instanceof URL
      ? openAddress(source, { signal, cache, retry, sha256, again })
      : openSource(source, signal);
  const shared = threads > 1 && features().sharedMemory;
  // Right for most models, so it need not wait for the header.
  const core = compileRuntime(wasm, { shared });
  core.catch(() => {}); // heard of where it is awaited
  const starting = worker ? startOrSayWhyNot() : Promise.resolve(/** @type {Started} */ ({}));
  let isOpen = false;
  /** @type {Engine | undefined} */
  let engine;
  /** @type {Promise<Again | undefined> | undefined} */
  let ending;
  /** @param {unknown} error */
  const end = (error) => {
    ending ??= opening.then(
      (opened) => {
        opened.cancel(error);
        return opened.settle?.({ error });
      },
      () => undefined,
    );
    starting.then(
      ({ thread }) => thread?.end(),
      () => {},
    );
    return ending;
  };
  const abort = () => void end(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  try {
    const peeking = opening.then((opened) => {
      isOpen = true;
      loading.tell({ state: "downloading", loaded: 0, from: opened.from });
      return peekModel(opened);
    });
    const failedEarly = core.then(() => peeking); // a module that is not there need not wait either
    const { opened, source: peeked, needsWhole } = await Promise.race([peeking, failedEarly]);
    const compiled = await (needsWhole ? withMore(core, wasm, shared) : core);
    const started = await starting;
    /** @type {(progress: import("../mite.d.ts").Progress) => void} */
    const onProgress = (progress) => loading.tell({ ...progress, from: opened.from });
    /** @type {EngineOptions} */
    const parts = { compiled, source: peeked, threads, sha256, onProgress };
    engine = started.thread
      ? await WorkerEngine.create(started.thread, parts)
      : await LocalEngine.create(parts);
    signal?.throwIfAborted();
    await opened.settle?.({ id: engine.description.id });
    if (started.note) addNote(engine, started.note);
    const { description } = engine;
    opened.noted?.then((note) => addNote({ description }, note));
    if (options.threads) addNote(engine, tooFewThreads(threads, engine.description.runtime.threads));
    const model = new Model(engine, loading.notes);
    if (options.metrics) await model.metrics();
    loading.tell({ state: "ready" });
    return model;
  } catch (error) {
    engine?.dispose();
    const ended = end(error);
    const advice = isOpen ? await ended : undefined;
    if (advice && !again && !signal?.aborted) return advice;
    throw error;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

const makeWorker = () =>
  new Worker(new URL("./worker.js", import.meta.url), { type: "module" });

/** @returns {Promise<Started>} */
async function startOrSayWhyNot() {
  try {
    return { thread: await startWorker("worker.js", makeWorker) };
  } catch (error) {
    return {
      note: `the model runs on the calling thread, because its worker could not be started: ${messageOf(error)}`,
    };
  }
}

/**
 * One core is left to the page itself.
 * @returns {Promise<number>}
 */
async function usualThreads() {
  if (!features().sharedMemory) return 1;
  const cores = isNode
    ? nodeModule("node:os").availableParallelism()
    : (navigator.hardwareConcurrency ?? 1);
  return Math.min(Math.max(cores - 1, 1), MOST_USUAL_THREADS);
}

/**
 * @param {number} wanted
 * @param {number} had
 */
function tooFewThreads(wanted, had) {
  if (had >= wanted) return "";
  const reason = features().sharedMemory
    ? "the others could not be started"
    : "this page cannot share memory between threads; serve it with the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp";
  return `the model runs on ${had} of the ${wanted} threads asked for: ${reason}`;
}

/**
 * @param {Pick<Engine, "description">} engine
 * @param {string} [note]
 */
function addNote({ description }, note) {
  const { runtime } = description;
  const both = [runtime.note, note].filter(Boolean).join("; ");
  if (both) description.runtime = { ...runtime, note: both };
}
