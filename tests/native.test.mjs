// SPDX-License-Identifier: Apache-2.0
// Runs the tests that are C programs: natively under the sanitizers, and those of the kernels in
// WebAssembly too. Each program is one test here; what it prints is shown when it fails.
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import assert from "node:assert/strict";

const root = new URL("..", import.meta.url).pathname;

/** Files below `folder` (relative to the repository) that `wanted` picks by name, sorted. */
function find(folder, wanted) {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && wanted(entry.name))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

/** Runs a command to its end; resolves with how it ended and all that it printed. */
function run(command, args, signal) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, UBSAN_OPTIONS: "print_stacktrace=1" },
      signal,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (chunk) => { text += chunk; });
    }
    child.on("error", reject);
    child.on("close", (code, killedBy) => resolve({ ended: killedBy ?? code, text }));
  });
}

function runsWell(name, command, args) {
  test(name, { timeout: 600_000 }, async (t) => {
    const { ended, text } = await run(command, args, t.signal);
    const last = text.trimEnd().split("\n").at(-1);
    if (last) t.diagnostic(last);
    assert.equal(ended, 0, `${name} ended with ${ended}:\n${text}`);
  });
}

const programs = find("build/native/tests", (name) => !name.includes("."));
const modules = find("build/wasm-tests", (name) => name.endsWith(".wasm"));

test("the C tests were built", () => {
  assert.ok(programs.length > 0, "no program in build/native/tests; make native builds them");
  assert.ok(modules.length > 0, "no module in build/wasm-tests; make test builds them");
});

for (const program of programs) runsWell(program.slice(root.length), program, []);

// Relaxed SIMD needs Node 24; the plain build must run on the oldest Node that is supported, too.
const nodes = { relaxed: [process.env.NODE24], simd: [process.env.NODE20, process.env.NODE24] };
for (const module of modules) {
  const build = module.includes("/relaxed/") ? "relaxed" : "simd";
  for (const node of nodes[build].map((path) => path ?? process.execPath)) {
    const version = node === process.env.NODE20 ? "Node 20" : "Node 24";
    const args = ["--no-warnings", "tools/run-wasi.mjs", module];
    runsWell(`${module.slice(root.length)} on ${version}`, node, args);
  }
}
