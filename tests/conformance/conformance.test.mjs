// SPDX-License-Identifier: Apache-2.0
// The kept cases (smallest that cover every operator, version and type; tools/keep-cases.mjs) always, all
// shared ones where they are here. The kept ONNX cases run natively under the sanitizers, too.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { archives, knownRefusals, root, runArchive } from "./suite.mjs";
import { readZip } from "./zip.mjs";

const refusals = knownRefusals();

/** Cases whose outcome is not the expected one. @param {import("./suite.mjs").Result[]} results */
function surprises(results) {
  return results
    .filter(({ key, status }) => refusals.has(key) === (status === "pass"))
    .map(({ key, status, why }) => `${key}: ${status}, ${why}`);
}

for (const [kind, list] of Object.entries(archives)) {
  for (const archive of list) {
    const skip = existsSync(archive.path) ? false : `${archive.path} is not here`;
    test(`${kind} ${archive.format} cases`, { skip, timeout: 900_000 }, async (t) => {
      const results = await runArchive(archive);
      t.diagnostic(`${results.length} cases`);
      assert.ok(results.length > 0);
      assert.deepEqual(surprises(results), []);
    });
  }
}

test("refusals are few", { skip: !existsSync(archives.shared[0].path) }, () => {
  const all = readZip(readFileSync(archives.shared[0].path));
  const count = [...all.keys()].filter((name) => name.endsWith("/case.json")).length;
  assert.ok(refusals.size <= 0.02 * count, `${refusals.size} of ${count}`);
});

test("kept ONNX cases under the sanitizers", { timeout: 900_000 }, (t) => {
  const folder = join(root, "build/kept-cases");
  rmSync(folder, { recursive: true, force: true });
  for (const [name, unpack] of readZip(readFileSync(archives.kept[0].path))) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, unpack());
  }
  const program = join(root, "build/native/tests/conformance/cases");
  const { status, stdout, stderr } = spawnSync(program, [folder], { encoding: "utf8" });
  t.diagnostic(stdout.trimEnd().split("\n").at(-1) ?? "");
  assert.equal(status, 0, stdout + stderr);
});
