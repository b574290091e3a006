// SPDX-License-Identifier: Apache-2.0
// A further thread of a model: a worker with an instance of the same module on the same memory,
// which lends its thread to C (runtime/exec/threads.c) until it is ended. Its owner is crew.js.
//
//   owner → helper                              helper → owner
//                                               { event: "ready" }
//   { module, memory, helper, stack }           counts itself in memory (session_threads)
import { isNode, nodeModule } from "./platform.js";
import { importsOf } from "./wasm.js";

/**
 * @typedef {object} Place
 * @property {WebAssembly.Module} module
 * @property {WebAssembly.Memory} memory
 * @property {number} helper the address of this thread's record
 * @property {number} stack the end of its stack
 */

/** @param {Place} place */
function join({ module, memory, helper, stack }) {
  const { exports } = new WebAssembly.Instance(module, importsOf(module, memory));
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

/** @returns {(message: unknown) => void} */
function connect() {
  if (isNode) {
    const { parentPort } = nodeModule("node:worker_threads");
    parentPort.once("message", join);
    return (message) => parentPort.postMessage(message);
  }
  addEventListener("message", ({ data }) => join(data), { once: true });
  return (message) => postMessage(message);
}

const post = connect(); // without await: bundlers may make this a classic script
post({ event: "ready" });
