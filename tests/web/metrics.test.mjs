// SPDX-License-Identifier: Apache-2.0
// Monitoring in the page: counts, drift of photos and callbacks, with the model in a worker and without, and
// not one request that the page did not make.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parsePrometheus } from "../prometheus.mjs";
import { engines, missing } from "./browsers.mjs";
import { pageOf } from "./suite.mjs";

const MODEL = "/models/efficientnet-lite0/efficientnet-lite0.int8.mite";
const PHOTOS = ["astronaut", "cameraman", "cat", "coffee", "seeding"].map((name) => `/samples/${name}.jpg`);
const MIN_RUNS = 10;

/** In the page: a watched model, what it will be given, and where what its callback hears is kept. */
async function prepare(address, worker, photos, kind, minRuns) {
  const { load } = await import("/mite/dist/index.js");
  const { prometheus, watch } = await import("/mite/dist/metrics.js");
  const changes = { dark: (x) => x * 0.25, inverted: (x) => 255 - x, noise: () => 255 * Math.random() };
  const pixels = async (blob) => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 240, height: 240 });
    const context = canvas.getContext("2d");
    context.drawImage(await createImageBitmap(blob), 0, 0, 240, 240);
    const { data } = context.getImageData(0, 0, 240, 240);
    return { data: data.map((x, i) => (i % 4 === 3 ? 255 : changes[kind](x))), width: 240, height: 240 };
  };
  const blobs = await Promise.all(photos.map(async (photo) => (await fetch(photo)).blob()));
  const pictures = kind === "like" ? blobs : await Promise.all(blobs.map(pixels));
  const model = await load(address, { worker, metrics: true });
  const calls = [];
  const watched = watch(model, {
    budget: Infinity,
    minRuns,
    interval: 100,
    threshold: ({ drift }) => drift.level === "much",
    onMetrics: ({ runs }, reason) => calls.push([reason, runs.count]),
  });
  globalThis.given = { model, pictures, watched, calls, prometheus };
}

/** In the page: `runs` runs of what was prepared, and what was told of them. */
async function use(runs) {
  const { model, pictures, watched, calls, prometheus } = globalThis.given;
  for (let run = 0; run < runs; run++) await model.classify(pictures[run % pictures.length]);
  await model.selfTest();
  const metrics = watched.read();
  await new Promise((resolve) => setTimeout(resolve, 300));
  await model.dispose();
  await new Promise((resolve) => setTimeout(resolve, 300));
  delete globalThis.given;
  return { metrics, calls, text: prometheus(metrics) };
}

for (const engine of engines) {
  describe(`metrics in ${engine}`, { skip: missing(engine), timeout: 240_000 }, () => {
    const at = pageOf(engine);

    for (const worker of [true, false]) {
      for (const kind of worker ? ["like", "dark", "inverted", "noise"] : ["like", "noise"]) {
        test(`${kind} photos, ${worker ? "in a worker" : "on the page's thread"}`, async () => {
          await at.page.run(prepare, MODEL, worker, PHOTOS, kind, MIN_RUNS);
          const before = at.server.state.requests.length;
          const { metrics, calls, text } = await at.page.run(use, MIN_RUNS);
          assert.equal(at.server.state.requests.length, before, at.server.state.requests.slice(before).join());
          const { runtime, runs, confidence, selfTest, load, drift } = metrics;
          assert.equal(runtime.worker, worker, runtime.note);
          assert.deepEqual([runs.count, runs.apart, runs.pictures.count], [MIN_RUNS, 1, MIN_RUNS]);
          assert.deepEqual([confidence.count, selfTest.passed, drift.runs], [MIN_RUNS, 1, MIN_RUNS]);
          assert.equal(runs.ms.counts.reduce((a, b) => a + b), MIN_RUNS);
          assert.ok(load.bytes.network + load.bytes.cache > 4e6 && !load.bytes.given, JSON.stringify(load));
          assert.equal(drift.level, kind === "like" ? "none" : "much", JSON.stringify(drift));
          const { samples } = parsePrometheus(text).get("mite_runs_total");
          assert.equal(samples[0].value, MIN_RUNS);
          const reasons = calls.map(([reason]) => reason);
          assert.ok(reasons.includes("interval"), JSON.stringify(calls));
          const crossed = reasons.filter((reason) => reason === "threshold").length;
          assert.equal(crossed, kind === "like" ? 0 : 1, JSON.stringify(calls));
          assert.equal(calls.at(-1)[0], "end", JSON.stringify(calls));
        });
      }
    }
  });
}
