// SPDX-License-Identifier: Apache-2.0
// Real models of others (the shared zoo, where it is here): they convert for the shapes of their golden
// inputs, and give their golden outputs.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { readNpyRaw } from "../../bindings/js/src/cli/npy.js";
import { Batch } from "../conformance/suite.mjs";
import { valuesOf } from "../conformance/tensors.mjs";
import { readZip } from "../conformance/zip.mjs";
import { convert } from "../../bindings/js/src/convert.js";
import { load } from "../../bindings/js/src/index.js";
import { json, root, shared } from "../js/support.mjs";

const dist = join(root, "bindings/js/dist/");

const folder = mkdtempSync(join(tmpdir(), "mite-zoo-"));
const batch = new Batch(["--timeout", "120"]);
after(() => {
  batch.close();
  rmSync(folder, { recursive: true, force: true });
});

/** ONNX models by folder of the zoo. */
const zoo = {
  basic_pitch: "nmp.onnx",
  magika: "model.onnx",
  minilm_l6_int8: "model.onnx",
  oww_hello_deepa: "hello_deepa.onnx",
  ppocr_v4_det: "ch_PP-OCRv4_det_infer.onnx",
  silero_vad: "silero_vad.onnx",
};

/**
 * Runs a model on .npy files and compares what comes out.
 * @param {string} model
 * @param {Record<string, Buffer>} inputs
 * @param {Record<string, Buffer>} expected
 * @param {number} tolerance of the largest element
 */
async function check(model, inputs, expected, tolerance) {
  const files = Object.entries(inputs).map(([name, npy], i) => {
    const path = join(folder, `in_${i}.npy`);
    writeFileSync(path, npy);
    return [name, path];
  });
  const request = { model, inputs: Object.fromEntries(files), outputs_dir: join(folder, "out") };
  const reply = await batch.ask(request);
  assert.ok(reply.ok, reply.error);
  for (const [name, npy] of Object.entries(expected)) {
    const got = readNpyRaw(readFileSync(reply.outputs[name]), name);
    const want = readNpyRaw(npy, name);
    assert.deepEqual([got.dtype, got.shape], [want.dtype, want.shape], name);
    const [a, b] = [got, want].map((tensor) => Array.from(valuesOf(tensor), Number));
    const largest = b.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const worst = b.reduce((most, value, i) => Math.max(most, Math.abs(a[i] - value)), 0);
    assert.ok(worst <= tolerance * largest, `${name}: ${worst} of ${largest}`);
  }
}

for (const [name, file] of Object.entries(zoo)) {
  const home = join(shared, "models/zoo", name);
  const skip = existsSync(home) ? false : "the shared models are not here (set MITE_SHARED)";
  test(`zoo: ${name}`, { skip, timeout: 180_000 }, async () => {
    const golden = readZip(readFileSync(join(home, "golden.npz")));
    const of = (/** @type {string} */ kind) =>
      Object.fromEntries(
        [...golden]
          .filter(([entry]) => entry.startsWith(`${kind}:`))
          .map(([entry, unpack]) => [entry.slice(kind.length + 1, -".npy".length), unpack()]),
      );
    const tolerance = json(join(home, "info.json")).tolerance ?? 1e-4;
    await check(join(home, file), of("in"), of("out"), tolerance);
  });
}

/** Small networks trained for the tests: worst difference allowed, as a share of the largest logit. */
const tiny = {
  digits_cnn: 1e-4,
  digits_mlp: 1e-4,
  digits_rnn: 1e-4,
  digits_vit: 1e-4,
  digits_cnn_int8: 0.02,
  digits_mlp_int8: 0.02,
  digits_vit_int8: 0.05,
};

for (const [name, tolerance] of Object.entries(tiny)) {
  const home = join(shared, "models/tiny");
  const skip = existsSync(home) ? false : "the shared models are not here (set MITE_SHARED)";
  test(`tiny: ${name}`, { skip, timeout: 120_000 }, async () => {
    const unpack = readZip(readFileSync(join(home, "digits_test.npz"))).get("x.npy");
    const images = readNpyRaw(/** @type {() => Buffer} */ (unpack)(), "x.npy");
    const pixels = /** @type {Float32Array} */ (valuesOf(images));
    const wanted = readNpyRaw(readFileSync(join(home, `${name}_logits.npy`)), name);
    const logits = /** @type {Float32Array} */ (valuesOf(wanted));
    const { bytes } = await convert(readFileSync(join(home, `${name}.onnx`)), {
      inputShapes: { input: [1, 1, 8, 8] },
      wasm: dist,
    });
    const model = await load(bytes, { wasm: dist });
    const got = new Float32Array(logits.length);
    for (let i = 0; i < images.shape[0]; i++) {
      const { data } = await model.run(pixels.slice(64 * i, 64 * i + 64));
      got.set(/** @type {Float32Array} */ (data), 10 * i);
    }
    await model.dispose();
    const largest = logits.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const worst = logits.reduce((most, value, i) => Math.max(most, Math.abs(got[i] - value)), 0);
    assert.ok(worst <= tolerance * largest, `${worst} of ${largest}`);
  });
}
