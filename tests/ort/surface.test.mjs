// SPDX-License-Identifier: Apache-2.0
// The interface of onnxruntime-common, call by call: with mite/ort each gives what it gives with
// onnxruntime-web, or throws where that throws.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as ort from "../../bindings/js/dist/ort.js";
import * as original from "../../bench/node_modules/onnxruntime-web/dist/ort.node.min.mjs";

original.env.wasm.numThreads = 1;
const matmul = new URL("models/matmul.onnx", import.meta.url).pathname;
const bert = new URL("models/tiny-bert/onnx/model.onnx", import.meta.url).pathname;

/** @typedef {{ Tensor: any, InferenceSession: any, env: any }} Ort */

/** What can be compared of an answer. */
function seen(value) {
  if (value === null || typeof value !== "object" || ArrayBuffer.isView(value)) return value;
  if (Array.isArray(value)) return value.map(seen);
  if (value.dims && value.type) {
    const { type, dims, size, location } = value;
    return { type, dims: [...dims], size, location, data: location === "none" ? undefined : value.data };
  }
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, seen(one)]));
}

/** @param {Ort} from */
const six = ({ Tensor }) => new Tensor("float32", [1, 2, 3, 4, 5, 6], [2, 3]);

/** @param {Ort} from */
const feeds = ({ Tensor }) => ({
  a: new Tensor("float32", new Float32Array(12).fill(1), [3, 4]),
  b: new Tensor("float32", new Float32Array(12).fill(2), [4, 3]),
});

/** @type {Record<string, (from: Ort) => any>} */
const calls = {
  "dims are copied or not": ({ Tensor }) => {
    const dims = [2, 3];
    const tensor = new Tensor("float32", new Float32Array(6), dims);
    dims[0] = 9;
    return tensor.dims;
  },
  "reshape to an open size": (from) => six(from).reshape([-1, 2]),
  "reshape shares elements": (from) => {
    const tensor = six(from);
    return tensor.reshape([6]).data === tensor.data;
  },
  "getData(true)": async (from) => {
    const tensor = six(from);
    return [await tensor.getData(true), tensor.location];
  },
  "dispose twice": (from) => {
    const tensor = six(from);
    tensor.dispose();
    tensor.dispose();
    return tensor;
  },
  "data without elements": (from) => {
    const tensor = six(from);
    tensor.dispose();
    return tensor.data;
  },
  "reshape without elements": (from) => {
    const tensor = six(from);
    tensor.dispose();
    return tensor.reshape([6]);
  },
  "data is not set": (from) => {
    six(from).data = new Float32Array(6);
  },
  "fromImage(undefined)": ({ Tensor }) => Tensor.fromImage(undefined),
  "toDataURL without a canvas": ({ Tensor }) => new Tensor("float32", new Float32Array(12), [1, 3, 2, 2]).toDataURL(),
  "a level that is not there": ({ env }) => {
    env.logLevel = "loud";
  },
  "no level": ({ env }) => {
    env.logLevel = undefined;
    return env.logLevel;
  },
};

const made = {
  "number for data": ["float32", 5, [1]],
  "string for data": ["float32", "5", [1]],
  "ArrayBuffer for data": ["float32", new ArrayBuffer(8), [2]],
  "no data": ["float32", undefined, [2]],
  "bool of numbers": ["bool", [1, 0, 2], [3]],
  "uint8 of too large numbers": ["uint8", [256, -1]],
  "int64 of both kinds": ["int64", [1, 2n]],
  "int64 of a fraction": ["int64", [1.5]],
  "int32 of bigint": ["int32", [1n]],
  "float64 of float32": ["float64", new Float32Array(2)],
  "bool of int8": ["bool", new Int8Array([1])],
  "dims as strings": ["float32", [1], ["1"]],
  "dims as a typed array": ["float32", [1, 2], Int32Array.of(2)],
  "dims null": ["float32", [1], null],
  "dims too large": ["float32", [1], [2 ** 60]],
  "type as a number": [7, [1]],
  "pinned": [{ location: "cpu-pinned", type: "float32", data: new Float32Array(2), dims: [2] }],
  "pinned of another type": [{ location: "cpu-pinned", type: "float32", data: new Int8Array(2), dims: [2] }],
  "an object in memory": [{ location: "cpu", type: "float32", data: new Float32Array(2), dims: [2] }],
};
for (const [name, args] of Object.entries(made)) calls[name] = ({ Tensor }) => new Tensor(...args);

/** @type {Record<string, (from: Ort) => any[]>} */
const runs = {
  "feeds alone": (from) => [feeds(from)],
  "a list of names": (from) => [feeds(from), ["c"]],
  "null for a tensor": (from) => [feeds(from), { c: null }],
  "undefined for a tensor": (from) => [feeds(from), { c: undefined }],
  "fetches with a name that is no output": (from) => [feeds(from), { c: null, z: null }],
  "a list with a name that is no output": (from) => [feeds(from), ["z"]],
  "an empty list": (from) => [feeds(from), []],
  "a list of numbers": (from) => [feeds(from), [1]],
  "a tensor for fetches": (from) => [feeds(from), six(from)],
  "a string for fetches": (from) => [feeds(from), "c"],
  "a string for options": (from) => [feeds(from), ["c"], "x"],
  "undefined for both": (from) => [feeds(from), undefined, undefined],
  "a tensor of another shape to write into": (from) => [feeds(from), { c: six(from) }],
  "a feed that is missing": (from) => [{ a: feeds(from).a }],
  "a feed of another type": (from) => [{ ...feeds(from), a: new from.Tensor("int32", new Int32Array(12), [3, 4]) }],
  "a feed of another shape": (from) => [{ ...feeds(from), a: six(from) }],
  "a feed that is undefined": (from) => [{ ...feeds(from), a: undefined }],
  "a feed too many": (from) => [{ ...feeds(from), z: six(from) }],
  "no feeds": () => [],
  "feeds behind a proxy": (from) => [new Proxy(feeds(from), {})],
  "terminate": (from) => [feeds(from), { terminate: true }],
};
for (const [name, args] of Object.entries(runs)) {
  calls[`run: ${name}`] = async (from) => {
    const session = await from.InferenceSession.create(matmul);
    return session.run(...args(from));
  };
}

const created = {
  "nothing": [],
  "null": [null],
  "an object": [{}],
  "no bytes": [new Uint8Array()],
  "string for options": [matmul, "x"],
  "offset beyond the end": [new ArrayBuffer(4), 9],
  "offset that is a fraction": [new ArrayBuffer(4), 0.5],
  "length that is a string": [new ArrayBuffer(4), 0, "x"],
  "no provider": [matmul, { executionProviders: [] }],
  "providers, one unknown": [matmul, { executionProviders: ["tpu", "wasm"] }],
  "severity": [matmul, { logSeverityLevel: 9 }],
  "outputs in memory": [matmul, { preferredOutputLocation: { c: "cpu" } }],
  "no files beside": [matmul, { externalData: [] }],
};
for (const [name, args] of Object.entries(created)) {
  calls[`create: ${name}`] = async ({ InferenceSession }) => {
    const { inputNames, outputNames } = await InferenceSession.create(...args);
    return [inputNames, outputNames];
  };
}
calls["run after release"] = async (from) => {
  const session = await from.InferenceSession.create(matmul);
  await session.release();
  return session.run(feeds(from));
};
calls["metadata of outputs"] = async ({ InferenceSession }) => (await InferenceSession.create(bert)).outputMetadata;

/** @param {Ort} from @param {(from: Ort) => any} call */
async function answer(from, call) {
  try {
    return { gives: seen(await call(from)) };
  } catch {
    return "throws";
  }
}

for (const [name, call] of Object.entries(calls)) {
  test(name, async (t) => {
    for (const method of ["warn", "error"]) t.mock.method(console, method, () => {});
    assert.deepEqual(await answer(ort, call), await answer(original, call));
  });
}

// Fewer than there are in onnxruntime: each says what is instead.
test("what is deliberately not there says so", () => {
  const { Tensor } = ort;
  const absent = [
    [() => new Tensor("string", ["a"], [1]), /mite has no tensors of strings; it has float32/],
    [() => new Tensor("uint4", new Uint8Array(1), [2]), /mite has no tensors of type 'uint4'; it has float32/],
    [() => Tensor.fromGpuBuffer({}, {}), /mite computes on the processor.*in no WebGPU buffer/],
    [() => Tensor.fromTexture({}, {}), /mite computes on the processor.*in no WebGL texture/],
    [() => Tensor.fromMLTensor({}, {}), /mite computes on the processor.*in no WebNN MLTensor/],
  ];
  for (const [call, words] of absent) assert.throws(call, words);
});
