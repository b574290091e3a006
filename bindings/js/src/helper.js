// SPDX-License-Identifier: Apache-2.0
// A further thread of a model: a worker with an instance of the same module on the same memory,
// which lends its thread to C (runtime/exec/threads.c) until it is ended. Its owner is crew.js.
//
//   owner → helper                              helper → owner
//                                               { event: "ready" }
//   { module, sides, memory, helper, stack }    counts itself in memory (session_threads)
import { isNode, nodeModule } from "./platform.js";
import { link } from "./wasm.js";

/**
 * @typedef {object} Place
 * @property {WebAssembly.Module} module
 * @property {WebAssembly.Module[]} [sides]
 * @property {WebAssembly.Memory} memory
 * @property {number} helper the address of this thread's record
 * @property {number} stack the end of its stack
 */

/** @param {Place} place */
async function join({ module, sides, memory, helper, stack }) {
  const exports = await link(module, { memory, sides, joins: true });
  const call = /** @type {Record<string, (helper: number) => void>} */ (exports);
  /** @type {WebAssembly.Global} */ (exports.__stack_pointer).value = stack;
  call.join(helper);
  try {
    call.help(helper);
  } catch (error) {
    call.help_crashed(helper); // the owner, who may be waiting for it, crashes too
    throw error;
  }
}

/**
 * To the owner: in a page, only what is thrown outside of promises arrives there.
 * @param {unknown} error
 */
function fail(error) {
  setTimeout(() => {
    throw error;
  });
}

/** @returns {(message: unknown) => void} */
function connect() {
  if (isNode) {
    const { parentPort } = nodeModule("node:worker_threads");
    parentPort.once("message", (/** @type {Place} */ place) => join(place).catch(fail));
    return (message) => parentPort.postMessage(message);
  }
  addEventListener("message", ({ data }) => join(data).catch(fail), { once: true });
  return (message) => postMessage(message);
}

const post = connect(); // without await: bundlers may make this a classic script
post({ event: "ready" });
