// SPDX-License-Identifier: Apache-2.0
// make conformance: every case of the shared archives (of the kept ones where those are not here),
// printed by operator, with what fails and why. The results go to build/conformance.json.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { archives, byOperator, knownRefusals, root, runArchive } from "./suite.mjs";

const refusals = knownRefusals();
const all = [];
let unexpected = 0;
for (const [i, archive] of archives.shared.entries()) {
  const used = existsSync(archive.path) ? archive : archives.kept[i];
  if (!existsSync(used.path)) continue;
  const results = await runArchive(used);
  all.push(...results);
  for (const [op, { cases, passed }] of byOperator(results)) {
    console.log(`${op.padEnd(32)} ${String(passed).padStart(4)} of ${cases}`);
  }
  for (const { key, status, why } of results) {
    if (status === "pass") continue;
    const known = refusals.has(key);
    unexpected += known ? 0 : 1;
    console.log(`${known ? "known" : status}: ${key}: ${why}`);
  }
  const passed = results.filter(({ status }) => status === "pass").length;
  console.log(`${used.format}: ${passed} of ${results.length} cases pass (${used.path})\n`);
}
mkdirSync(join(root, "build"), { recursive: true });
writeFileSync(join(root, "build/conformance.json"), JSON.stringify(all));
process.exitCode = unexpected ? 1 : 0;
