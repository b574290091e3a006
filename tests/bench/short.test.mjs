// SPDX-License-Identifier: Apache-2.0
// The bench's short mode: every engine runs the same small network and all agree on the answer, in
// Node and Chromium. How long anything takes is nobody's concern here.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { missing } from "../web/browsers.mjs";

const bench = fileURLToPath(new URL("../../bench/run.mjs", import.meta.url));
const build = new URL("../../build/bench/", import.meta.url);

/** @param {string[]} args */
const run = (...args) => spawnSync(process.execPath, [bench, ...args], { encoding: "utf8" });

test("all engines run and agree, and the report is written", () => {
  rmSync(new URL("results/", build), { recursive: true, force: true });
  rmSync(new URL("docs/", build), { recursive: true, force: true });
  const { status, stdout, stderr } = run("--short");
  assert.equal(status, 0, stdout + stderr);
  for (const host of missing("chromium") ? ["node"] : ["node", "chromium"]) {
    const kept = (/** @type {string} */ name) =>
      JSON.parse(readFileSync(new URL(`results/${host}.${name}.json`, build), "utf8"));
    const { threads1, cold, builds } = kept("tiny");
    assert.deepEqual(
      threads1.results.map(({ engine, kind }) => `${engine} ${kind}`),
      [
        ...["mite f32", "mite int8", "LiteRT.js f32", "LiteRT.js int8"],
        ...["onnxruntime-web f32", "onnxruntime-web int8", "tfjs-wasm f32"],
      ],
      host,
    );
    assert.ok(threads1.results.every(({ median }) => median > 0));
    assert.deepEqual(threads1.absent.map(({ why }) => why), ["tfjs-backend-wasm computes in f32 only"]);
    assert.ok(cold.every(({ bytes }) => bytes >= 65536), "memory is seen");
    assert.ok(builds.find(({ kind }) => kind === "int8").same, "the same numbers without relaxed SIMD");
    assert.ok(kept("dispatch").dispatch.two > 0);
    assert.ok(threads1.profiles[0].nodes.every(({ bytes }) => bytes > 0));
  }
  const report = readFileSync(new URL("docs/performance.md", build), "utf8");
  assert.match(report, /\| onnxruntime-web int8 \|/);
  assert.match(readFileSync(new URL("docs/roofline/tiny.svg", build), "utf8"), /<circle/);
});

test("a part that does not exist is refused by name", () => {
  const { status, stderr } = run("--short", "resnet", "firefox");
  assert.equal(status, 2);
  assert.match(stderr, /there is no part 'firefox'; there are efficientnet-lite0, /);
});
