// SPDX-License-Identifier: Apache-2.0
// onnxruntime-web's WebAssembly backend.

/** @type {import("./engines.mjs").Make} */
export async function make(env, { kind, threads, shape }) {
  // Its web build's threads do not start in Node, and its Node build is slower to start.
  const file = "../node_modules/onnxruntime-web/dist/ort.wasm.min.mjs";
  /** @type {typeof import("onnxruntime-web")} */
  const ort = await import(env.node && threads > 1 ? "onnxruntime-web" : file);
  const wasm = "onnxruntime-web/dist/ort-wasm-simd-threaded.wasm";
  ort.env.logLevel = "error";
  ort.env.wasm.numThreads = threads;
  if (env.node) ort.env.wasm.wasmBinary = await env.read(env.peer(wasm)); // it would read a file
  const session = await ort.InferenceSession.create(await env.read(env.file(`${kind}.onnx`)));
  const [from] = session.inputNames;
  const [to] = session.outputNames;
  /** @type {Float32Array} */
  let input;
  return {
    threads,
    prepare: (values) => (input = values),
    run: async () => {
      const output = await session.run({ [from]: new ort.Tensor("float32", input, shape) });
      return /** @type {Float32Array} */ (output[to].data);
    },
  };
}
