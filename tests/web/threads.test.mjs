// SPDX-License-Identifier: Apache-2.0
// Threads in pages: helpers start under the page's strict policy, from a worker and from the page's
// own thread, share the work, and give the bits that every other build gives.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { engines, missing } from "./browsers.mjs";
import { pageOf } from "./suite.mjs";

const bits = readFileSync(new URL("../models/bits.txt", import.meta.url), "utf8");

/** Runs in the page. */
const runThreaded = async (threads, worker) => {
  const { load, features } = await import("/mite/src/index.js");
  const { seededInputs } = await import("/mite/src/self-test.js");
  const address = "/models/efficientnet-lite0/efficientnet-lite0.int8.mite";
  const model = await load(address, { threads, worker });
  const input = seededInputs(model.inputs, { seed: 1, low: -1, high: 1 });
  const hashes = new Set();
  for (let run = 0; run < 5; run++) {
    const { logits } = await model.run(input);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", logits.data));
    hashes.add(Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join(""));
  }
  const photo = await (await fetch("/samples/coffee.jpg")).blob();
  const { top } = await model.classify(photo);
  const { runtime } = model;
  await model.dispose();
  return { hashes: [...hashes], label: top[0].label, runtime, features: features() };
};

for (const engine of engines) {
  describe(`threads in ${engine}`, { skip: missing(engine), timeout: 120_000 }, () => {
    const at = pageOf(engine);

    for (const [threads, worker] of [[1, true], [2, true], [2, false], [4, true]]) {
      test(`${threads} of them, ${worker ? "in a worker" : "on the page's own thread"}`, async () => {
        const said = await at.page.run(runThreaded, threads, worker);
        const { runtime } = said;
        assert.equal(said.hashes.length, 1, "runs differ");
        assert.ok(bits.includes(said.hashes[0]), said.hashes[0]);
        assert.equal(said.label, "espresso");
        assert.equal(runtime.worker, worker, runtime.note);
        if (said.features.sharedMemory) {
          assert.equal(runtime.threads, threads, runtime.note);
          assert.equal(runtime.note, undefined);
        } else {
          assert.equal(runtime.threads, 1);
          assert.equal(/share memory/.test(runtime.note ?? ""), threads > 1, runtime.note);
        }
        assert.deepEqual(at.page.complaints, []);
      });
    }
    if (engine !== "webkit") {
      test("this engine can share memory, so the above meant something", async () => {
        const said = await at.page.run(async () => (await import("/mite/src/index.js")).features());
        assert.equal(said.sharedMemory, true);
      });
    }
  });
}
