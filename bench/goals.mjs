// SPDX-License-Identifier: Apache-2.0
// What mite sets out to reach: how many times as fast as whom, on one thread and on two.

/**
 * @typedef {object} Goal
 * @property {string} network
 * @property {"f32" | "int8"} kind of mite
 * @property {string} engine
 * @property {"f32" | "int8"} against kind of the other
 * @property {readonly [number, number]} times on one thread, on two
 */

/** @type {readonly Goal[]} */
export const goals = [
  { network: "efficientnet-lite0", kind: "f32", engine: "LiteRT.js", against: "f32", times: [1.8, 1.7] },
  { network: "efficientnet-lite0", kind: "f32", engine: "onnxruntime-web", against: "f32", times: [3, 2.8] },
  { network: "efficientnet-lite0", kind: "int8", engine: "LiteRT.js", against: "int8", times: [1.7, 1.7] },
  { network: "efficientnet-lite0", kind: "int8", engine: "onnxruntime-web", against: "int8", times: [7, 6] },
  { network: "efficientnet-lite0", kind: "int8", engine: "mite", against: "f32", times: [1.7, 1.7] },
  { network: "mobilenet-v2", kind: "f32", engine: "LiteRT.js", against: "f32", times: [1.6, 1.6] },
  { network: "mobilenet-v2", kind: "int8", engine: "LiteRT.js", against: "int8", times: [1.6, 1.6] },
  { network: "resnet-50", kind: "f32", engine: "LiteRT.js", against: "f32", times: [1.7, 1.7] },
  { network: "resnet-50", kind: "f32", engine: "onnxruntime-web", against: "f32", times: [2.6, 2.6] },
  { network: "transformer", kind: "f32", engine: "onnxruntime-web", against: "f32", times: [1.8, 1.8] },
  { network: "transformer", kind: "int8", engine: "onnxruntime-web", against: "int8", times: [3, 3] },
];

/** Of EfficientNet-Lite0: WebAssembly memory in MB; cold start in Node in ms. */
export const memoryGoals = { int8: 10, f32: 26 };
export const coldGoal = 60;
/** Two threads against one, on a quiet machine; and beside a busy process, at most so much slower. */
export const scalingGoals = { quiet: 1.85, busy: 1.1 };
/** Of the register peak, a whole network in f32. */
export const peakGoal = 0.8;
/** Microseconds that sharing a node out among awake threads may cost. */
export const dispatchGoal = 1;
/** Speed without relaxed SIMD, of that with it. */
export const buildGoals = { f32: 0.8, int8: 0.85 };
