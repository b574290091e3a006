// SPDX-License-Identifier: Apache-2.0
// Pictures as tensors and back, in Chromium, beside onnxruntime-web: the same where it does what its
// documentation says, and what the documentation says where it does not.
/* global mite, original, pixels, canvas, image, bitmap, plain, url -- of the page */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import * as ort from "../../bindings/js/dist/ort.js";
import { launch, missing } from "../web/browsers.mjs";
import { servePage } from "./page.mjs";

describe("pictures in Chromium", { skip: missing("chromium"), timeout: 120_000 }, () => {
  /** @type {import("../web/browsers.mjs").Page} */
  let page;
  /** @type {Awaited<ReturnType<typeof servePage>>} */
  let server;
  before(async () => {
    server = await servePage();
    page = await launch("chromium");
    await page.open(server.url);
    await page.run(async () => {
      const pixels = new ImageData(6, 4);
      pixels.data.forEach((_, i) => (pixels.data[i] = i % 4 === 3 ? 255 : (i * 37) % 256));
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [6, 4];
      canvas.getContext("2d").putImageData(pixels, 0, 0);
      const image = new Image();
      image.src = canvas.toDataURL();
      await image.decode();
      const bitmap = await createImageBitmap(canvas);
      const plain = ({ type, dims, data }) => ({ type, dims: [...dims], data: Array.from(data) });
      Object.assign(globalThis, { pixels, canvas, image, bitmap, plain, url: image.src });
      globalThis.mite = await import("/mite/dist/ort.js");
      globalThis.original = await import("/original/ort.wasm.bundle.min.mjs");
    });
  });
  after(async () => {
    await page?.close();
    server?.close();
  });

  const asTheirs = [
    ["pixels", undefined],
    ["pixels", {}],
    ["pixels", { tensorFormat: "BGR" }],
    ["pixels", { tensorFormat: "RBG", norm: { mean: [10, 20, 30], bias: [1, 2, 3] } }],
    ["pixels", { tensorFormat: "RGBA", norm: { mean: 127.5, bias: -127.5 } }],
    ["pixels", { resizedWidth: 6, resizedHeight: 4, dataType: "float32", tensorLayout: "NCHW" }],
    ["bitmap", { tensorFormat: "RGB" }],
    ["url", undefined],
    ["url", { tensorFormat: "BGR" }],
  ];
  for (const [what, options] of asTheirs) {
    test(`fromImage(${what}, ${JSON.stringify(options)}) as onnxruntime-web`, async () => {
      const [ours, theirs] = await page.run(
        async (what, options) => {
          const make = ({ Tensor }) => Tensor.fromImage(globalThis[what], options && { ...options });
          return [plain(await make(mite)), plain(await make(original))];
        },
        what,
        options ?? undefined,
      );
      assert.deepEqual(ours, theirs);
      assert.equal(ours.dims[2], 4);
    });
  }

  test("toImageData gives the pixels back, as onnxruntime-web", async () => {
    const [ours, theirs, pixels] = await page.run(async () => {
      const back = async ({ Tensor }) => (await Tensor.fromImage(pixels)).toImageData();
      const list = ({ data }) => Array.from(data);
      return [list(await back(mite)), list(await back(original)), list(pixels)];
    });
    assert.deepEqual(ours, pixels);
    assert.deepEqual(theirs, pixels);
  });

  test("every format and layout comes back", async () => {
    const differing = await page.run(async () => {
      const differing = [];
      for (const format of ["RGB", "BGR", "RBG", "RGBA"]) {
        for (const tensorLayout of ["NCHW", "NHWC"]) {
          for (const dataType of ["float32", "uint8"]) {
            const options = { tensorFormat: format, tensorLayout, dataType };
            const tensor = await mite.Tensor.fromImage(pixels, options);
            const norm = dataType === "uint8" ? { mean: 1 } : { mean: [255, 255, 255] };
            const back = tensor.toImageData({ format, tensorLayout, norm });
            if (String(back.data) !== String(pixels.data)) differing.push(options);
          }
        }
      }
      return differing;
    });
    assert.deepEqual(differing, []);
  });

  test("NHWC has the numbers of NCHW", async () => {
    const [channels, rows] = await page.run(async () => [
      plain(await mite.Tensor.fromImage(pixels)),
      plain(await mite.Tensor.fromImage(pixels, { tensorLayout: "NHWC" })),
    ]);
    assert.deepEqual([channels.dims, rows.dims], [[1, 3, 4, 6], [1, 4, 6, 3]]);
    rows.data.forEach((value, i) => assert.equal(value, channels.data[(i % 3) * 24 + Math.floor(i / 3)]));
  });

  test("pictures of every kind, resized as the options say", async () => {
    const said = await page.run(async () => {
      const offscreen = new OffscreenCanvas(6, 4);
      offscreen.getContext("2d").drawImage(canvas, 0, 0);
      const all = { pixels, image, bitmap, canvas, offscreen, url, address: new URL("/samples/coffee.jpg", location) };
      const said = {};
      for (const [name, picture] of Object.entries(all)) {
        const options = { resizedWidth: 3, resizedHeight: 2, tensorFormat: "RGB" };
        const { dims, data } = await mite.Tensor.fromImage(picture, options);
        said[name] = { dims: [...dims], mean: data.reduce((sum, value) => sum + value, 0) / data.length };
      }
      const whole = await mite.Tensor.fromImage(pixels);
      return { said, mean: whole.data.reduce((sum, value) => sum + value, 0) / whole.data.length };
    });
    for (const [name, { dims, mean }] of Object.entries(said.said)) {
      assert.deepEqual(dims, [1, 3, 2, 3], name);
      // A corner that was cut out would have another mean.
      if (name !== "address") assert.ok(Math.abs(mean - said.mean) < 0.05, `${name}: ${mean}, ${said.mean}`);
    }
  });

  test("toDataURL is the picture", async () => {
    const [back, pixels] = await page.run(async () => {
      const tensor = await mite.Tensor.fromImage(globalThis.pixels);
      const again = await mite.Tensor.fromImage(tensor.toDataURL());
      return [Array.from(again.data), Array.from(tensor.data)];
    });
    assert.deepEqual(back, pixels);
  });

  test("sessions in a page: an address of the page's own, threads, a worker for the model", async () => {
    const said = await page.run(async () => {
      mite.env.wasm.numThreads = 2;
      const session = await mite.InferenceSession.create("models/tiny-vit/onnx/model.onnx");
      const picture = await mite.Tensor.fromImage(image, { resizedWidth: 32, resizedHeight: 32 });
      const { logits } = await session.run({ pixel_values: picture });
      const { threads, worker } = session.model.runtime;
      const bytes = new Uint8Array(await (await fetch("/models/matmul.onnx")).arrayBuffer());
      const other = await mite.InferenceSession.create(bytes.buffer, { mite: { worker: false } });
      const there = other.model.runtime.worker;
      await session.release();
      await other.release();
      return { dims: logits.dims, threads, worker, there };
    });
    assert.deepEqual(said, { dims: [1, 5], threads: 2, worker: true, there: false });
    assert.deepEqual(page.complaints, []);
  });
});

test("without a page, pixels of the right size are read, and what needs a canvas says so", async () => {
  const data = Uint8ClampedArray.from({ length: 16 }, (_, i) => 10 * i);
  const tensor = await ort.Tensor.fromImage({ data, width: 2, height: 2 }, { dataType: "uint8" });
  assert.deepEqual([...tensor.data], [0, 40, 80, 120, 10, 50, 90, 130, 20, 60, 100, 140]);
  const resized = { resizedWidth: 4, resizedHeight: 4 };
  await assert.rejects(ort.Tensor.fromImage({ data, width: 2, height: 2 }, resized), /canvas/);
  await assert.rejects(ort.Tensor.fromImage("photo.jpg"), /fromImage\(\) needs a page's canvas/);
  await assert.rejects(ort.Tensor.fromImage({}), /fromImage\(\) wants ImageData/);
  assert.throws(() => tensor.toImageData(), /toImageData\(\) needs a page's canvas/);
  assert.throws(() => tensor.toDataURL(), /toDataURL\(\) needs a page's canvas/);
  const wrong = [
    [{ tensorFormat: "HSV" }, /'HSV' is no format/],
    [{ tensorLayout: "CHW" }, /'CHW' is no layout/],
    [{ dataType: "int8" }, /float32 or uint8, not int8/],
    [{ norm: { mean: [1, 2] } }, /norm\.mean must be/],
  ];
  for (const [options, words] of wrong) {
    await assert.rejects(ort.Tensor.fromImage({ data, width: 2, height: 2 }, options), words);
  }
});
