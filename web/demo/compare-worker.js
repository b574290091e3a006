// SPDX-License-Identifier: Apache-2.0
// One ONNX file in two engines, on one thread of one worker, in turn: what disturbs one disturbs the other.
import { convert } from "/mite/dist/convert.js";
import { load } from "/mite/dist/index.js";

const WARM = 3;
const ROUNDS = 30;
const LONGEST = 8000; // milliseconds of measuring

/** @typedef {import("../../bindings/js/mite.d.ts").DType} DType */
/** @typedef {{ data: any, shape: readonly number[], dtype: DType }} Input */
/** @typedef {{ onnx: Blob, inputs: Record<string, Input> }} Task */
/** @typedef {"mite" | "peer"} Engine */
/**
 * @typedef {object} Compared
 * @property {Record<Engine, number>} ready milliseconds from the file's bytes to the first answer
 * @property {number} converted of these, what mite's conversion takes
 * @property {Record<Engine, number[]>} times of every run, in milliseconds
 * @property {number} difference largest of an output's element
 * @property {number} of the largest element
 * @property {boolean} sameBest whether the largest element is the same in all outputs
 * @property {string} build of mite
 */
/** @typedef {{ step: string, done?: number } | { compared: Compared } | { problem: string }} Message */

/** @type {(message: Message) => void} */
const tell = (message) => postMessage(message);

addEventListener("message", ({ data }) => {
  compare(data).then(
    (compared) => tell({ compared }),
    (error) => tell({ problem: error instanceof Error ? error.message : String(error) }),
  );
});

/**
 * @param {Task} task
 * @returns {Promise<Compared>}
 */
async function compare({ onnx, inputs }) {
  const bytes = new Uint8Array(await onnx.arrayBuffer());
  tell({ step: "Fetching onnxruntime-web" });
  const ort = await peer();
  tell({ step: "Preparing mite" });
  const { mite, ...ready } = await readyMite(bytes, inputs);
  tell({ step: "Preparing onnxruntime-web" });
  const begin = performance.now();
  const other = await readyPeer(ort, bytes, inputs);
  const engines = { mite: mite.run, peer: other.run };
  const first = { mite: await mite.run(), peer: await other.run() };
  const compared = {
    converted: ready.converted,
    ready: { mite: ready.ms, peer: performance.now() - begin },
    times: await race(engines),
    ...agreement(first.mite, first.peer),
    build: mite.build,
  };
  await Promise.all([mite.end(), other.end()]);
  return compared;
}

/**
 * In turn, and who is first changes from round to round.
 * @param {Record<Engine, () => Promise<unknown>>} engines
 */
async function race(engines) {
  /** @type {Record<Engine, number[]>} */
  const times = { mite: [], peer: [] };
  const end = performance.now() + LONGEST;
  for (let round = -WARM; round < ROUNDS && performance.now() < end; round++) {
    /** @type {Engine[]} */
    const order = round % 2 ? ["mite", "peer"] : ["peer", "mite"];
    for (const name of order) {
      const begin = performance.now();
      await engines[name]();
      if (round >= 0) times[name].push(performance.now() - begin);
    }
    tell({ step: "Running both in turn", done: (round + WARM + 1) / (ROUNDS + WARM) });
  }
  return times;
}

/**
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {Record<string, Input>} inputs
 */
async function readyMite(bytes, inputs) {
  const begin = performance.now();
  const inputShapes = Object.fromEntries(Object.entries(inputs).map(([name, { shape }]) => [name, shape]));
  const made = await convert(bytes, { inputShapes, selfTest: false });
  const converted = performance.now() - begin;
  const model = await load(made.bytes, { worker: false, threads: 1 });
  const run = () => model.run(inputs);
  return {
    ms: performance.now() - begin,
    converted,
    mite: { run, build: model.runtime.build, end: () => model.dispose() },
  };
}

/** @returns {Promise<any>} onnxruntime-web, whose types are not here */
async function peer() {
  const ort = await import(/** @type {string} */ ("/peer/ort.wasm.min.mjs"));
  ort.env.logLevel = "error";
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = new URL("/peer/", location.href).href;
  return ort;
}

/** @type {Partial<Record<DType, string>>} */
const types = {
  f32: "float32",
  f64: "float64",
  f16: "float16",
  u8: "uint8",
  i8: "int8",
  u16: "uint16",
  i16: "int16",
  u32: "uint32",
  i32: "int32",
  u64: "uint64",
  i64: "int64",
  bool: "bool",
};

/**
 * @param {any} ort
 * @param {Uint8Array} bytes
 * @param {Record<string, Input>} inputs
 */
async function readyPeer(ort, bytes, inputs) {
  const session = await ort.InferenceSession.create(bytes);
  const feeds = Object.fromEntries(
    Object.entries(inputs).map(([name, { data, shape, dtype }]) => {
      return [name, new ort.Tensor(types[dtype], data, shape)];
    }),
  );
  return { run: () => session.run(feeds), end: () => session.release() };
}

/**
 * @param {Record<string, { data: any }>} mine
 * @param {Record<string, { data: any }>} theirs
 */
function agreement(mine, theirs) {
  let [difference, of, sameBest] = [0, 0, true];
  for (const [name, { data }] of Object.entries(theirs)) {
    const own = mine[name]?.data;
    if (own?.length !== data.length) throw new Error(`the two give different shapes for ${name}`);
    let [best, ownBest] = [0, 0];
    for (let i = 0; i < data.length; i++) {
      difference = Math.max(difference, Math.abs(Number(data[i]) - Number(own[i])));
      of = Math.max(of, Math.abs(Number(data[i])));
      if (data[i] > data[best]) best = i;
      if (own[i] > own[ownBest]) ownBest = i;
    }
    sameBest &&= best === ownBest;
  }
  return { difference, of, sameBest };
}
