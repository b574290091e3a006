// SPDX-License-Identifier: Apache-2.0
// Every form that a page may have a picture in gives the same answer, in a worker and without.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { engines, missing } from "./browsers.mjs";
import { pageOf } from "./suite.mjs";

/** Runs in the page; answers by form. WebP is lossy and made by the engine: kept apart. */
const classifyForms = async (worker) => {
  const { load } = await import("/mite/src/index.js");
  const address = "/models/efficientnet-lite0/efficientnet-lite0.int8.mite";
  const model = await load(address, { worker });
  const photo = "/samples/coffee.jpg";
  const image = new Image();
  image.src = photo;
  await image.decode();
  const { naturalWidth: width, naturalHeight: height } = image;
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const blob = await (await fetch(photo)).blob();
  const forms = {
    address: photo,
    blob,
    bytes: await blob.arrayBuffer(),
    image,
    canvas,
    pixels: context.getImageData(0, 0, width, height),
    bitmap: await createImageBitmap(image),
  };
  if (typeof OffscreenCanvas === "function") {
    forms.offscreen = new OffscreenCanvas(width, height);
    forms.offscreen.getContext("2d").drawImage(image, 0, 0);
  }
  if (typeof VideoFrame === "function") forms.frame = new VideoFrame(canvas, { timestamp: 0 });
  const answers = {};
  const first = async (form) => (await model.classify(form)).top[0];
  for (const [name, form] of Object.entries(forms)) answers[name] = await first(form);
  const again = await first(forms.bitmap); // the caller's own was not closed
  const webp = await new Promise((resolve) => canvas.toBlob(resolve, "image/webp"));
  const webpLabel = (await first(webp)).label;
  const { runtime } = model;
  await model.dispose();
  forms.frame?.close();
  return { answers, again, webpLabel, inWorker: runtime.worker, note: runtime.note };
};

for (const engine of engines) {
  describe(`pictures in ${engine}`, { skip: missing(engine), timeout: 120_000 }, () => {
    const at = pageOf(engine);

    for (const worker of [true, false]) {
      test(worker ? "in a worker" : "on the page's own thread", async () => {
        const said = await at.page.run(classifyForms, worker);
        assert.equal(said.inWorker, worker, said.note);
        const { bytes } = said.answers;
        assert.equal(bytes.label, "espresso");
        for (const [form, answer] of Object.entries(said.answers)) {
          // The engine's own JPEG decoder may differ from mite's by a level here and there.
          assert.equal(answer.index, bytes.index, form);
          assert.ok(Math.abs(answer.probability - bytes.probability) < 0.02, form);
        }
        assert.deepEqual(said.answers.blob, bytes);
        assert.deepEqual(said.answers.address, bytes);
        assert.deepEqual(said.again, said.answers.bitmap);
        assert.equal(said.webpLabel, "espresso");
      });
    }
  });
}
