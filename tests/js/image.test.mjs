// SPDX-License-Identifier: Apache-2.0
// mite/image: tables of boxes in the forms that published detectors have, masks, and pictures as tensors.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { convert } from "../../bindings/js/src/convert.js";
import { load } from "../../bindings/js/src/index.js";
import { detect, imageTensor, segment } from "../../bindings/js/src/image.js";
import { noShared, samples, shared } from "./support.mjs";

const close = (actual, expected, what) => {
  assert.equal(actual.length, expected.length, what);
  actual.forEach((x, i) => assert.ok(Math.abs(x - expected[i]) < 1e-4, `${what}: ${actual} is not ${expected}`));
};
const numbers = ({ box: { x, y, width, height } }) => [x, y, width, height];

/** A model that gives these outputs for a picture of 200 × 100 pixels, letterboxed into 100 × 100. */
function model(outputs, metadata, region = { x: 0, y: -50, width: 200, height: 200 }) {
  const tensors = Object.entries(outputs).map(([name, { data, shape }]) => [
    name,
    { data: Float32Array.from(data), shape, dtype: "f32" },
  ]);
  return {
    inputs: [{ name: "input", dtype: "f32", shape: [1, 3, 100, 100] }],
    outputs: tensors.map(([name, { shape }]) => ({ name, dtype: "f32", shape })),
    metadata,
    async runImage() {
      return {
        outputs: Object.fromEntries(tensors),
        picture: { width: 200, height: 100, region },
        ms: { decode: 0, preprocess: 0, run: 0 },
      };
    },
  };
}

test("YOLOv8's transposed table: boxes of one class that overlap leave the best, other classes stay", async () => {
  // Columns: three boxes; rows: cx, cy, w, h, then the scores of two classes.
  const rows = [
    [50, 51, 20],
    [50, 50, 40],
    [20, 20, 10],
    [20, 20, 10],
    [0.9, 0.8, 0.1],
    [0.1, 0.2, 0.7],
  ];
  const spec = {
    kind: "detection",
    boxes: { layout: "cxcywh" },
    scores: {},
    transposed: true,
  };
  const yolo = model({ out: { data: rows.flat(), shape: [1, 6, 3] } }, { postprocess: spec, labels: ["cat", "dog"] });
  const { detections, picture } = await detect(yolo, "photo");
  assert.deepEqual(detections.map(({ label }) => label), ["cat", "dog"]);
  close(numbers(detections[0]), [80, 30, 40, 40], "cat");
  close(numbers(detections[1]), [30, 20, 20, 20], "dog");
  assert.equal(picture.width, 200);
  const all = await detect(yolo, "photo", { iouThreshold: 1, maxDetections: 2 });
  assert.deepEqual(all.detections.map(({ label }) => label), ["cat", "cat"]);
  assert.deepEqual((await detect(yolo, "photo", { scoreThreshold: 0.95 })).detections, []);
});

test("YOLOv5's rows with the probability of an object", async () => {
  const postprocess = {
    kind: "detection",
    boxes: { layout: "xywh" },
    scores: { from: 5, objectness: 4 },
  };
  const data = [10, 20, 30, 40, 0.5, 0.9, 0.95, 10, 20, 30, 40, 1, 0.2, 0.6];
  const { detections } = await detect(model({ out: { data, shape: [1, 2, 7] } }, { postprocess }), "photo", {
    scoreThreshold: 0.4,
  });
  close(detections.map(({ score }) => score), [0.6], "of one class, the better box stays");
  assert.equal(detections[0].label, "class 1");
});

test("TensorFlow's SSD: boxes, classes and scores apart, boxes cut to the picture", async () => {
  const postprocess = {
    kind: "detection",
    boxes: { output: "boxes", layout: "yxyx", units: "fraction" },
    scores: { output: "scores" },
    classes: { output: "classes" },
  };
  const outputs = {
    boxes: { data: [-0.1, 0.5, 0.5, 1.2, 0.4, 0.4, 0.6, 0.6], shape: [1, 2, 4] },
    classes: { data: [2, 0], shape: [1, 2] },
    scores: { data: [0.8, 0.3], shape: [1, 2] },
  };
  const region = { x: 0, y: 0, width: 200, height: 100 };
  const { detections } = await detect(model(outputs, { postprocess }, region), "photo");
  assert.equal(detections.length, 1);
  assert.equal(detections[0].index, 2);
  close(numbers(detections[0]), [100, 0, 100, 50], "box");
});

test("DETR: logits with a class that is no object", async () => {
  const postprocess = {
    kind: "detection",
    boxes: { output: "pred_boxes", layout: "cxcywh", units: "fraction" },
    scores: { output: "logits", activation: "softmax", background: 0 },
  };
  const outputs = {
    pred_boxes: { data: [0.5, 0.5, 0.2, 0.2, 0.1, 0.5, 0.1, 0.1], shape: [1, 2, 4] },
    logits: { data: [0, 5, 1, 9, 1, 1], shape: [1, 2, 3] },
  };
  const { detections } = await detect(model(outputs, { postprocess, labels: ["a", "b"] }), "photo");
  assert.deepEqual(detections.map(({ label }) => label), ["a"]);
  const power = Math.exp(-5) + Math.exp(-4) + 1;
  close([detections[0].score], [1 / power], "softmax");
});

test("MediaPipe's anchors: offsets from cells' centres in pixels, with points", async () => {
  const postprocess = {
    kind: "detection",
    boxes: { output: "regressors", layout: "cxcywh", anchors: [{ stride: 50, count: 1 }] },
    scores: { output: "classificators", activation: "sigmoid" },
    keypoints: { from: 4, count: 1 },
  };
  const regressors = Array(24).fill(0);
  regressors.splice(18, 6, 5, -5, 30, 20, 10, 0); // the cell in the lower right, whose centre is (75, 75)
  const outputs = {
    regressors: { data: regressors, shape: [1, 4, 6] },
    classificators: { data: [-9, -9, -9, 2], shape: [1, 4, 1] },
  };
  const { detections } = await detect(model(outputs, { postprocess }), "photo");
  assert.equal(detections.length, 1);
  close(numbers(detections[0]), [130, 70, 60, 30], "box of 80 ± 15, 70 ± 10, its lower edge cut off");
  close(Object.values(detections[0].keypoints[0]), [170, 100], "point");
  const wrong = { ...postprocess, boxes: { ...postprocess.boxes, anchors: [{ stride: 25, count: 1 }] } };
  await assert.rejects(detect(model(outputs, { postprocess: wrong }), "photo"), {
    code: "format",
    message: /anchors make 16 boxes .* gives 4/,
  });
});

test("masks: one number a place, several, and class numbers", async () => {
  const whole = { x: 0, y: 0, width: 200, height: 100 };
  const one = await segment(
    model(
      { out: { data: [0, 0, 1, 1], shape: [1, 2, 2, 1] } },
      { postprocess: { kind: "segmentation", layout: "nhwc" } },
      whole,
    ),
    "photo",
  );
  assert.deepEqual([...one.classes], [0, 0, 1, 1]);
  assert.deepEqual(one.labels, ["background", "object"]);
  assert.deepEqual(one.coverage, [0.5, 0.5]);
  const mask = one.mask();
  assert.equal(mask.length, 200 * 100);
  assert.deepEqual([mask[0], mask[24 * 200], mask[50 * 200], mask[99 * 200]], [0, 0, 130, 255]);
  assert.deepEqual([...one.mask(0, { width: 1, height: 2 })], [255, 0]);

  const logits = [9, 1, 0, 2, 0, 5, 0, 2, 0, 0, 7, 3]; // [class][y][x]
  const three = await segment(
    model(
      { out: { data: logits, shape: [1, 3, 2, 2] } },
      { postprocess: { kind: "segmentation", activation: "softmax" } },
      whole,
    ),
    "photo",
  );
  assert.deepEqual([...three.classes], [0, 1, 2, 2]);
  const { probabilities: p } = three;
  const sums = [0, 1, 2, 3].map((i) => p[i] + p[4 + i] + p[8 + i]);
  close(sums, [1, 1, 1, 1], "softmax");

  const postprocess = { kind: "segmentation", activation: "classes" };
  const numbered = model({ out: { data: [0, 2, 2, 1], shape: [1, 2, 2] } }, { postprocess }, whole);
  const ids = await segment(numbered, "photo");
  assert.deepEqual([...ids.classes], [0, 2, 2, 1]);
  assert.deepEqual(ids.coverage, [0.25, 0.25, 0.5]);
});

test("a mask covers what the model saw and nothing else", async () => {
  const seen = model(
    { out: { data: [1, 1, 1, 1], shape: [1, 2, 2, 1] } },
    { postprocess: { kind: "segmentation", layout: "nhwc" } },
    { x: 50, y: 0, width: 100, height: 100 },
  );
  const mask = (await segment(seen, "photo")).mask();
  assert.deepEqual([mask[49], mask[50], mask[149], mask[150]], [0, 255, 255, 0]);
});

test("models without such metadata are refused by what they lack", async () => {
  await assert.rejects(detect(model({ out: { data: [1], shape: [1] } }, {}), "photo"), { code: "unsupported" });
  await assert.rejects(segment(model({ out: { data: [1], shape: [1] } }, {}), "photo"), { code: "unsupported" });
  const postprocess = { kind: "detection", boxes: {}, scores: {} };
  await assert.rejects(detect(model({ out: { data: [1, 2, 3], shape: [1, 1, 3] } }, { postprocess }), "photo"), {
    code: "format",
    message: /wants numbers 0 to 3 of each row, but rows have 3/,
  });
});

test("pictures as tensors: layouts, gray, and padding", async () => {
  const picture = { data: Uint8Array.of(255, 0, 0, 0, 255, 0), width: 2, height: 1 };
  const rgb = await imageTensor(picture, { width: 2, height: 2, fit: "contain", pad: "#0000ff" });
  assert.deepEqual(rgb.shape, [1, 3, 2, 2]);
  assert.deepEqual([...rgb.data], [255, 0, 0, 0, 0, 255, 0, 0, 0, 0, 255, 255]);
  assert.deepEqual(rgb.picture, { width: 2, height: 1, region: { x: 0, y: 0, width: 2, height: 2 } });
  const gray = await imageTensor(picture, { width: 2, height: 1, order: "gray", fit: "stretch", layout: "nhwc" });
  assert.deepEqual(gray.shape, [1, 1, 2, 1]);
  assert.deepEqual([...gray.data], [76, 150]);
  await assert.rejects(imageTensor(picture, {}), { code: "argument" });
});

const photo = join(samples, "astronaut.jpg");

async function converted(t, file, metadata) {
  const { bytes } = await convert(await readFile(join(shared, "models/zoo", file)), { metadata });
  const model = await load(bytes);
  t.after(() => model.dispose());
  return model;
}

test("MediaPipe's face detector finds the face and the eyes of a photo", { skip: noShared }, async (t) => {
  const third = 1 / 127.5;
  const face = await converted(t, "mp_face_short/face_detection_short_range.tflite", {
    preprocess: { fit: "contain", filter: "bilinear", mean: [127.5, 127.5, 127.5], scale: [third, third, third] },
    postprocess: {
      kind: "detection",
      boxes: {
        output: "regressors",
        layout: "cxcywh",
        anchors: [
          { stride: 8, count: 2 },
          { stride: 16, count: 6 },
        ],
      },
      scores: { output: "classificators", activation: "sigmoid" },
      keypoints: { from: 4, count: 6 },
    },
  });
  const { detections } = await detect(face, photo);
  assert.equal(detections.length, 1);
  const [{ score, box, keypoints }] = detections;
  assert.ok(score > 0.8);
  assert.ok(box.x > 150 && box.x + box.width < 300 && box.y > 50 && box.y + box.height < 200);
  const near = ({ x, y }, right) => assert.ok(Math.hypot(x - right[0], y - right[1]) < 8, `${x}, ${y}`);
  near(keypoints[0], [203, 103]); // as a person clicks them
  near(keypoints[1], [247, 107]);
});

test("MediaPipe's selfie segmentation separates a person from the wall", { skip: noShared }, async (t) => {
  const unit = 1 / 255;
  const selfie = await converted(t, "mp_selfie/selfie_segmentation.tflite", {
    preprocess: { fit: "stretch", filter: "bilinear", scale: [unit, unit, unit] },
    postprocess: { kind: "segmentation" },
    labels: ["background", "person"],
  });
  const people = await segment(selfie, photo);
  const mask = people.mask();
  const at = (x, y) => mask[y * people.picture.width + x];
  assert.ok(at(225, 110) > 250 && at(150, 300) > 250, "face and suit");
  assert.ok(at(330, 60) < 5 && at(20, 480 - 300) < 100, "wall and flag");
  assert.ok(people.coverage[1] > 0.4 && people.coverage[1] < 0.65);
});
