// SPDX-License-Identifier: Apache-2.0
// Tensors beside those of onnxruntime-common.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as ort from "../../bindings/js/dist/ort.js";
import * as original from "../../bench/node_modules/onnxruntime-common/dist/esm/index.js";

const { Tensor } = ort;

/** @param {any} tensor */
const seen = (tensor) => ({
  type: tensor.type,
  dims: [...tensor.dims],
  size: tensor.size,
  location: tensor.location,
  data: tensor.data,
});

test("every way to make one gives what onnxruntime-common gives", () => {
  const ways = [
    ["float32", [1, 2.5, -3], [3]],
    ["float32", new Float32Array(6), [2, 3]],
    ["float32", [7], []],
    ["float32", [], [0, 4]],
    ["uint8", [1, 255], [2]],
    ["uint8", new Uint8ClampedArray([1, 255]), [1, 2]],
    ["int8", [-128, 127]],
    ["uint16", [65535]],
    ["int16", [-5]],
    ["int32", [1, 2]],
    ["int64", [1n, -2n]],
    ["int64", [1, -2]],
    ["uint64", [1, 2]],
    ["uint32", [4294967295]],
    ["float64", [1e300]],
    ["bool", [true, false]],
    ["bool", new Uint8Array([1, 0])],
    ["float16", new Uint16Array([0x3c00, 0xc000])],
    [new Float32Array(4), [2, 2]],
    [new Float64Array(1)],
    [new Uint8Array(2)],
    [new Uint8ClampedArray(2)],
    [new Int8Array(2)],
    [new Int16Array(2)],
    [new Uint16Array(2)],
    [new Int32Array(2)],
    [new Uint32Array(2)],
    [new BigInt64Array(2)],
    [new BigUint64Array(2)],
    [[true, false, true], [3, 1]],
  ];
  const { Float16Array } = globalThis;
  if (Float16Array) {
    ways.push(["float16", [1, 2.5]], ["float16", Float16Array.of(1, -2)], [Float16Array.of(1, -2), [2]]);
  }
  for (const way of ways) {
    assert.deepEqual(seen(new Tensor(...way)), seen(new original.Tensor(...way)), String(way[0]));
  }
});

test("what onnxruntime-common refuses is refused, and what mite has not", () => {
  const refused = [
    [["float31", [1]], /no tensors of type 'float31'; it has float32, /],
    [["float32", [1, 2], [3]], /\[3\] has 3 elements, but was given 2/],
    [["float32", [1], [1.5]], /dims must be an array of at most 8 whole numbers/],
    [["float32", [1], [-1]], /dims must be/],
    [["float32", [1], 1], /dims must be/],
    [["float32", new Float64Array(1)], /Float32Array or as plain numbers/],
    [["int64", new Int32Array(1)], /BigInt64Array or as plain numbers/],
    [[[]], /say it first/],
    [[[1, 2]], /say it first/],
    [[new DataView(new ArrayBuffer(4))], /say it first/],
    [[undefined], /say it first/],
    [[null], /say it first/],
  ];
  for (const [args, words] of refused) {
    assert.throws(() => new original.Tensor(...args));
    assert.throws(() => new Tensor(...args), words);
  }
  const missing = [
    [["string", ["a"]], /no tensors of strings/],
    [[["a", "b"]], /no tensors of strings/],
    [["int4", new Int8Array(1), [2]], /no tensors of type 'int4'/],
    [["float32", [1], Array(9).fill(1)], /at most 8/],
    [[{ location: "gpu-buffer", type: "float32", dims: [1] }], /in no gpu-buffer; use data/],
  ];
  for (const [args, words] of missing) assert.throws(() => new Tensor(...args), words);
});

test("methods", async () => {
  const data = new Float32Array([1, 2, 3, 4, 5, 6]);
  const tensor = new Tensor("float32", data, [2, 3]);
  assert.equal(tensor.data, data, "not copied");
  assert.equal(await tensor.getData(), data);
  const other = tensor.reshape([3, 2]);
  assert.equal(other.data, data);
  assert.deepEqual([other.dims, other.type], [[3, 2], "float32"]);
  assert.throws(() => tensor.reshape([4]), /\[4\] has 4 elements/);
  const pinned = Tensor.fromPinnedBuffer("int32", new Int32Array(2));
  assert.deepEqual([pinned.location, pinned.dims], ["cpu-pinned", [2]]);
  for (const make of ["fromTexture", "fromGpuBuffer", "fromMLTensor"]) {
    assert.throws(() => Tensor[make]({}, {}), /mite computes on the processor/);
  }
  for (const place of ["texture", "gpuBuffer", "mlTensor"]) assert.throws(() => tensor[place], /in memory/);
  tensor.dispose();
  assert.equal(tensor.location, "none");
  assert.throws(() => tensor.data, /disposed/);
  await assert.rejects(tensor.getData(), /disposed/);
  assert.equal(other.data, data, "those made of it live on");
});

test("a tensor works behind a proxy, as those of reactive frameworks are", () => {
  const tensor = new Proxy(new Tensor("float32", [1, 2], [2]), {});
  assert.deepEqual([...tensor.data], [1, 2]);
  assert.deepEqual(tensor.reshape([2, 1]).dims, [2, 1]);
  tensor.dispose();
  assert.equal(tensor.location, "none");
});
