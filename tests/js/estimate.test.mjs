// SPDX-License-Identifier: Apache-2.0
// estimate(): what a model takes, told from its beginning, beside what it took.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";
import { estimate, load } from "../../bindings/js/src/index.js";
import { convert } from "../../bindings/js/src/convert.js";
import { Faults } from "../web/faults.mjs";
import { digits, effnet, fails, root } from "./support.mjs";

const f32 = digits.replace("int8", "f32");
const PAGE = 65536;

for (const path of [digits, effnet, f32]) {
  for (const threads of [1, 2, 4]) {
    test(`${path.slice(root.length)} on ${threads} threads takes what was told`, async () => {
      const told = await estimate(path, { threads });
      const model = await load(path, { threads });
      const { bytes, arenaBytes } = model.runtime;
      const off = Math.abs(told.memoryBytes - bytes);
      assert.ok(off <= 2 * PAGE + 0.01 * bytes, `${told.memoryBytes} bytes were told, ${bytes} taken`);
      if (threads === 1) {
        assert.ok(Math.abs(told.arenaBytes - arenaBytes) <= 16384, `${told.arenaBytes}, ${arenaBytes}`);
      }
      assert.equal(told.id, model.id);
      assert.equal(told.whole, model.runtime.whole);
      assert.equal(told.fileBytes, readFileSync(path).length);
      assert.deepEqual([told.downloadBytes, told.open], [0, false]);
      await model.dispose();
    });
  }
}

// --- A convolution in ONNX, written out: its weights are all alike, so the file is small ----------

const varint = (n) => (n < 128 ? [n] : [(n & 127) | 128, ...varint(n >>> 7)]);
const number = (field, n) => [...varint(field << 3), ...varint(n)];
const bytesOf = (value) => (typeof value === "string" ? [...Buffer.from(value)] : value.flat());
const part = (field, value) => {
  const bytes = bytesOf(value);
  return [...varint((field << 3) | 2), ...varint(bytes.length), ...bytes];
};
const node = (op, inputs, output, ...attributes) =>
  part(1, [...inputs.map((name) => part(1, name)), part(2, output), part(3, op), part(4, op), ...attributes]);
const tensor = (name, dims, type, data) =>
  [...dims.map((n) => number(1, n)), number(2, type), part(8, name), part(9, [...new Uint8Array(data.buffer)])];
const port = (field, name, dims) => {
  const shape = part(2, dims.map((n) => part(1, number(1, n))));
  return part(field, [part(1, name), part(2, part(1, [number(1, 1), shape]))]);
};
const ints = (name, values) => part(5, [part(1, name), ...values.map((n) => number(8, n)), number(20, 7)]);
const wideConvolution = (channels) => {
  const shape = tensor("s", [4], 7, BigInt64Array.of(BigInt(channels), BigInt(channels), 3n, 3n));
  const value = part(5, [part(1, "value"), part(5, tensor("", [1], 1, Float32Array.of(0.01))), number(20, 4)]);
  const picture = [1, channels, 16, 16];
  const graph = [
    node("ConstantOfShape", ["s"], "w", value),
    node("Conv", ["x", "w"], "y", ints("pads", [1, 1, 1, 1])),
    part(2, "wide"), part(5, shape), port(11, "x", picture), port(12, "y", picture),
  ];
  return Uint8Array.from([number(1, 8), part(7, graph), part(8, number(2, 17))].flat());
};

test("weights that are kept in another form count", async () => {
  // Convolutions of this kind are computed by tiles (runtime/ops/winograd.h).
  const { bytes } = await convert(wideConvolution(96));
  const told = await estimate(bytes);
  const model = await load(bytes, { threads: 1 });
  const { bytes: taken, arenaBytes } = model.runtime;
  assert.ok(told.arenaBytes > arenaBytes + 1e6, `${told.arenaBytes} and ${arenaBytes}`);
  assert.ok(Math.abs(told.memoryBytes - taken) <= 2 * PAGE + 0.01 * taken, `${told.memoryBytes}, ${taken}`);
  await model.dispose();
});

describe("from a server", () => {
  const faults = new Faults();
  const bytes = readFileSync(effnet);
  /** @type {import("node:http").Server} */
  let server;
  let url;
  before(async () => {
    server = createServer(async (request, response) => {
      if (!(await faults.handle(request, response))) response.writeHead(404).end();
    });
    await new Promise((resolve) => server.listen(0, "localhost", resolve));
    url = `http://localhost:${server.address().port}/m.mite`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  test("its beginning is enough", async () => {
    faults.plan("/m.mite", bytes);
    const told = await estimate(url);
    assert.deepEqual(told, { ...(await estimate(bytes)), downloadBytes: bytes.length });
    assert.deepEqual(faults.log.map(({ status }) => status), [206]);
    assert.ok(faults.log[0].sent <= 65536, String(faults.log[0].sent));
  });
  test("a server that knows no ranges is stopped", async () => {
    faults.plan("/m.mite", bytes, [{ whole: true, pause: 5 }]);
    assert.equal((await estimate(url)).downloadBytes, bytes.length);
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.ok(faults.log[0].sent < bytes.length / 4, String(faults.log[0].sent));
  });
  test("what is no model, or none any more, is named", async () => {
    faults.plan("/m.mite", Buffer.from("<!doctype html>"), [{}, { status: 404 }]);
    await assert.rejects(estimate(url), fails("format", /HTML page from http/));
    await assert.rejects(estimate(url), fails("network", /404/));
  });
});

test("damage anywhere in header and graph is refused, and never trips", async () => {
  const bytes = readFileSync(digits);
  const graphEnd = Number(bytes.readBigUInt64LE(40) + bytes.readBigUInt64LE(48));
  for (let length = 0; length < graphEnd; length += 37) {
    await assert.rejects(estimate(bytes.subarray(0, length)), fails("format", /damaged|got/));
  }
  for (let at = 0; at < graphEnd; at += 13) {
    const copy = Uint8Array.from(bytes);
    copy[at] ^= 0x41;
    const inHead = at < Number(bytes.readBigUInt64LE(32));
    const outcome = await estimate(copy).catch((error) => error);
    if (inHead) assert.ok(["format", "version"].includes(outcome.code), `${at}: ${outcome}`);
    else assert.ok(outcome.fileBytes === bytes.length || outcome.code === "format", `${at}: ${outcome}`);
  }
});
