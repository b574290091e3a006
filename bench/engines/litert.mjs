// SPDX-License-Identifier: Apache-2.0
// LiteRT.js: TFLite with XNNPACK. It takes pictures as NHWC and f32 in and out, whatever is within.
import { channelsLast } from "./layout.mjs";

/** @typedef {typeof import("@litertjs/core")} LiteRt */

/** @type {Promise<unknown> | undefined} The runtime loads once a process or page. */
let runtime;

/**
 * It loads its glue by importScripts or a script tag and looks for `self`; Node has neither. While it
 * loads, it is given an importScripts that requires a copy which Node takes for CommonJS.
 * @param {import("./engines.mjs").Environment} env
 * @param {LiteRt} litert
 * @param {number} threads
 */
async function loadInNode(env, litert, threads) {
  const { createRequire } = await import("node:module");
  const { copyFile, mkdir } = await import("node:fs/promises");
  const { fileURLToPath } = await import("node:url");
  const name = threads > 1 ? "litert_wasm_threaded_internal" : "litert_wasm_internal";
  const folder = fileURLToPath(new URL("../../build/bench/litert/", import.meta.url));
  const glue = `${folder}${name}.${process.pid}.cjs`;
  await mkdir(folder, { recursive: true });
  await copyFile(new URL(`../node_modules/@litertjs/core/wasm/${name}.js`, import.meta.url), glue);
  const scope = /** @type {any} */ (globalThis);
  scope.self = scope;
  const wasmBinary = await env.read(env.peer(`@litertjs/core/wasm/${name}.wasm`));
  scope.Module = { wasmBinary, print() {}, printErr() {} };
  scope.importScripts = () => {
    scope.ModuleFactory = createRequire(import.meta.url)(glue);
  };
  const { warn } = console;
  console.warn = () => {}; // that there is no WebGPU here
  try {
    await litert.loadLiteRt(`${folder}${name}.js`);
  } finally {
    console.warn = warn;
    delete scope.importScripts;
  }
}

/** @type {import("./engines.mjs").Make} */
export async function make(env, { kind, threads, shape }) {
  const litert = await import("@litertjs/core");
  await (runtime ??= env.node
    ? loadInNode(env, litert, threads)
    : litert.loadLiteRt(env.peer("@litertjs/core/wasm/"), { threads: threads > 1 }));
  const model = await litert.loadAndCompile(await env.read(env.file(`${kind}.tflite`)), {
    accelerator: "wasm",
    cpuOptions: { numThreads: threads },
  });
  const layout = channelsLast(shape);
  /** @type {Float32Array} */
  let input;
  return {
    threads,
    prepare: (values) => (input = layout.from(values)),
    run: async () => {
      const tensor = new litert.Tensor(input, layout.shape);
      const [output] = await model.run([tensor]);
      const data = new Float32Array(await output.data());
      tensor.delete();
      output.delete();
      return data;
    },
  };
}
