// SPDX-License-Identifier: Apache-2.0
// mite/explain: class maps equal to PyTorch's, and for any classifier maps by what covering parts changes.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { convert } from "../../bindings/js/src/convert.js";
import { diff } from "../../bindings/js/src/diff.js";
import { explain } from "../../bindings/js/src/explain.js";
import { HeatMap } from "../../bindings/js/src/explain/heat-map.js";
import { load } from "../../bindings/js/src/index.js";
import { covered, maskWeights } from "../../bindings/js/src/mask.js";
import { effnet, json, largestOf, noShared, npy, objects, root, samples, shared } from "./support.mjs";

const goldens = json(join(root, "tests/models/class_maps.json"));
const source = join(root, "tests/models/digits_cnn.onnx");
const metadata = {
  preprocess: { fit: "stretch", scale: [1 / 255, 1 / 255, 1 / 255] },
  postprocess: { kind: "logits" },
};

async function converted(t, file, options) {
  const { bytes } = await convert(await readFile(file), options);
  const model = await load(bytes);
  t.after(() => model.dispose());
  return model;
}

const digits = npy(join(root, "tests/models/digits_input.npy"));
const input = digits.subarray(0, 64);

test("a class map is PyTorch's, its means are the scores, and it is computed only when asked for", async (t) => {
  const model = await converted(t, source, { metadata, classMap: true });
  assert.deepEqual(model.metadata.explain, { classMap: "class_map" });
  assert.equal(model.metadata.postprocess.output, "logits");
  const outputs = ["class_map", "logits"];
  const { class_map: map, logits } = await model.run({ input }, { outputs });
  assert.deepEqual(map.shape, [1, 4, 4, 10]);
  for (let k = 0; k < 10; k++) {
    const values = Float32Array.from({ length: 16 }, (_, i) => map.data[10 * i + k]);
    const mean = values.reduce((a, b) => a + b) / 16;
    assert.ok(Math.abs(mean - logits.data[k]) < 1e-4, `class ${k}: ${mean} is not ${logits.data[k]}`);
    assert.ok(largestOf(values, goldens.digits[k]) < 1e-4, `class ${k}`);
  }
  const alone = await model.run(input);
  assert.deepEqual(alone.data, logits.data);
  const profile = await model.profile();
  assert.equal(profile.find(({ name }) => name === "class_map").ms, 0);
  await assert.rejects(model.run(input, { outputs: ["scores"] }), {
    code: "argument",
    message: "the model has no output 'scores'; it has 'logits', 'class_map'",
  });
});

test("a model with a class map is compared with its source", async () => {
  const bytes = await readFile(source);
  const { outputs } = await diff(bytes, (await convert(bytes, { classMap: true })).bytes);
  assert.deepEqual(outputs.map(({ name }) => name), ["logits"]);
  assert.ok(outputs[0].largest < 1e-4);
});

test("the map of an int8 model is near the one of floats", async (t) => {
  const examples = () => [...Array(20).keys()].map((i) => ({ input: digits.subarray(64 * i, 64 * i + 64) }));
  const model = await converted(t, source, { metadata, classMap: true, examples });
  const map = await model.run(input, { outputs: ["class_map"] });
  const expected = Array.from({ length: 160 }, (_, i) => goldens.digits[i % 10][Math.floor(i / 10)]);
  const most = Math.max(...expected.map(Math.abs));
  assert.ok(largestOf(map.data, expected) < 0.1 * most);
});

test("a network that does not end in pooling and one layer is told so", async () => {
  const mlp = join(shared, "models/tiny/digits_mlp.onnx");
  const bytes = await readFile(noShared ? source : mlp);
  if (noShared) return;
  await assert.rejects(convert(bytes, { classMap: true }), { code: "unsupported", message: /no class map/ });
});

test("EfficientNet's class maps are PyTorch's", { skip: noShared }, async (t) => {
  const model = await converted(t, join(shared, "models/efficientnet_lite0.onnx"), {
    metadata: json(join(root, "models/efficientnet-lite0/metadata.json")),
    classMap: true,
  });
  for (const [photo, { index, values }] of Object.entries(goldens.photos)) {
    const map = await explain(model, join(samples, photo));
    assert.equal(map.method, "class-map");
    assert.equal(map.index, index);
    const most = Math.max(...values.map(Math.abs));
    assert.ok(largestOf(map.values, values) < 2e-4 * most, photo);
  }
});

for (const [photo, [left, top, right, bottom]] of Object.entries(objects)) {
  test(`occlusion and RISE peak inside the object of ${photo}`, async (t) => {
    const model = await load(effnet);
    t.after(() => model.dispose());
    let reports = 0;
    const options = { masks: 200, onProgress: () => reports++ };
    for (const method of ["occlusion", "rise"]) {
      const map = await explain(model, join(samples, photo), { ...options, method });
      const { x, y } = map.peak;
      assert.ok(x > left && x < right && y > top && y < bottom, `${method}: peak at ${x}, ${y}`);
      assert.equal(map.done, 1);
      assert.match(map.sentence, new RegExp(`^${map.label}: `));
    }
    assert.equal(reports, 81 + 200);
  });
}

test("an explanation can be stopped, leaves the model usable, and repeats itself", async (t) => {
  const model = await load(effnet);
  t.after(() => model.dispose());
  const photo = join(samples, "coffee.jpg");
  const stop = new AbortController();
  const stopping = explain(model, photo, {
    method: "rise",
    signal: stop.signal,
    onProgress: ({ done }) => done > 0.02 && stop.abort(),
  });
  await assert.rejects(stopping, { name: "AbortError" });
  const twice = await Promise.all([1, 2].map(() => explain(model, photo, { method: "rise", masks: 5 })));
  assert.deepEqual(twice[0].values, twice[1].values);
  const whole = await model.classify(photo);
  assert.equal(whole.top[0].label, twice[0].label);
  await assert.rejects(explain(model, photo, { index: 1000 }), { code: "argument" });
  await assert.rejects(explain(model, photo, { method: "magic" }), { code: "argument" });
  const digits = await load(join(root, "tests/models/digits_cnn.f32.mite"));
  t.after(() => digits.dispose());
  await assert.rejects(explain(digits, photo, { method: "class-map" }), { code: "unsupported" });
});

test("a class map is an output that must be asked for", async (t) => {
  const model = await load(effnet);
  t.after(() => model.dispose());
  const extra = model.metadata.explain.classMap;
  const input = new Float32Array(3 * 224 * 224);
  assert.deepEqual((await model.run(input)).shape, [1, 1000]);
  assert.deepEqual(Object.keys(await model.run({ input })), ["logits"]);
  assert.deepEqual((await model.run(input, { outputs: [extra] })).shape, [1, 7, 7, 1000]);
  assert.ok((await model.selfTest()).ok);
});

test("covered parts become the mean color; masks are stretched, smooth or not", () => {
  const values = Float32Array.of(0, 1);
  const hard = { width: 2, height: 1, values, smooth: false };
  assert.deepEqual([...maskWeights(hard, 4, 1)], [0, 0, 1, 1]);
  assert.deepEqual([...maskWeights({ ...hard, smooth: true }, 4, 1)], [0, 0.25, 0.75, 1]);
  const shifted = { width: 3, height: 1, values: Float32Array.of(0, 1, 0), smooth: false, seen: 2, shiftX: 1 };
  assert.deepEqual([...maskWeights(shifted, 2, 1)], [1, 0]);
  const data = Float32Array.of(0, 2, 4, 10, 1, 1, 1, 1);
  const rows = { data, shape: [1, 2, 1, 4], channelsFirst: true };
  assert.deepEqual([...covered(rows, hard)], [4, 4, 4, 10, 1, 1, 1, 1]);
  const pixels = { data: Uint8Array.of(0, 9, 3, 9), shape: [1, 1, 2, 2], channelsFirst: false };
  assert.deepEqual([...covered(pixels, hard)], [2, 9, 3, 9]);
});

test("a heat map tells where it is hottest, in pixels and in words", () => {
  const picture = { width: 90, height: 30, region: { x: 30, y: 0, width: 30, height: 30 } };
  const values = Float32Array.of(0, 0, 5, 0, -3, 0, 0, 0, 1);
  const map = new HeatMap({ values, width: 3, height: 3, label: "cup", index: 1, method: "class-map", picture, done: 1 });
  assert.deepEqual(map.peak, { x: 55, y: 5 });
  assert.equal(map.sentence, "cup: mostly the upper right");
  assert.deepEqual([...map.strengths].slice(2, 5).map((x) => Math.round(100 * x)), [100, 0, 0]);
  const pixels = map.pixels({ opacity: 1 });
  assert.equal(pixels[4 * (5 * 90 + 10) + 3], 0, "outside of what the model saw");
  assert.deepEqual([...pixels.slice(4 * (2 * 90 + 58), 4 * (2 * 90 + 58) + 4)], [255, 240, 90, 255]);
  const flat = new HeatMap({ ...map, values: new Float32Array(9), picture, label: "cup" });
  assert.equal(flat.sentence, "nothing in particular speaks for cup");
});
