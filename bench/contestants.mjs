// SPDX-License-Identifier: Apache-2.0
// Every engine behind one interface, for Node and pages alike: make(environment) loads EfficientNet-
// Lite0 and gives { name, run(input), bytes }. `run` takes and gives f32 in NCHW logits order, so
// that what it costs to bring numbers in and out is counted for all.

/**
 * @typedef {object} Environment
 * @property {(path: string) => Promise<Uint8Array>} read of shared/models/, or of models/ here
 * @property {string} peers where node_modules lies
 * @property {string} mite where bindings/js lies
 * @property {boolean} node
 */

/** @param {"f32" | "int8"} kind */
const mite = (kind) => async (/** @type {Environment} */ env) => {
  const { load } = await import(`${env.mite}/src/index.js`);
  const file = `efficientnet-lite0/efficientnet-lite0.${kind}.mite`;
  const model = await load(await env.read(`mite:${file}`), { worker: false });
  return {
    run: async (input) => (await model.run(input)).data,
    bytes: () => model.runtime.bytes,
  };
};

/** @param {"f32" | "int8"} kind */
const ort = (kind) => async (env) => {
  const ort = await import(`${env.peers}/onnxruntime-web/dist/ort.wasm.min.mjs`);
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = "error";
  const file = kind === "f32" ? "efficientnet_lite0.onnx" : "efficientnet_lite0_int8.onnx";
  const session = await ort.InferenceSession.create(await env.read(file));
  return {
    run: async (input) => {
      const tensor = new ort.Tensor("float32", input, [1, 3, 224, 224]);
      return (await session.run({ input: tensor })).logits.data;
    },
    bytes: () => 0,
  };
};

/** @type {Promise<unknown> | undefined} */
let liteRt;

/** @param {"f32" | "int8"} kind */
const litert = (kind) => async (env) => {
  if (env.node) throw new Error("LiteRT.js loads its module by script tags: pages only");
  const litert = await import(`${env.peers}/@litertjs/core/dist/index.js`);
  await (liteRt ??= litert.loadLiteRt(`${env.peers}/@litertjs/core/wasm/`)); // once a page
  const file = kind === "f32" ? "efficientnet_lite0_f32.tflite" : "efficientnet_lite0_int8_float_io.tflite";
  const model = await litert.loadAndCompile(await env.read(`tf/${file}`), { accelerator: "wasm" });
  const nhwc = new Float32Array(150528);
  return {
    // TensorFlow's form of the network wants NHWC; turning it round is not counted to its time.
    prepare: (input) => {
      for (let i = 0; i < 50176; i++) {
        for (let c = 0; c < 3; c++) nhwc[3 * i + c] = input[50176 * c + i];
      }
    },
    run: async () => {
      const tensor = new litert.Tensor(nhwc, [1, 224, 224, 3]);
      const [output] = await model.run([tensor]);
      const data = await output.data();
      const copy = new Float32Array(data);
      tensor.delete();
      output.delete();
      return copy;
    },
    bytes: () => 0,
  };
};

export const contestants = {
  "mite f32": mite("f32"),
  "mite int8": mite("int8"),
  "onnxruntime-web f32": ort("f32"),
  "onnxruntime-web int8": ort("int8"),
  "LiteRT.js f32": litert("f32"),
  "LiteRT.js int8": litert("int8"),
};

const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];

/**
 * Loads all, then runs them in turn, `rounds` times, after `warm` rounds that are not counted.
 * @param {Environment} env
 * @param {{ rounds: number, warm: number }} options
 */
export async function race(env, { rounds, warm }) {
  const entries = [];
  const absent = {};
  for (const [name, make] of Object.entries(contestants)) {
    try {
      const begin = performance.now();
      const engine = await make(env);
      entries.push({ name, engine, load: performance.now() - begin, times: [] });
    } catch (error) {
      absent[name] = error instanceof Error ? error.message : String(error);
    }
  }
  const input = Float32Array.from({ length: 150528 }, (_, i) => Math.sin(i * 0.37) * 0.9);
  for (const entry of entries) entry.engine.prepare?.(input);
  for (let round = 0; round < warm + rounds; round++) {
    for (const entry of entries) {
      const begin = performance.now();
      const logits = await entry.engine.run(input);
      const time = performance.now() - begin;
      if (round === 0) {
        entry.first = time;
        entry.best = logits.indexOf(Math.max(...logits));
      }
      if (round >= warm) entry.times.push(time);
    }
  }
  return {
    absent,
    results: entries.map(({ name, load, first, best, times, engine }) => ({
      name, load, first, best, median: median(times), least: Math.min(...times), bytes: engine.bytes(),
    })),
  };
}
