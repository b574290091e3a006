// SPDX-License-Identifier: Apache-2.0
// Lists that `mite registry` writes, on devices: openModel of mite/field takes them up, follows promotions and
// roll-backs, respects shares, and refuses what the key did not sign.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { openModel } from "../../bindings/js/src/field.js";
import { fails } from "../js/support.mjs";
import { NAME, freshFolder, makeKey, models, registryIn, succeeded } from "./support.mjs";

const { key, publicKey } = await makeKey(freshFolder());

async function site() {
  const dir = freshFolder();
  const registry = registryIn(dir, key);
  for (const [i, model] of models.entries()) {
    const channel = i ? [] : ["--channel", "stable"];
    succeeded(await registry("add", model, "--name", NAME, "--version", `1.${i}.0`, ...channel));
  }
  return { registry, list: join(dir, "models.json") };
}

/** @param {string} list @param {object} [options] */
const device = (list, options = {}) =>
  openModel(list, { publicKeys: [publicKey], memory: freshFolder(), update: "wait", ...options });

test("one device through promotion, roll-back and another promotion", async (t) => {
  const { registry, list } = await site();
  const model = await device(list);
  t.after(() => model.dispose());
  assert.equal(model.version, "1.0.0");
  const steps = [
    [["promote", NAME, "1.1.0"], "1.1.0"],
    [["rollback", NAME], "1.0.0"],
    [["promote", NAME, "1.2.0", "--percent", "0"], "1.0.0"],
    [["promote", NAME, "1.2.0"], "1.2.0"],
  ];
  for (const [command, version] of steps) {
    succeeded(await registry(...command));
    await model.checkForUpdate();
    assert.equal(model.version, version, command.join(" "));
  }
  assert.equal((await model.selfTest()).ok, true);
});

test("a share of the devices, which keep what they have as it grows", { timeout: 120_000 }, async () => {
  const { registry, list } = await site();
  const clients = Array.from({ length: 24 }, (_, i) => `client ${i}`);
  const serving = async () => {
    const having = new Set();
    for (const client of clients) {
      const model = await device(list, { client });
      if (model.version === "1.1.0") having.add(client);
      else assert.equal(model.version, "1.0.0");
      await model.dispose();
    }
    return having;
  };
  succeeded(await registry("promote", NAME, "1.1.0", "--percent", "30"));
  const some = await serving();
  assert.ok(some.size > 1 && some.size < 16, `${some.size} of 24 at 30 %`);
  succeeded(await registry("promote", NAME, "1.1.0", "--percent", "70"));
  const more = await serving();
  assert.ok(more.size > some.size && more.size < 24, `${more.size} of 24 at 70 %`);
  for (const client of some) assert.ok(more.has(client));
});

test("channels and pinned versions", async () => {
  const { registry, list } = await site();
  succeeded(await registry("promote", NAME, "1.1.0", "--to", "canary"));
  for (const [options, version] of [[{ channel: "canary" }, "1.1.0"], [{ version: "1.2.0" }, "1.2.0"], [{}, "1.0.0"]]) {
    const model = await device(list, options);
    assert.equal(model.version, version);
    await model.dispose();
  }
});

test("lists that the page's key did not sign are not used, older ones neither", async (t) => {
  const { registry, list } = await site();
  const other = await makeKey(freshFolder());
  await assert.rejects(device(list, { publicKeys: [other.publicKey] }), fails("format", /not signed by a key/));
  succeeded(await registry("sign", "--key", other.key));
  await (await device(list, { publicKeys: [other.publicKey] })).dispose();

  const old = readFileSync(list, "utf8");
  succeeded(await registry("promote", NAME, "1.1.0"));
  const model = await device(list);
  t.after(() => model.dispose());
  assert.equal(model.version, "1.1.0");
  writeFileSync(list, old);
  await assert.rejects(model.checkForUpdate(), fails("format", /older|serial/));
  assert.equal(model.version, "1.1.0", "the last good one serves on");
});
