// SPDX-License-Identifier: Apache-2.0
// Nothing of thousands of runs and hundreds of models remains, in Node; tests/web/worker.test.mjs has
// the page's.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { digits, effnet, root } from "./support.mjs";

const GROWTH = 24; // MB; 200 models that stay would take 100 MB of WebAssembly memory alone

/** Runs in a process of its own; prints resident MB at every stage. */
const soak = async (index, digits, effnet) => {
  const { load } = await import(index);
  const measure = async () => {
    for (let times = 0; times < 4; times++) {
      globalThis.gc();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return process.memoryUsage().rss / 1e6;
  };
  const runs = async (count, worker) => {
    const model = await load(digits, { threads: 1, worker });
    const { bytes } = model.runtime;
    for (let run = 0; run < count; run++) await model.run(new Float32Array(64));
    if (model.runtime.bytes !== bytes) throw new Error("WebAssembly memory grew");
    await model.dispose();
  };
  const cycles = async (count, path, left) => {
    for (let cycle = 0; cycle < count; cycle++) {
      const model = await load(path, { threads: 1 });
      await model.run(new Float32Array(path === digits ? 64 : 150528));
      if (left) left.push(model);
      else await model.dispose();
    }
  };
  await runs(2000, false);
  await runs(2000, true);
  await cycles(20, digits);
  await cycles(5, effnet);
  const figures = [await measure()];
  await runs(5000, false);
  await runs(5000, true);
  figures.push(await measure());
  await cycles(200, digits);
  await cycles(20, effnet);
  figures.push(await measure());
  const left = [];
  await cycles(10, effnet, left);
  figures.push(await measure());
  console.log(JSON.stringify(figures), left.length);
};

test("10,000 runs and 220 models leave nothing behind", { timeout: 120_000 }, () => {
  const index = pathToFileURL(join(root, "bindings/js/dist/index.js")).href;
  const script = `(${soak})(${[index, digits, effnet].map((text) => JSON.stringify(text)).join()})`;
  const out = execFileSync(process.execPath, ["--expose-gc", "--input-type=module", "-e", script]);
  const [start, afterRuns, afterCycles, withLeft] = JSON.parse(String(out).split(" ")[0]);
  console.log(`MB before, after runs, after models, with 10 that stay: ${out}`);
  assert.ok(afterRuns - start < GROWTH, String(out));
  assert.ok(afterCycles - afterRuns < GROWTH, String(out));
  assert.ok(withLeft - afterCycles > 1.5 * GROWTH, `models that stay are not seen: ${out}`);
});
