// SPDX-License-Identifier: Apache-2.0
// Starts workers, in a page as in Node.
import { messageOf } from "./errors.js";
import { isLeftBehind } from "./left-behind.js";
import { hasPageWorkers, isNode, nodeModule } from "./platform.js";

const START_MS = 10_000;

/**
 * A worker of a page or of Node behind one interface.
 * @typedef {object} Thread
 * @property {(message: unknown, transfer?: Transferable[]) => void} post
 * @property {() => unknown} end a promise in Node: the thread is gone
 * @property {(busy: boolean) => void} keepAlive whether the worker keeps a Node process alive
 * @property {(message: any) => void} onMessage
 * @property {(reason: string) => void} onFailure the worker is gone
 */

/**
 * Starts a worker and waits until it listens; rejects if it cannot start. `make` stands with who
 * wants the worker, not here: bundlers follow it, and a worker that contains the way to itself is a
 * circle, which makes webpack warn and Turbopack wait for ever.
 * @param {string} script its file's name, beside this one
 * @param {() => Worker} make written out as `new Worker(new URL("./…", import.meta.url), …)`, the
 *   form that bundlers look for
 * @returns {Promise<Thread>}
 */
export async function startWorker(script, make) {
  const here = hasPageWorkers();
  if (!here && !isNode) throw new Error("there are no workers here");
  const text = isLeftBehind() ? await (await import("./embedded.js")).workerText(script) : undefined;
  const thread = here ? pageWorker(ofThisOrigin(script, make, text)) : nodeWorker(script, text);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  try {
    await new Promise((resolve, reject) => {
      thread.onMessage = resolve;
      thread.onFailure = (reason) => reject(new Error(reason));
      timer = setTimeout(thread.onFailure, START_MS, `it did not start in ${START_MS / 1000} s`);
    });
    return thread;
  } catch (error) {
    thread.end();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * @param {Worker} worker
 * @returns {Thread}
 */
function pageWorker(worker) {
  /** @type {Thread} */
  const thread = {
    post: (message, transfer) => worker.postMessage(message, transfer ?? []),
    end: () => worker.terminate(),
    keepAlive() {},
    onMessage() {},
    onFailure() {},
  };
  worker.onmessage = ({ data }) => thread.onMessage(data);
  worker.onmessageerror = () => thread.onFailure("a message could not be read");
  worker.onerror = (event) => {
    event.preventDefault();
    thread.onFailure(event.message || "its script could not be loaded");
  };
  return thread;
}

/**
 * Pages may not start a worker from another origin (a CDN), but one of their own may import it.
 * @param {string} script
 * @param {() => Worker} make
 * @param {string} [text] the script itself, where it is no file
 */
function ofThisOrigin(script, make, text) {
  const here = import.meta.url; // kept apart: bundlers follow `make` only
  if (text === undefined) {
    const foreign = /^https?:/.test(here) && !here.startsWith(`${globalThis.origin}/`);
    if (!foreign) return make();
    text = `import ${JSON.stringify(new URL(script, here).href)};`;
  }
  const address = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  const worker = new Worker(address, { type: "module" });
  worker.addEventListener("message", () => URL.revokeObjectURL(address), { once: true });
  return worker;
}

/**
 * @param {string} script
 * @param {string} [text]
 * @returns {Thread}
 */
function nodeWorker(script, text) {
  const { Worker: NodeWorker } = nodeModule("node:worker_threads");
  const here = import.meta.url; // kept apart: bundlers follow `make` only
  // The process's own options may be such that a worker cannot have (--input-type).
  const worker = new NodeWorker(text ?? new URL(script, here), { eval: !!text, execArgv: [] });
  /** @type {Thread} */
  const thread = {
    post: (message, transfer) => worker.postMessage(message, transfer),
    end: () => worker.terminate(),
    keepAlive: (busy) => (busy ? worker.ref() : worker.unref()),
    onMessage() {},
    onFailure() {},
  };
  worker.on("message", (/** @type {unknown} */ message) => thread.onMessage(message));
  worker.on("error", (/** @type {unknown} */ error) => thread.onFailure(messageOf(error)));
  worker.on("exit", () => thread.onFailure("it ended"));
  return thread;
}
