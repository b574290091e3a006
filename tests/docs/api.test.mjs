// SPDX-License-Identifier: Apache-2.0
// docs/api is what the types say now.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

test("docs/api is what the types say (make docs-api writes it)", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "mite-api-"));
  t.after(() => rmSync(folder, { recursive: true }));
  execFileSync(process.execPath, [join(root, "tools/api-docs.mjs"), folder], { stdio: "inherit" });
  const kept = join(root, "docs/api");
  /** @param {string} path */
  const filesOf = (path) =>
    readdirSync(path, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(path, join(entry.parentPath, entry.name)))
      .sort();
  assert.deepEqual(filesOf(folder), filesOf(kept));
  for (const name of filesOf(folder)) {
    assert.equal(readFileSync(join(folder, name), "utf8"), readFileSync(join(kept, name), "utf8"), name);
  }
});
