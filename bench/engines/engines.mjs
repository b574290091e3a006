// SPDX-License-Identifier: Apache-2.0
// Every engine behind one interface, for Node and pages alike.

/**
 * @typedef {object} Environment
 * @property {boolean} node
 * @property {string} origin of the bench's server; modules and models come from there
 * @property {(name: string) => string} file address of a file of the network that is run
 * @property {(path: string) => string} peer address of a file below node_modules
 * @property {(address: string) => Promise<Uint8Array>} read
 *
 * @typedef {object} Engine
 * @property {number} threads how many it really has
 * @property {(input: Float32Array) => void} prepare takes the input in ONNX's order; not timed
 * @property {() => Promise<Float32Array>} run from numbers to numbers: what it costs to bring them in
 *   and out is counted for all
 * @property {() => Promise<readonly import("../../bindings/js/mite.d.ts").NodeProfile[]>} [profile]
 *
 * @typedef {{ kind: "f32" | "int8", threads: number, shape: readonly number[], build?: "simd" }} Options shape
 *   of the input as in ONNX; build: see race.mjs
 * @typedef {(env: Environment, options: Options) => Promise<Engine>} Make
 */

/** Name → module; each is imported when it is needed, so that cold starts see only their own. */
export const engines = {
  "mite": "./mite.mjs",
  "LiteRT.js": "./litert.mjs",
  "onnxruntime-web": "./onnxruntime.mjs",
  "tfjs-wasm": "./tfjs.mjs",
};

/**
 * @param {string} name
 * @param {Environment} env
 * @param {Options} options
 * @returns {Promise<Engine>}
 */
export async function start(name, env, options) {
  const { make } = await import(engines[/** @type {keyof typeof engines} */ (name)]);
  return make(env, options);
}
