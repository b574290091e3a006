// SPDX-License-Identifier: Apache-2.0
// Calls on a model: what they take and when, what they give back, in which order, and how they end
// where the thread that answers them does.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { load } from "../../bindings/js/src/index.js";
import { digits, effnet, fails, npy, root, samples } from "./support.mjs";

const digit = () => npy(join(root, "tests/models/digits_input.npy")).slice(0, 64);

for (const worker of [false, true]) {
  describe(worker ? "in a worker" : "on the calling thread", () => {
    test("inputs are taken when a call is made, however late it runs", async () => {
      const model = await load(digits, { worker });
      const { data: expected } = await model.run(digit());
      const frame = digit();
      const running = [model.run(frame), model.run(frame), model.run({ input: frame })];
      frame.fill(0);
      const [first, second, { logits }] = await Promise.all(running);
      for (const { data } of [first, second, logits]) assert.deepEqual(data, expected);
      assert.equal(frame.length, 64);
      await model.dispose();
    });

    test("a buffer that is transferred is gone when the call returns", async () => {
      const model = await load(digits, { worker });
      const { data: expected } = await model.run(digit());
      const roomy = new Float32Array(200);
      roomy.set(digit(), 100);
      const frames = [roomy.subarray(100, 164), digit(), digit()];
      const running = frames.map((frame) => model.run(frame, { transfer: [frame.buffer] }));
      assert.deepEqual(frames.map(({ byteLength }) => byteLength), [0, 0, 0]);
      assert.equal(roomy.byteLength, 0);
      for (const { data } of await Promise.all(running)) assert.deepEqual(data, expected);
      await assert.rejects(
        model.run(digit(), { transfer: [/** @type {any} */ (roomy)] }),
        fails("argument", /transferred/),
      );
      await model.dispose();
    });

    test("a Node Buffer stays its owner's", async () => {
      const model = await load(effnet, { worker });
      const photo = readFileSync(join(samples, "coffee.jpg"));
      const before = Buffer.from(photo);
      const { top } = await model.classify(photo);
      assert.deepEqual(photo, before);
      const bytes = new Uint8Array(photo);
      const again = await model.classify(bytes, { transfer: [bytes.buffer] });
      assert.equal(bytes.byteLength, 0);
      assert.deepEqual(again.top, top);
      await model.dispose();
    });

    test("calls end in the order in which they were made", async () => {
      const model = await load(digits, { worker });
      const order = [];
      await Promise.all(
        Array.from({ length: 10 }, (_, i) => model.run(digit()).then(() => order.push(i))),
      );
      assert.deepEqual(order, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      await model.dispose();
    });
  });
}

test("a worker that dies rejects what waits for it, and the next load works", async () => {
  const workers = [];
  const watch = (worker) => workers.push(worker);
  process.on("worker", watch);
  const model = await load(effnet, { worker: true, threads: 1 });
  process.off("worker", watch);
  const input = new Float32Array(150528);
  const running = Array.from({ length: 20 }, () => model.run(input));
  running[0].then(() => workers[0].terminate());
  await Promise.allSettled(running);
  await assert.rejects(running[19], fails("crashed", /load it again/));
  await assert.rejects(model.run(input), fails("crashed", /load it again/));
  await model.dispose();
  const next = await load(effnet, { worker: true, threads: 1 });
  assert.equal((await next.run(input)).data.length, 1000);
  await next.dispose();
});

test("a worker that dies while it loads rejects the load", async () => {
  process.once("worker", (worker) => setTimeout(() => worker.terminate(), 300));
  const stalls = new ReadableStream({
    start: (controller) => controller.enqueue(readFileSync(digits).subarray(0, 200)),
  });
  await assert.rejects(
    load(stalls, { worker: true, threads: 1 }),
    fails("crashed", /load it again/),
  );
});
