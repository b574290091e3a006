// SPDX-License-Identifier: Apache-2.0
// The shared TensorFlow Lite networks, where they are, against their golden outputs, and photos against
// the float network. The cases of single operators are run by conformance.test.mjs.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { convert } from "../../bindings/js/src/convert.js";
import { load } from "../../bindings/js/src/index.js";
import { readNpy } from "../../bindings/js/src/cli/npy.js";
import { best, floats, json, largestOf, noShared, npy, shared } from "../js/support.mjs";
import { readZip } from "../conformance/zip.mjs";

const skip =
  noShared || (existsSync(join(shared, "models/tf")) ? false : "the shared networks are not here");

/**
 * The arrays of an .npz by name.
 * @param {string} path
 */
function arrays(path) {
  const files = [...readZip(readFileSync(path))];
  return new Map(files.map(([name, unpack]) => [name.replace(/\.npy$/, ""), readNpy(unpack(), name)]));
}

/** A .tflite file, converted and loaded. */
async function loaded(path, metadata) {
  const { bytes } = await convert(readFileSync(path), { metadata, selfTest: false });
  return load(bytes);
}

// Goldens are those of another machine; TensorFlow Lite's own kernels differ from them as much.
const networks = [
  {
    file: "zoo/mp_face_short/face_detection_short_range",
    ports: { input: "in:input", regressors: "out:regressors", classificators: "out:classificators" },
    tolerance: 5e-3,
  },
  {
    file: "zoo/mp_selfie/selfie_segmentation",
    ports: { input_1: "input", activation_10: "output" },
    tolerance: 1e-4,
  },
  {
    file: "zoo/basic_pitch/nmp",
    ports: Object.fromEntries(
      ["in:serving_default_input_2:0", ...[0, 1, 2].map((k) => `out:StatefulPartitionedCall:${k}`)]
        .map((name) => [name.replace(/^(in|out):/, ""), name]),
    ),
    tolerance: 1e-3,
  },
];

for (const { file, ports, tolerance } of networks) {
  test(`${file} gives its golden outputs`, { skip }, async (t) => {
    const golden = arrays(join(shared, "models", `${file}_golden.npz`));
    const model = await loaded(join(shared, "models", `${file}.tflite`));
    const of = (name) => golden.get(ports[name]).data;
    const inputs = Object.fromEntries(model.inputs.map(({ name }) => [name, of(name)]));
    const outputs = await model.run(inputs);
    for (const { name } of model.outputs) {
      const most = largestOf(outputs[name].data, of(name));
      t.diagnostic(`${name}: off by at most ${most.toExponential(1)}`);
      assert.ok(most <= tolerance, `${name} is off by ${most}`);
    }
    await model.dispose();
  });
}

// What the quanta of the int8 network's logits stand for.
const realOf = (q) => 0.0769781619310379 * (q + 19);

test("digits: logits equal TensorFlow Lite's", { skip, timeout: 120_000 }, async () => {
  const tiny = join(shared, "models/tiny");
  const digits = arrays(join(tiny, "digits_test.npz")).get("x").data;
  // One quantum of the int8 result; of dynamic ranges, what another rounding of the input makes.
  for (const [kind, tolerance] of [["f32", 1e-3], ["dynamic", 0.05], ["int8", 0.08]]) {
    const golden = npy(join(tiny, `digits_cnn_tflite_${kind}_logits.npy`));
    const model = await loaded(join(tiny, `digits_cnn_${kind}.tflite`));
    const [input] = model.inputs;
    const [output] = model.outputs;
    for (let i = 0; i < 100; i++) {
      const image = digits.slice(i * 64, i * 64 + 64);
      const quanta = () => Int8Array.from(image, (v) => Math.round(v * 255) - 128);
      const { [output.name]: { data } } = await model.run({
        [input.name]: input.dtype === "i8" ? quanta() : image,
      });
      const logits = output.dtype === "i8" ? Array.from(data, realOf) : data;
      const most = largestOf(logits, golden.slice(i * 10, i * 10 + 10));
      assert.ok(most <= tolerance, `${kind}, digit ${i}: off by ${most}`);
    }
    await model.dispose();
  }
});

test("photos are classified as the float network does", { skip, timeout: 600_000 }, async (t) => {
  const preprocess = {
    input: "serving_default_input:0", width: 224, height: 224, fit: "center-crop", cropFraction: 1,
    filter: "bicubic", mean: [127, 127, 127], scale: [1 / 128, 1 / 128, 1 / 128], layout: "nhwc",
    order: "rgb", background: "#ffffff",
  };
  const photos = join(shared, "models/photos");
  const list = json(join(photos, "photos_dev.json"));
  const logits = floats(join(photos, "efficientnet_lite0_photos_logits_dev.f32"));
  // 16 is what TensorFlow Lite itself gets with the int8 network; logits are equal to its.
  for (const [kind, least] of [["f32", 18], ["int8_float_io", 16]]) {
    const path = join(shared, `models/tf/efficientnet_lite0_${kind}.tflite`);
    const model = await loaded(path, { preprocess });
    let same = 0;
    for (const [i, { file, crop }] of list.entries()) {
      const { data } = await model.run(await pixelsOf(model, join(photos, crop ?? file)));
      if (best(data) === best(logits.subarray(i * 1000, i * 1000 + 1000))) same++;
    }
    t.diagnostic(`${kind}: same best class on ${same} of ${list.length}`);
    assert.ok(same >= least, `${kind}: same best class on ${same} of ${list.length}`);
    await model.dispose();
  }
});

/** The tensor that a picture of the network's size becomes. */
async function pixelsOf(model, file) {
  const { PictureReader, portablePicture } = await import("../../bindings/js/src/picture.js");
  const { pictureSpec } = await import("../../bindings/js/src/metadata.js");
  const { compileRuntime } = await import("../../bindings/js/src/compile.js");
  const spec = pictureSpec(model.metadata.preprocess, model.inputs[0]);
  const reader = new PictureReader((await compileRuntime()).module);
  const picture = await portablePicture(file);
  return (await reader.read({ picture, spec }, model.inputs[0])).data;
}
