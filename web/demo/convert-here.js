// SPDX-License-Identifier: Apache-2.0
// Converts a visitor's file in a worker of its own, which ends with it.

/** @typedef {import("./convert-worker.js").Made} Made */
/** @typedef {import("./convert-worker.js").Message} Message */
/** @typedef {import("./convert-worker.js").ModelFiles} ModelFiles */

/**
 * @param {ModelFiles} files
 * @param {AbortSignal} signal
 * @param {(message: Message) => void} [onMessage]
 * @returns {Promise<Made>}
 */
export function makeInWorker(files, signal, onMessage = () => {}) {
  const worker = new Worker(new URL("convert-worker.js", import.meta.url), { type: "module" });
  /** @type {Promise<Made>} */
  const made = new Promise((resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    worker.addEventListener("error", () =>
      reject(new Error("The converter could not be started, or ran out of memory.")),
    );
    worker.addEventListener("message", ({ data }) => {
      if ("made" in data) resolve(data.made);
      else if ("problem" in data) reject(new Error(data.problem));
      else onMessage(data);
    });
    worker.postMessage(files);
  });
  return made.finally(() => worker.terminate());
}
