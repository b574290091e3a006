// SPDX-License-Identifier: Apache-2.0
// Starts workers, in a page as in Node.
import { messageOf } from "./errors.js";
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
 * `model`: owns a model (worker.js); `helper`: a further thread of one (helper.js).
 * @typedef {"model" | "helper"} Role
 */

/**
 * Starts a worker and waits until it listens; rejects if it cannot start.
 * @param {Role} role
 * @returns {Promise<Thread>}
 */
export async function startWorker(role) {
  const here = hasPageWorkers();
  if (!here && !isNode) throw new Error("there are no workers here");
  const thread = here ? pageWorker(role) : nodeWorker(role);
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
 * @param {Role} role
 * @returns {Thread}
 */
function pageWorker(role) {
  // Written out for bundlers, which look for exactly this form.
  const worker =
    role === "model"
      ? new Worker(new URL("./worker.js", import.meta.url), { type: "module" })
      : new Worker(new URL("./helper.js", import.meta.url), { type: "module" });
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
 * @param {Role} role
 * @returns {Thread}
 */
function nodeWorker(role) {
  const { Worker: NodeWorker } = nodeModule("node:worker_threads");
  const here = import.meta.url; // kept apart so that bundlers do not take this for the page's
  const script = new URL(role === "model" ? "./worker.js" : "./helper.js", here);
  // The process's own options may be such that a worker cannot have (--input-type).
  const worker = new NodeWorker(script, { execArgv: [] });
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
