// SPDX-License-Identifier: Apache-2.0
// The types of mite/ort stand where those that onnxruntime-common publishes are expected.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { installed, root } from "./clients.mjs";

test("code typed by onnxruntime-common compiles with mite/ort", { timeout: 240_000 }, () => {
  const folder = join(root, "build/ort/types");
  mkdirSync(folder, { recursive: true });
  const project = join(folder, "tsconfig.json");
  const compilerOptions = {
    strict: true,
    noEmit: true,
    module: "nodenext",
    target: "es2022",
    lib: ["es2023", "dom", "esnext.disposable"],
    types: [],
    skipLibCheck: false,
    paths: {
      "mite/ort": [join(root, "bindings/js/ort.d.ts")],
      "onnxruntime-common": [join(installed(), "onnxruntime-common/dist/esm/index.d.ts")],
    },
  };
  writeFileSync(project, JSON.stringify({ compilerOptions, files: [join(root, "tests/ort/types.mts")] }));
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  const { status, stdout } = spawnSync(process.execPath, [tsc, "--project", project], { encoding: "utf8" });
  assert.equal(status, 0, stdout);
});
