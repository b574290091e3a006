// SPDX-License-Identifier: Apache-2.0
// Numbers against PyTorch and ONNX Runtime: a small kept set always, the shared photos and stamps
// where they are.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { convert } from "../../bindings/js/src/convert.js";
import { load } from "../../bindings/js/src/index.js";
import {
  best, bitsOf, cosine, effnet, floats, json, largestOf, noShared, npy, root, shared,
} from "./support.mjs";

const kept = join(root, "tests/models");
const digits = npy(join(kept, "digits_input.npy"));

/** Logits of every digit. */
async function digitLogits(source) {
  const model = await load(source);
  const rows = [];
  for (let at = 0; at < digits.length; at += 64) {
    rows.push((await model.run(digits.subarray(at, at + 64))).data);
  }
  await model.dispose();
  return rows;
}

const rowsOf = (data, length) =>
  Array.from({ length: data.length / length }, (_, i) => data.subarray(i * length, (i + 1) * length));

describe("kept set", () => {
  const golden = rowsOf(npy(join(kept, "digits_cnn_logits.npy")), 10);
  test("f32 logits equal PyTorch's within 2e-3, from the file and from a new conversion", async () => {
    const { bytes } = await convert(readFileSync(join(kept, "digits_cnn.onnx")));
    for (const source of [join(kept, "digits_cnn.f32.mite"), bytes]) {
      const rows = await digitLogits(source);
      rows.forEach((row, i) => assert.ok(largestOf(row, golden[i]) <= 2e-3));
    }
  });
  test("QDQ logits equal ONNX Runtime's within two quanta", async () => {
    const expected = rowsOf(npy(join(kept, "digits_cnn_int8_logits.npy")), 10);
    const rows = await digitLogits(join(kept, "digits_cnn.qdq.mite"));
    rows.forEach((row, i) => assert.ok(largestOf(row, expected[i]) <= 0.4, `digit ${i}`));
  });
  test("int8 chooses as f32 does", async () => {
    const rows = await digitLogits(join(kept, "digits_cnn.int8.mite"));
    const same = rows.filter((row, i) => best(row) === best(golden[i])).length;
    assert.ok(same >= 49, `${same} of 50`);
  });
  test("int8 bits are those kept, in this engine and build", async () => {
    const bits = readFileSync(join(kept, "bits.txt"), "utf8");
    const names = ["digits_cnn.int8", "digits_cnn.qdq", "encoder.int8"];
    for (const path of [effnet, ...names.map((name) => join(kept, `${name}.mite`))]) {
      for (const build of ["simd", "relaxed"]) {
        const file = join(root, `bindings/js/dist/mite-${build}.wasm`);
        if (build === "relaxed" && !WebAssembly.validate(readFileSync(file))) continue;
        const model = await load(path, { wasm: file });
        assert.equal(model.runtime.isa, build === "simd" ? "simd128" : "relaxed");
        assert.ok(bits.includes(await bitsOf(model)), `${path} in ${build}`);
        await model.dispose();
      }
    }
  });
});

describe("EfficientNet-Lite0 on shared pictures", { skip: noShared, timeout: 600_000 }, () => {
  /** [file, expected logits] of every picture of one kind. */
  function pictures(kind) {
    const list = json(join(shared, `models/${kind}/${kind}_dev.json`));
    const logits = floats(join(shared, `models/${kind}/efficientnet_lite0_${kind}_logits_dev.f32`));
    const rows = rowsOf(logits, 1000);
    return list.map(({ file, crop }, i) => ({
      file: join(shared, `models/${kind}`, crop ?? file),
      photo: join(shared, `models/${kind}`, file),
      golden: rows[i],
    }));
  }
  /** x = (v - 127) / 128, NCHW, of a picture that has the network's size already. */
  async function logitsOf(model, file) {
    const image = await pixelsOf(model, file);
    return (await model.run(image)).data;
  }
  /** The tensor that classify() makes of a 224 × 224 picture, without its crop. */
  async function pixelsOf(model, file) {
    const { PictureReader, portablePicture } = await import("../../bindings/js/src/picture.js");
    const { pictureSpec } = await import("../../bindings/js/src/metadata.js");
    const { compileRuntime } = await import("../../bindings/js/src/compile.js");
    const spec = pictureSpec({ ...model.metadata.preprocess, cropFraction: 1 }, model.inputs[0]);
    const reader = new PictureReader((await compileRuntime()).module);
    const picture = await portablePicture(file);
    return (await reader.read({ picture, spec }, model.inputs[0])).data;
  }

  test("f32: logits within 2e-3 of PyTorch's, top 5 in the same order up to ties", async (t) => {
    const source = readFileSync(join(shared, "models/efficientnet_lite0.onnx"));
    const { metadata } = await load(effnet);
    const { bytes } = await convert(source, { metadata: { preprocess: metadata.preprocess } });
    const model = await load(bytes);
    let largest = 0;
    for (const { file, golden } of [...pictures("photos"), ...pictures("stamps")]) {
      const logits = await logitsOf(model, file);
      largest = Math.max(largest, largestOf(logits, golden));
      const order = (row) => [...row.keys()].sort((a, b) => row[b] - row[a]).slice(0, 5);
      const [ours, theirs] = [order(logits), order(golden)];
      ours.forEach((index, i) => {
        if (index !== theirs[i]) assert.ok(Math.abs(golden[index] - golden[theirs[i]]) < 1e-4, file);
      });
    }
    t.diagnostic(`largest difference ${largest}`);
    assert.ok(largest <= 2e-3, `largest difference ${largest}`);
  });

  test("int8: same top 1 as f32 on 96 %, cosine of logits at least 0.995", async (t) => {
    const model = await load(effnet);
    const all = [...pictures("photos"), ...pictures("stamps")];
    let same = 0;
    let sum = 0;
    let least = 1;
    for (const { file, golden } of all) {
      const logits = await logitsOf(model, file);
      const angle = cosine(logits, golden);
      same += best(logits) === best(golden) ? 1 : 0;
      sum += angle;
      least = Math.min(least, angle);
    }
    const figures = `same top 1 on ${same} of ${all.length}, cosine ${sum / all.length}, least ${least}`;
    t.diagnostic(figures);
    assert.ok(same >= 0.96 * all.length && sum / all.length >= 0.995, figures);
  });

  test("photos from their JPEG files come out as from their exact crops", async () => {
    const model = await load(effnet);
    for (const { photo, file } of pictures("photos")) {
      const { top } = await model.classify(photo);
      assert.equal(top[0].index, best(await logitsOf(model, file)), photo);
    }
  });

  test("the QDQ model of ONNX Runtime: its logits within two quanta", async (t) => {
    const { bytes } = await convert(readFileSync(join(shared, "models/efficientnet_lite0_int8.onnx")));
    const { metadata } = await load(effnet);
    const model = await load(bytes);
    const path = join(shared, "models/photos/efficientnet_lite0_int8_onnx_photos_logits_dev.f32");
    const rows = rowsOf(floats(path), 1000);
    let largest = 0;
    for (const [i, { file }] of pictures("photos").entries()) {
      const picture = await pixelsOf({ metadata, inputs: model.inputs }, file);
      largest = Math.max(largest, largestOf((await model.run(picture)).data, rows[i]));
    }
    t.diagnostic(`largest difference ${largest}`);
    assert.ok(largest <= 0.14, `largest difference ${largest}`);
  });

  test("the f32 file that make models made, where it was made", async (t) => {
    const path = effnet.replace("int8", "f32");
    if (!existsSync(path)) return t.skip("make models was not run");
    const model = await load(path);
    assert.equal((await model.selfTest()).ok, true);
  });
});
