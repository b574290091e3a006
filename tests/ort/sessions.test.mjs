// SPDX-License-Identifier: Apache-2.0
// The same code with onnxruntime-web and with mite/ort: what applications ask of a session, and the
// same answers.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { shared } from "../js/support.mjs";
import * as ort from "../../bindings/js/dist/ort.js";
import * as original from "../../bench/node_modules/onnxruntime-web/dist/ort.node.min.mjs";
import { root } from "./clients.mjs";

original.env.wasm.numThreads = 1;
const models = new URL("models/", import.meta.url).pathname;
const matmul = join(models, "matmul.onnx");
const bert = join(models, "tiny-bert/onnx/model.onnx");

/** Numbers that do not repeat soon, from -1 to 1. */
const numbers = (count) => Float32Array.from({ length: count }, (_, i) => Math.sin(i * 1.7 + 0.3));

/**
 * What both make of the same feeds: same names, types and dims, numbers within 1e-3 of the largest.
 * @param {string | Uint8Array} model
 * @param {((Tensor: any) => Record<string, any>)[]} runs feeds of one run after another
 * @param {{ options?: object, tolerance?: number }} [how]
 */
async function compare(model, runs, { options, tolerance = 1e-3 } = {}) {
  const sessions = [];
  for (const { InferenceSession } of [ort, original]) {
    sessions.push(await InferenceSession.create(model, { ...options }));
  }
  const [ours, theirs] = sessions;
  assert.deepEqual(ours.inputNames, theirs.inputNames);
  assert.deepEqual(ours.outputNames, theirs.outputNames);
  for (const feeds of runs) {
    const got = await ours.run(feeds(ort.Tensor));
    const want = await theirs.run(feeds(original.Tensor));
    assert.deepEqual(Object.keys(got), Object.keys(want));
    for (const [name, { type, dims, data, size, location }] of Object.entries(want)) {
      const tensor = got[name];
      assert.deepEqual(
        [tensor.type, tensor.dims, tensor.size, tensor.location, tensor.data.constructor],
        [type, [...dims], size, location, data.constructor],
        name,
      );
      const [a, b] = [tensor.data, data].map((values) => Array.from(values, Number));
      const largest = b.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3);
      const worst = b.reduce((most, value, i) => Math.max(most, Math.abs(a[i] - value)), 0);
      assert.ok(worst <= tolerance * largest, `${name}: ${worst} of ${largest}`);
    }
  }
  // onnxruntime shows -1 without its sign where a dimension has no name.
  const named = theirs.inputMetadata.map((one) => ({
    ...one,
    shape: one.shape.map((dim) => (dim === 2 ** 32 - 1 ? -1 : dim)),
  }));
  assert.deepEqual(ours.inputMetadata, named);
  await ours.release();
  await theirs.release();
}

test("the quick start of onnxruntime-web", async () => {
  const session = await ort.InferenceSession.create(matmul);
  const dataA = Float32Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  const dataB = Float32Array.from([10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120]);
  const tensorA = new ort.Tensor("float32", dataA, [3, 4]);
  const tensorB = new ort.Tensor("float32", dataB, [4, 3]);
  const results = await session.run({ a: tensorA, b: tensorB });
  assert.deepEqual(
    Array.from(results.c.data),
    [700, 800, 900, 1580, 1840, 2100, 2460, 2880, 3300],
  );
  assert.deepEqual(results.c.dims, [3, 3]);
  assert.equal(dataA[0], 1, "feeds stay the caller's");
  await session.release();
});

test("a convolutional network", () => {
  const feeds = (Tensor) => ({ input: new Tensor("float32", numbers(64), [1, 1, 8, 8]) });
  return compare(join(root, "tests/models/digits_cnn.onnx"), [feeds]);
});

test("a quantized network", () => {
  const feeds = (Tensor) => ({ input: new Tensor("float32", numbers(64), [1, 1, 8, 8]) });
  return compare(join(root, "tests/models/digits_cnn_int8.onnx"), [feeds]);
});

/** @param {number} batch @param {number} length */
const tokens = (batch, length, vocabulary = 70) => (Tensor) => {
  const dims = [batch, length];
  const ids = Array.from({ length: batch * length }, (_, i) => (i * 7 + 5) % vocabulary);
  return {
    input_ids: new Tensor("int64", ids, dims),
    attention_mask: new Tensor("int64", ids.map((_, i) => BigInt(i % length < length - 1)), dims),
    token_type_ids: new Tensor(new BigInt64Array(ids.length), dims),
  };
};

test("a transformer with int64 tokens: shapes differ from run to run", () =>
  compare(bert, [tokens(1, 7), tokens(3, 4), tokens(1, 30), tokens(1, 7)]));

test("a vision transformer: batches differ from run to run", () => {
  const feeds = (batch) => (Tensor) => ({
    pixel_values: new Tensor("float32", numbers(batch * 3072), [batch, 3, 32, 32]),
  });
  return compare(join(models, "tiny-vit/onnx/model.onnx"), [feeds(1), feeds(4), feeds(2)]);
});

test("every element type, both ways", () => {
  const data = {
    float: new Float32Array([1, -2.5, 3, 0, 1e30, -0]),
    uint8: new Uint8Array([0, 1, 2, 255, 4, 5]),
    int8: new Int8Array([-128, 1, 2, 127, 4, 5]),
    uint16: new Uint16Array([0, 1, 65535, 3, 4, 5]),
    int16: new Int16Array([-32768, 1, 2, 3, 32767, 5]),
    int32: new Int32Array([-(2 ** 31), 1, 2, 3, 4, 2 ** 31 - 1]),
    int64: new BigInt64Array([-(2n ** 63n), 1n, 2n, 3n, 4n, 2n ** 63n - 1n]),
    bool: [true, false, true, true, false, false],
    double: new Float64Array([1e300, 1, 2, 3, 4, -5e-300]),
    uint32: new Uint32Array([0, 1, 2, 3, 4, 2 ** 32 - 1]),
    uint64: new BigUint64Array([0n, 1n, 2n, 3n, 4n, 2n ** 64n - 1n]),
  };
  const halves = new Uint16Array([0x3c00, 0xc000, 0x7bff, 0, 1, 0x8001]); // 1, -2, 65504, 0, ±2⁻²⁴
  return compare(join(models, "types.onnx"), [
    (Tensor) => ({
      ...Object.fromEntries(
        Object.entries(data).map(([name, values]) => [name, new Tensor(values, [2, 3])]),
      ),
      float16: new Tensor("float16", halves, [2, 3]),
    }),
  ]);
});

test("tensors without elements, as the first step of a decoder is given", async () => {
  const session = await ort.InferenceSession.create(join(models, "types.onnx"));
  const feeds = session.inputMetadata.map(({ name, type }) => {
    return [name, new ort.Tensor(type, type === "float16" ? new Uint16Array(0) : [], [0, 3])];
  });
  const results = await session.run(Object.fromEntries(feeds));
  for (const { dims, size } of Object.values(results)) assert.deepEqual([dims, size], [[3, 0], 0]);
  await session.release();
});

test("weights in a file of their own: given, and in Node found beside the model", async () => {
  const model = readFileSync(join(models, "beside/model.onnx"));
  const weights = readFileSync(join(models, "beside/weights.bin"));
  const feeds = (Tensor) => ({ x: new Tensor("float32", numbers(8), [2, 4]) });
  for (const path of ["weights.bin", "./weights.bin"]) {
    await compare(model, [feeds], { options: { externalData: [{ path, data: weights }] } });
  }
  const file = join(models, "beside/model.onnx");
  for (const externalData of [undefined, [join(models, "beside/weights.bin")]]) {
    const session = await ort.InferenceSession.create(file, { externalData });
    assert.deepEqual((await session.run(feeds(ort.Tensor))).y.dims, [2, 512]);
    await session.release();
  }
  await assert.rejects(ort.InferenceSession.create(model), /weights\.bin/);
});

test("a dimension that is fixed by its name", async () => {
  const session = await ort.InferenceSession.create(bert, {
    freeDimensionOverrides: { batch_size: 1, sequence_length: 8, unheard_of: 3 },
  });
  assert.deepEqual(session.model.inputs[0].shape, [1, 8]);
  assert.deepEqual(session.inputMetadata[0].shape, [1, 8]);
  assert.deepEqual((await session.run(tokens(1, 8)(ort.Tensor))).last_hidden_state.dims, [1, 8, 32]);
  await assert.rejects(session.run(tokens(1, 9)(ort.Tensor)), /\[1, 8\].*\[1, 9\]/);
  await session.release();
});

test("a model that only known shapes can convert is converted for each of them", async () => {
  // Which of a sequence it takes depends on the length.
  const byLength = join(models, "by-length-bert.onnx");
  const short = [2, 3, 4, 5, 6].map((n) => tokens(1, n));
  await compare(byLength, [tokens(1, 7), tokens(3, 4), tokens(1, 7), ...short]);
  const session = await ort.InferenceSession.create(byLength, { logSeverityLevel: 3, enableProfiling: true });
  assert.match(session.notes.join(), /converted anew/);
  await assert.rejects(session.run({}), /'input_ids' is missing; the model has 'input_ids', 'attention_mask'/);
  await assert.rejects(session.run({ ...tokens(1, 2)(ort.Tensor), y: 1 }), /no input 'y'/);
  const both = [tokens(1, 3), tokens(2, 5)].map((feeds) => session.run(feeds(ort.Tensor)));
  const dims = (await Promise.all(both)).map(({ last_hidden_state }) => last_hidden_state.dims);
  assert.deepEqual(dims, [[1, 3, 32], [2, 5, 32]]);
  await session.release();
  await assert.rejects(session.run(tokens(1, 3)(ort.Tensor)), /released/);
});

test("bytes, parts of buffers, Blobs, addresses and .mite files", async () => {
  const bytes = new Uint8Array(readFileSync(matmul));
  const around = new Uint8Array(bytes.length + 20);
  around.set(bytes, 7);
  const of = [
    [bytes],
    [bytes.buffer],
    [around.subarray(7, 7 + bytes.length)],
    [around.buffer, 7, bytes.length],
    [around.buffer, 7, bytes.length, { executionProviders: ["wasm"] }],
    [new Blob([bytes])],
    [new URL("models/matmul.onnx", import.meta.url)],
    [`data:application/octet-stream;base64,${Buffer.from(bytes).toString("base64")}`],
    [matmul, { mite: { worker: false } }],
  ];
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  for (const args of [...of, [shared], [shared.buffer]]) {
    const session = await ort.InferenceSession.create(...args);
    assert.deepEqual(session.outputNames, ["c"]);
    await session.release();
  }
  assert.ok(bytes.length && around.length, "the caller's bytes are still there");
  const digits = join(root, "tests/models/digits_cnn.f32.mite");
  for (const source of [digits, readFileSync(digits), new Blob([readFileSync(digits)])]) {
    const session = await ort.InferenceSession.create(source);
    const { logits } = await session.run({ input: new ort.Tensor(numbers(64), [1, 1, 8, 8]) });
    assert.deepEqual(logits.dims, [1, 10]);
    await session.release();
  }
});

test("fetches: some outputs, in tensors of the caller's", async () => {
  const session = await ort.InferenceSession.create(join(models, "types.onnx"));
  const feeds = {};
  for (const { name, type } of session.inputMetadata) {
    const zeros = type === "bool" ? [true, false] : type === "float16" ? new Uint16Array(2) : [1, 2];
    feeds[name] = new ort.Tensor(type, zeros, [2, 1]);
  }
  assert.deepEqual(Object.keys(await session.run(feeds, ["int8_t", "bool_t"])), ["int8_t", "bool_t"]);
  const own = new ort.Tensor("int32", new Int32Array(2), [1, 2]);
  const { int32_t: got } = await session.run(feeds, { int32_t: own }, { tag: "a run" });
  assert.equal(got, own);
  assert.deepEqual([...own.data], [1, 2]);
  assert.deepEqual(Object.keys(await session.run(feeds, { int64_t: null })), ["int64_t"]);
  assert.equal(Object.keys(await session.run(feeds, { logSeverityLevel: 3 })).length, 12);
  await assert.rejects(session.run(feeds, ["nothing"]), /no output 'nothing'; it has 'float_t'/);
  const small = { int32_t: new ort.Tensor("int32", [1], [1]) };
  await assert.rejects(session.run(feeds, small), /'int32_t' is int32 \[1, 2\], but .* int32 \[1\]/);
  await session.release();
});

test("tensors of another copy of onnxruntime-common are taken", async () => {
  const session = await ort.InferenceSession.create(bert);
  const { last_hidden_state } = await session.run(tokens(1, 5)(original.Tensor));
  assert.deepEqual(last_hidden_state.dims, [1, 5, 32]);
  await session.release();
});

test("runs overlap, are aborted, and end with the session", async () => {
  const session = await ort.InferenceSession.create(bert);
  const runs = await Promise.all([5, 9, 3].map((length) => session.run(tokens(1, length)(ort.Tensor))));
  assert.deepEqual(runs.map(({ last_hidden_state }) => last_hidden_state.dims[1]), [5, 9, 3]);
  const signal = AbortSignal.abort(new Error("no more"));
  await assert.rejects(session.run(tokens(1, 5)(ort.Tensor), { signal }), /no more/);
  await assert.rejects(session.run(tokens(1, 5)(ort.Tensor), { terminate: true }), /terminate/);
  await session.run(tokens(1, 5)(ort.Tensor));
  await session.release();
  await session.release();
  await assert.rejects(session.run(tokens(1, 5)(ort.Tensor)), /disposed/);
  await assert.rejects(ort.InferenceSession.create(bert, { mite: { signal } }), /no more/);
});

test("what is wrong is said in words", async () => {
  const session = await ort.InferenceSession.create(matmul);
  const a = new ort.Tensor("float32", new Float32Array(12), [3, 4]);
  const refusals = [
    [() => session.run({ a }), /input 'b' is missing; the model has 'a', 'b'/],
    [() => session.run({ a, b: a, x: a }), /no input 'x'; it has 'a', 'b'/],
    [() => session.run({ a, b: a }), /input 'b' wants f32 \[4, 3\].*\[3, 4\]/],
    [() => session.run({ a, b: new Float32Array(12) }), /input 'b' wants a tensor of float32 \[4, 3\]/],
    [() => session.run({ a, b: new ort.Tensor("int32", [1], [1]) }), /float32 \[4, 3\].*int32 \[1\]/],
    [() => session.run(a), /feeds must be an object with a tensor for every input name/],
    [() => session.run({ a, b: a }, "c"), /run\(\) was given a string where options/],
    [() => ort.InferenceSession.create(), /create\(\) wants the address of a model/],
    [() => ort.InferenceSession.create(join(models, "none.onnx")), /none\.onnx.*no such file/],
    [() => ort.InferenceSession.create(new Uint8Array(100)), /no model file that can be read/],
    [() => ort.InferenceSession.create(Buffer.from("    ORTM        ")), /ORT format.*\.onnx/],
    [() => ort.InferenceSession.create(new ArrayBuffer(9), 3, 8), /8 bytes at 3 .* 9 bytes/],
    [() => ort.InferenceSession.create(matmul, 7), /create\(\) was given a number/],
    [() => ort.InferenceSession.create(matmul, { logSeverityLevel: 7 }), /logSeverityLevel.*7/],
    [() => ort.InferenceSession.create(matmul, { freeDimensionOverrides: { n: -1 } }), /'n'.*-1/],
  ];
  for (const [call, words] of refusals) {
    await assert.rejects(async () => call(), (error) => {
      assert.ok(error instanceof Error);
      assert.match(error.message, words);
      return true;
    });
  }
  await session.release();
});

test("options of onnxruntime's own are taken; what is not done is noted, and said once", async (t) => {
  const warn = t.mock.method(console, "warn", () => {});
  const options = {
    executionProviders: [{ name: "webgpu", preferredLayout: "NHWC" }, "wasm"],
    graphOptimizationLevel: "all",
    executionMode: "parallel",
    enableCpuMemArena: true,
    enableMemPattern: true,
    interOpNumThreads: 2,
    intraOpNumThreads: 1,
    logId: "x",
    logVerbosityLevel: 0,
    extra: { session: { set_denormal_as_zero: "1" } },
    preferredOutputLocation: { c: "gpu-buffer" },
  };
  for (let i = 0; i < 2; i++) {
    const session = await ort.InferenceSession.create(matmul, options);
    assert.match(session.notes.join("; "), /'webgpu' is not there.*in memory \('cpu'\) and not 'gpu-buffer'/);
    await session.release();
  }
  assert.equal(warn.mock.callCount(), 2);
  const plain = await ort.InferenceSession.create(matmul, {
    executionProviders: ["cpu"],
    graphOptimizationLevel: "disabled",
    preferredOutputLocation: "cpu",
  });
  assert.deepEqual(plain.notes, []);
  await plain.release();
});

test("settings", () => {
  ort.env.wasm.wasmPaths = "/somewhere/else/";
  ort.env.wasm.numThreads = 2;
  ort.env.wasm.proxy = true;
  ort.env.webgpu.powerPreference = "high-performance";
  ort.env.logLevel = "error";
  assert.equal(ort.env.logLevel, "error");
  assert.throws(() => (ort.env.logLevel = "loud"), /loud.*verbose, info, warning/);
  assert.match(ort.env.versions.common, /^\d+\.\d+\.\d+$/);
  assert.equal(ort.default.env, ort.env);
  assert.deepEqual(Object.keys(ort.default), ["InferenceSession", "Tensor", "env"]);
});

test("profiles", async (t) => {
  const log = t.mock.method(console, "log", () => {});
  const session = await ort.InferenceSession.create(bert, { enableProfiling: true });
  await session.run(tokens(1, 4)(ort.Tensor));
  await session.run(tokens(1, 5)(ort.Tensor));
  session.endProfiling();
  const events = JSON.parse(log.mock.calls[0].arguments[0]);
  assert.equal(events.filter(({ cat }) => cat === "Session").length, 2);
  const nodes = events.filter(({ cat }) => cat === "Node");
  assert.ok(nodes.length > 20 && nodes.every(({ dur, args }) => dur >= 0 && args.op_name), "nodes");
  session.endProfiling();
  assert.equal(log.mock.callCount(), 1, "nothing was profiled since");
  session.startProfiling();
  await session.run(tokens(1, 4)(ort.Tensor));
  session.endProfiling();
  assert.equal(log.mock.callCount(), 2);
  await session.release();
});

/** Real models of others, by folder of the shared zoo: file and inputs. */
const zoo = {
  minilm_l6_int8: ["model.onnx", [tokens(1, 9, 30000), tokens(4, 17, 30000)]],
  basic_pitch: [
    "nmp.onnx",
    [(Tensor) => ({ "serving_default_input_2:0": new Tensor(numbers(43844), [1, 43844, 1]) })],
  ],
  magika: [
    "model.onnx",
    [(Tensor) => ({ bytes: new Tensor(Int32Array.from({ length: 2048 }, (_, i) => i % 256), [1, 2048]) })],
  ],
  oww_hello_deepa: [
    "hello_deepa.onnx",
    [(Tensor) => ({ "onnx::Flatten_0": new Tensor(numbers(2400), [1, 25, 96]) })],
  ],
  silero_vad: [
    "silero_vad.onnx",
    [512, 512].map((length) => (Tensor) => ({
      input: new Tensor(numbers(length), [1, length]),
      state: new Tensor(new Float32Array(256), [2, 1, 128]),
      sr: new Tensor("int64", [16000], []),
    })),
  ],
  ppocr_v4_det: [
    "ch_PP-OCRv4_det_infer.onnx",
    [
      [64, 96],
      [96, 64],
    ].map(([h, w]) => (Tensor) => ({ x: new Tensor(numbers(3 * h * w), [1, 3, h, w]) })),
  ],
};

for (const [name, [file, runs]] of Object.entries(zoo)) {
  const path = join(shared, "models/zoo", name, file);
  const skip = existsSync(path) ? false : "the shared models are not here (set MITE_SHARED)";
  test(`zoo: ${name}`, { skip, timeout: 180_000 }, () => compare(path, runs));
}
