// SPDX-License-Identifier: Apache-2.0
// Processes that are killed in the middle of an update: the next one serves a version that proved good, though
// no list is to be had, and then the new one.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { openModel } from "../../bindings/js/dist/field.js";
import { Faults } from "../web/faults.mjs";
import { Site } from "./site.mjs";
import { makeVersion } from "./versions.mjs";

const visitor = fileURLToPath(new URL("visitor.mjs", import.meta.url));

test("a process may be killed at any time", { timeout: 120_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "mite-killed-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const site = await Site.create(new Faults(), "", "/");
  const list = join(folder, "models.json");
  mkdirSync(join(folder, "digits"));
  const offer = async (version, options) => {
    const bytes = makeVersion(version, options);
    site.add(version, bytes);
    await site.promote(version);
    writeFileSync(join(folder, site.versions[version].file), bytes);
    writeFileSync(list, site.text);
  };
  const [publicKey] = site.publicKeys;

  /** @param {string} memory @param {number} [patience] ms from when it serves to its death */
  const visit = (memory, patience) =>
    new Promise((resolve) => {
      const child = spawn(process.execPath, [visitor, list, publicKey, memory], { stdio: ["ignore", "pipe", "inherit"] });
      let said = "";
      child.stdout.on("data", (text) => {
        if (patience !== undefined && !said) setTimeout(() => child.kill("SIGKILL"), patience);
        said += text;
      });
      child.on("close", () => resolve(said.trim().split("\n")));
    });

  await offer("1.0.0");
  const ends = [];
  for (let round = 0; round < 12; round++) {
    const memory = join(folder, `memory ${round}`);
    const first = await openModel(list, { publicKeys: [publicKey], memory });
    await first.dispose();
    const before = first.history.at(-1).version;
    await offer(`2.0.${round}`, { chunks: 24 });
    await visit(memory, round * 4);
    renameSync(list, `${list}.away`);
    const next = await openModel(list, { publicKeys: [publicKey], memory, update: "never" });
    assert.ok([before, `2.0.${round}`].includes(next.version), next.version);
    ends.push(next.version === before ? "old" : "new");
    await next.dispose();
    renameSync(`${list}.away`, list);
    const [serves, then] = await visit(memory);
    assert.equal(serves, next.history.findLast(({ type }) => type === "serving").version);
    assert.equal(then, `2.0.${round}`);
  }
  t.diagnostic(`after the kills served: ${ends.join(" ")}`);
});
