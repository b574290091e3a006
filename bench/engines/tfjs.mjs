// SPDX-License-Identifier: Apache-2.0
// TensorFlow.js with its WebAssembly backend; f32 only.
import { channelsLast } from "./layout.mjs";

/** @param {number} value */
const pretendCores = (value) =>
  Object.defineProperty(navigator, "hardwareConcurrency", { value, configurable: true });

/** @type {import("./engines.mjs").Make} */
export async function make(env, { kind, threads, shape }) {
  if (kind !== "f32") throw new Error("tfjs-backend-wasm computes in f32 only");
  if (env.node && threads > 1) throw new Error("its threads are blob workers, which Node does not have");
  const [tf, { loadGraphModel }, wasm] = await Promise.all([
    import("@tensorflow/tfjs-core"),
    import("@tensorflow/tfjs-converter"),
    import("@tensorflow/tfjs-backend-wasm"),
  ]);
  wasm.setWasmPaths(env.peer("@tensorflow/tfjs-backend-wasm/wasm-out/"), env.node);
  wasm.setThreadsCount(threads);
  tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", threads > 1);
  if (threads > 1) pretendCores(2 * threads); // it starts half as many threads
  await tf.setBackend("wasm");
  await tf.ready();
  if (threads > 1) delete /** @type {any} */ (navigator).hardwareConcurrency;
  const model = await loadGraphModel(env.file("tfjs/model.json"));
  const layout = channelsLast(shape);
  /** @type {Float32Array} */
  let input;
  return {
    threads: threads > 1 ? wasm.getThreadsCount() : 1,
    prepare: (values) => (input = layout.from(values)),
    run: async () => {
      const tensor = tf.tensor(input, layout.shape, "float32");
      const output = /** @type {import("@tensorflow/tfjs-core").Tensor} */ (model.execute(tensor));
      const data = /** @type {Float32Array} */ (await output.data());
      tf.dispose([tensor, output]);
      return data;
    },
  };
}
