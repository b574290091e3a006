// SPDX-License-Identifier: Apache-2.0
// The package's entry; ../mite.d.ts documents it.
import { compileRuntime } from "./compile.js";
import { LocalEngine } from "./engine.js";
import { MiteError, messageOf } from "./errors.js";
import { features } from "./features.js";
import { Model } from "./model.js";
import { isNode, nodeModule, untilAborted } from "./platform.js";
import { peekModel } from "./receive.js";
import { openSource } from "./source.js";
import { startWorker } from "./start-worker.js";
import { WorkerEngine } from "./worker-client.js";

export { MiteError } from "./errors.js";
export { features } from "./features.js";

/** @typedef {import("../mite.d.ts").LoadOptions} LoadOptions */
/** @typedef {import("../mite.d.ts").Source} Source */
/** @typedef {import("./engine.js").Engine} Engine */
/** @typedef {import("./engine.js").EngineOptions} EngineOptions */
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
  return untilAborted(start(source, options), options.signal);
}

/** @param {LoadOptions} options */
function checkOptions({ threads = 1, sha256 }) {
  if (!(Number.isInteger(threads) && threads > 0)) {
    throw new MiteError("argument", `threads must be a whole number above 0, but is ${threads}`);
  }
  if (sha256 !== undefined && !/^[0-9a-f]{64}$/i.test(sha256)) {
    throw new MiteError("argument", "sha256 must be 64 hexadecimal digits");
  }
}

/**
 * The download, the compilation and the worker's start run side by side. Where one fails, or the
 * signal aborts, the others are ended and their memory is let go.
 * @param {Source} source
 * @param {LoadOptions} options
 */
async function start(source, { signal, onProgress, worker = !isNode, sha256, wasm, ...wish }) {
  const threads = wish.threads ?? (await usualThreads());
  const opening = openSource(source, signal);
  const shared = threads > 1 && features().sharedMemory;
  const place = /** @type {WebAssembly.Module | undefined} */ (wasm);
  // Right for most models, so it need not wait for the header.
  const core = compileRuntime(place, { shared });
  core.catch(() => {}); // heard of where it is awaited
  const starting = worker ? startOrSayWhyNot() : Promise.resolve(/** @type {Started} */ ({}));
  const end = () => {
    opening.then(
      (opened) => opened.cancel(signal?.reason),
      () => {},
    );
    starting.then(
      ({ thread }) => thread?.end(),
      () => {},
    );
  };
  signal?.addEventListener("abort", end, { once: true });
  try {
    const peeking = opening.then(peekModel);
    const failedEarly = core.then(() => peeking); // a module that is not there need not wait either
    const { source: opened, needsWhole } = await Promise.race([peeking, failedEarly]);
    const compiled = await (needsWhole ? compileRuntime(place, { shared, whole: true }) : core);
    const started = await starting;
    /** @type {EngineOptions} */
    const options = { compiled, source: opened, threads, sha256, onProgress };
    /** @type {Engine} */
    const engine = started.thread
      ? await WorkerEngine.create(started.thread, options)
      : await LocalEngine.create(options);
    signal?.throwIfAborted();
    if (started.note) addNote(engine, started.note);
    if (wish.threads) addNote(engine, tooFewThreads(threads, engine.description.runtime.threads));
    return new Model(engine);
  } catch (error) {
    end();
    throw error;
  } finally {
    signal?.removeEventListener("abort", end);
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
 * @param {Engine} engine
 * @param {string} note
 */
function addNote({ description }, note) {
  const { runtime } = description;
  const both = [runtime.note, note].filter(Boolean).join("; ");
  if (both) description.runtime = { ...runtime, note: both };
}
