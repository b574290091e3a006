// SPDX-License-Identifier: Apache-2.0
// A process that is killed at any of its steps on the disk leaves the list of before or the new one, whole,
// signed and true; the next process goes on from there and tidies up. Of many at once, each does its work, or
// says why not.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createPrivateKey } from "node:crypto";
import { existsSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { cli } from "../js/support.mjs";
import {
  NAME, freshFolder, leftovers, makeKey, models, refused, registryIn, succeeded, wholeList,
} from "./support.mjs";

const killer = fileURLToPath(new URL("killer.mjs", import.meta.url));
const keys = await makeKey(freshFolder());
const MOST_STEPS = 60;

/** @param {string[]} args @param {number} at @returns {Promise<boolean>} whether it was killed */
const killedAt = (args, at) =>
  new Promise((resolve, reject) => {
    const env = { ...process.env, MITE_TEST_KILL_AT: String(at) };
    execFile(process.execPath, ["--import", killer, cli, "registry", ...args], { env }, (error, _, err) => {
      if (error && error.signal !== "SIGKILL") reject(new Error(err));
      else resolve(!!error);
    });
  });

/**
 * @param {string} dir
 * @param {(n: number) => string[]} command the n-th
 * @param {(list: any, n: number) => void} check what there must be after the n-th was done
 */
async function killEverywhere(dir, command, check) {
  const registry = registryIn(dir, keys.key);
  for (let step = 1; step < MOST_STEPS; step++) {
    const before = await wholeList(dir, keys.publicKey);
    const [name, ...args] = command(step);
    const killed = await killedAt([name, "--dir", dir, "--key", keys.key, ...args], step);
    const list = await wholeList(dir, keys.publicKey);
    const serial = before?.serial ?? 0;
    if (!killed) {
      assert.ok(step > 8, "it takes more steps than that");
      assert.equal(list.serial, serial + 1);
      return check(list, step);
    }
    if (list && list.serial !== serial) assert.equal(list.serial, serial + 1);
    else {
      assert.deepEqual(list, before);
      succeeded(await registry(name, ...args));
    }
    check(await wholeList(dir, keys.publicKey), step);
  }
  assert.fail("it never came to its end");
}

test("add, killed at every step", { timeout: 240_000 }, async () => {
  const dir = join(freshFolder(), "not/there/yet");
  await killEverywhere(
    dir,
    (n) => ["add", models[n % 3], "--name", NAME, "--version", `1.0.${n}`],
    ({ models: { [NAME]: { versions } } }, n) => assert.equal(Object.keys(versions).length, n),
  );
  succeeded(await registryIn(dir, keys.key)("promote", NAME, "1.0.1"));
  assert.deepEqual(leftovers(dir), [], "the next one tidies up");
});

test("rollback and promote, killed at every step", { timeout: 240_000 }, async () => {
  const dir = freshFolder();
  const registry = registryIn(dir, keys.key);
  for (const [i, model] of models.slice(0, 2).entries()) {
    succeeded(await registry("add", model, "--name", NAME, "--version", `1.0.${i}`, "--channel", "stable"));
  }
  const isBack = (n) => n % 2 === 1;
  await killEverywhere(
    dir,
    (n) => (isBack(n) ? ["rollback", NAME] : ["promote", NAME, "1.0.1"]),
    (list, n) => assert.equal(list.models[NAME].channels.stable.version, isBack(n) ? "1.0.0" : "1.0.1"),
  );
});

test("remove, killed at every step", { timeout: 240_000 }, async () => {
  const dir = freshFolder();
  const registry = registryIn(dir, keys.key);
  const versions = Array.from({ length: 24 }, (_, i) => `1.0.${i}`);
  for (const version of versions.slice(0, 1)) succeeded(await registry("add", models[1], "--name", NAME, "--version", version));
  // Copies of the first, which is quicker than adding them.
  const path = join(dir, "models.json");
  const list = JSON.parse(readFileSync(path, "utf8"));
  const record = list.models[NAME].versions["1.0.0"];
  for (const version of versions.slice(1)) {
    list.models[NAME].versions[version] = { ...record, file: `${version}.mite` };
    writeFileSync(join(dir, `${version}.mite`), readFileSync(models[1]));
  }
  writeFileSync(path, JSON.stringify(list));
  succeeded(await registry("sign"));
  await killEverywhere(
    dir,
    (n) => ["remove", NAME, `1.0.${n}`],
    ({ models: { [NAME]: { versions: left } } }, n) => assert.ok(!Object.hasOwn(left, `1.0.${n}`)),
  );
});

test("keygen, killed at every step: a whole key or none", { timeout: 120_000 }, async () => {
  const dir = freshFolder();
  for (let step = 1, killed = true; killed; step++) {
    const file = join(dir, `key-${step}`);
    killed = await killedAt(["keygen", "-o", file], step);
    if (existsSync(file)) assert.equal(createPrivateKey(readFileSync(file)).asymmetricKeyType, "ed25519");
    else assert.ok(killed);
    for (const name of readdirSync(dir)) {
      if (!name.includes(".pub")) assert.equal(statSync(join(dir, name)).mode & 0o777, 0o600, name);
    }
  }
});

test("eight adds at once: none is lost", { timeout: 120_000 }, async () => {
  const dir = freshFolder();
  const registry = registryIn(dir, keys.key);
  const versions = Array.from({ length: 8 }, (_, i) => `2.0.${i}`);
  const results = await Promise.all(
    versions.map((version, i) => registry("add", models[i % 3], "--name", NAME, "--version", version)),
  );
  for (const result of results) if (result.code) refused(result, /being changed by another process/);
  const done = versions.filter((_, i) => results[i].code === 0);
  assert.ok(done.length > 0);
  const list = await wholeList(dir, keys.publicKey);
  assert.deepEqual(Object.keys(list.models[NAME].versions).sort(), done);
  assert.equal(list.serial, done.length);
  assert.equal(list.models[NAME].history.length, done.length);
  assert.deepEqual(leftovers(dir), []);
});

test("the same version twice at once: one of them", { timeout: 120_000 }, async () => {
  const dir = freshFolder();
  const registry = registryIn(dir, keys.key);
  const results = await Promise.all(
    models.map((model) => registry("add", model, "--name", NAME, "--version", "3.0.0")),
  );
  assert.equal(results.filter(({ code }) => code === 0).length, 1);
  for (const result of results) if (result.code) refused(result, /in the list already, and is another file/);
  const list = await wholeList(dir, keys.publicKey);
  assert.equal(list.serial, 1);
  assert.equal(readdirSync(dir).filter((name) => name.endsWith(".mite")).length, 1, "the losers' files are gone");
});

test("locks: a dead process's goes, another machine's is waited for and then named", { timeout: 60_000 }, async () => {
  const dir = freshFolder();
  const registry = registryIn(dir, keys.key);
  const host = hostname().replace(/[^\w.]/g, "_").slice(0, 64);
  const tail = `${"0".repeat(16)}-${"1".repeat(8)}`;
  const dead = `.mite-lock-${host}-4194304-${tail}`; // beyond the numbers that Linux gives
  writeFileSync(join(dir, dead), "");
  writeFileSync(join(dir, dead.replace("lock", "partial")), "half a model");
  succeeded(await registry("add", models[0], "--name", NAME, "--version", "1.0.0"));
  assert.deepEqual(leftovers(dir), []);
  const alien = `.mite-lock-elsewhere-1-${tail}`;
  writeFileSync(join(dir, alien), "");
  refused(await registry("promote", NAME, "1.0.0"), new RegExp(`another process; try again, or delete .*${alien}`));
  assert.deepEqual(leftovers(dir), [alien]);
  succeeded(await registry("list"));
});
