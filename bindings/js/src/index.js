// SPDX-License-Identifier: Apache-2.0
// The package's entry; ../mite.d.ts documents it.
import { compileRuntime } from "./compile.js";
import { LocalEngine } from "./engine.js";
import { MiteError, messageOf } from "./errors.js";
import { Model } from "./model.js";
import { isNode, untilAborted } from "./platform.js";
import { peekModel } from "./receive.js";
import { openSource } from "./source.js";
import { WorkerEngine, startWorker } from "./worker-client.js";

export { MiteError } from "./errors.js";
export { features } from "./features.js";

/** @typedef {import("../mite.d.ts").LoadOptions} LoadOptions */
/** @typedef {import("../mite.d.ts").Source} Source */
/** @typedef {import("./engine.js").Engine} Engine */
/** @typedef {import("./engine.js").EngineOptions} EngineOptions */
/** @typedef {{ thread?: import("./worker-client.js").Thread, note?: string }} Started */

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
async function start(source, { signal, onProgress, worker = !isNode, threads = 1, sha256, wasm }) {
  const opening = openSource(source, signal);
  const place = /** @type {WebAssembly.Module | undefined} */ (wasm);
  const core = compileRuntime(place); // right for most models, so it need not wait for the header
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
    const compiled = await (needsWhole ? compileRuntime(place, true) : core);
    const started = await starting;
    /** @type {EngineOptions} */
    const options = { compiled, source: opened, threads, sha256, onProgress };
    /** @type {Engine} */
    const engine = started.thread
      ? await WorkerEngine.create(started.thread, options)
      : await LocalEngine.create(options);
    signal?.throwIfAborted();
    if (started.note) addNote(engine, started.note);
    return new Model(engine);
  } catch (error) {
    end();
    throw error;
  } finally {
    signal?.removeEventListener("abort", end);
  }
}

/** @returns {Promise<Started>} */
async function startOrSayWhyNot() {
  try {
    return { thread: await startWorker() };
  } catch (error) {
    return {
      note: `the model runs on the calling thread, because its worker could not be started: ${messageOf(error)}`,
    };
  }
}

/**
 * @param {Engine} engine
 * @param {string} note
 */
function addNote({ description }, note) {
  description.runtime = { ...description.runtime, note };
}
