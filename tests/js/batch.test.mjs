// SPDX-License-Identifier: Apache-2.0
// mite batch: one answer a request whatever is asked, and files beside a model from its folder only.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { readNpyRaw, writeNpy } from "../../bindings/js/src/cli/npy.js";
import { Batch } from "../conformance/suite.mjs";

const folder = mkdtempSync(join(tmpdir(), "mite-batch-"));
const home = join(folder, "home");
mkdirSync(home);
const batch = new Batch(["--timeout", "20"]);
after(() => {
  batch.close();
  rmSync(folder, { recursive: true, force: true });
});

/** @param {number} field @param {number | string | Buffer} value */
function put(field, value) {
  if (typeof value === "number") return Buffer.from([field << 3, value]);
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([(field << 3) | 2, bytes.length]), bytes]);
}
/** @param {Buffer[]} parts */
const joined = (...parts) => Buffer.concat(parts);

/** y = x + w of two floats each, with w in a file of its own. @param {string} location */
function model(location) {
  const place = put(13, joined(put(1, "location"), put(2, location)));
  const w = joined(put(1, 2), put(2, 1), put(8, "w"), place, put(14, 1));
  const shape = put(2, put(1, put(1, 2)));
  const type = put(2, put(1, joined(put(1, 1), shape)));
  const add = joined(put(1, "x"), put(1, "w"), put(2, "y"), put(4, "Add"));
  const ports = [put(11, joined(put(1, "x"), type)), put(12, joined(put(1, "y"), type))];
  const graph = joined(put(1, add), put(5, w), ...ports);
  return joined(put(1, 8), put(7, graph), put(8, put(2, 17)));
}

const input = join(home, "x.npy");
writeFileSync(input, writeNpy({ data: new Float32Array([1, 2]), shape: [2], dtype: "f32" }));
for (const place of [home, folder]) {
  writeFileSync(join(place, "w.bin"), new Uint8Array(new Float32Array([10, 20]).buffer));
}
symlinkSync(join(folder, "w.bin"), join(home, "link.bin"));

/** @param {string} location */
function ask(location) {
  const path = join(home, "m.onnx");
  writeFileSync(path, model(location));
  return batch.ask({ model: path, inputs: { x: input }, outputs_dir: join(home, "out") });
}

test("weights in the model's folder", async () => {
  const reply = await ask("w.bin");
  assert.ok(reply.ok, reply.error);
  const { dtype, shape, bytes } = readNpyRaw(readFileSync(reply.outputs.y), "y");
  assert.deepEqual([dtype, shape], ["f32", [2]]);
  assert.deepEqual([...new Float32Array(Uint8Array.from(bytes).buffer)], [11, 22]);
});

test("weights anywhere else are refused", async () => {
  for (const [location, words] of /** @type {[string, RegExp][]} */ ([
    ["../w.bin", /no file in the model's own folder/],
    ["sub/../../w.bin", /no file in the model's own folder/],
    [join(folder, "w.bin"), /no file in the model's own folder/],
    ["link.bin", /cannot be read/], // leads out of the folder
    ["absent.bin", /cannot be read/],
    [".", /cannot be read/],
  ])) {
    const reply = await ask(location);
    assert.equal(reply.ok, false, location);
    assert.match(reply.error, words);
  }
});

test("a bad request is answered, and the next one served", async () => {
  const bad = [
    {},
    { model: join(home, "absent.onnx"), inputs: {}, outputs_dir: home },
    { model: input, inputs: {}, outputs_dir: home },
    { model: join(home, "m.onnx"), inputs: { z: input }, outputs_dir: home },
    { model: join(home, "m.onnx"), inputs: {}, outputs_dir: home },
  ];
  for (const request of bad) {
    const reply = await batch.ask(request);
    assert.equal(reply.ok, false);
    assert.ok(reply.error.length > 15, reply.error);
  }
  assert.ok((await ask("w.bin")).ok);
});
