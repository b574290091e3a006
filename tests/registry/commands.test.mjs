// SPDX-License-Identifier: Apache-2.0
// mite registry: what each command does, refuses and says.
import assert from "node:assert/strict";
import { createHash, generateKeyPairSync } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { mite, root } from "../js/support.mjs";
import {
  NAME, edited, freshFolder, makeKey, models, refused, registryIn, succeeded, wholeList,
} from "./support.mjs";

const outside = freshFolder(); // keys and sources
const { key, publicKey } = await makeKey(outside);
const listIn = (dir) => JSON.parse(readFileSync(join(dir, "models.json"), "utf8"));
const DATE = "2026-01-02T03:04:05.000Z";

/** A folder with the first `count` models as versions 1.0.0, 1.1.0, …; stable serves the first. */
async function folderOf(count) {
  const dir = freshFolder();
  const registry = registryIn(dir, key);
  for (const [i, model] of models.slice(0, count).entries()) {
    const channel = i ? [] : ["--channel", "stable"];
    succeeded(await registry("add", model, "--name", NAME, "--version", `1.${i}.0`, "--date", DATE, ...channel));
  }
  return { dir, registry, channels: () => listIn(dir).models[NAME].channels };
}

describe("keygen", () => {
  test("a private key for its owner alone, a public one for openModel", async () => {
    const folder = freshFolder();
    const file = join(folder, "k");
    const { out, err } = succeeded(await mite(["registry", "keygen", "-o", file]));
    assert.equal(err, "");
    const secret = readFileSync(file, "utf8");
    assert.match(secret, /^-----BEGIN PRIVATE KEY-----\n/);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.ok(!out.includes(secret.split("\n")[1]), "it is not printed");
    const shown = /publicKeys: \["([A-Za-z0-9+/]{43}=)"\]/.exec(out)[1];
    assert.equal(readFileSync(`${file}.pub`, "utf8"), `${shown}\n`);
    refused(await mite(["registry", "keygen", "-o", file]), /overwritten is lost/);
    assert.equal(readFileSync(file, "utf8"), secret);
  });
  test("not where models are served", async () => {
    const { dir } = await folderOf(1);
    refused(await mite(["registry", "keygen", "-o", join(dir, "k")]), /going to be served/);
    assert.ok(!existsSync(join(dir, "k")));
    const inside = join(dir, "deeper");
    mkdirSync(inside);
    writeFileSync(join(inside, "k"), readFileSync(key), { mode: 0o600 });
    const registry = registryIn(dir);
    refused(await registry("sign", "--key", join(inside, "k")), /going to be served/);
    refused(await registry("promote", NAME, "1.0.0", "--key", join(inside, "k")), /going to be served/);
  });
});

describe("add", () => {
  test("copies, checks and lists", async () => {
    const { dir, registry } = await folderOf(1);
    const bytes = readFileSync(models[0]);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const file = `${NAME}-1.0.0-${sha256.slice(0, 8)}.mite`;
    const { version: runtime } = JSON.parse(readFileSync(join(root, "bindings/js/package.json"), "utf8"));
    const { signatures, ...list } = listIn(dir);
    assert.deepEqual(list, {
      format: "mite-models",
      formatVersion: 1,
      serial: 1,
      models: {
        [NAME]: {
          versions: { "1.0.0": { file, sha256, bytes: bytes.length, runtime, added: DATE } },
          channels: { stable: { version: "1.0.0", percent: 100 } },
          history: [
            { at: DATE, what: "add", version: "1.0.0" },
            { at: DATE, what: "promote", version: "1.0.0", channel: "stable", percent: 100 },
          ],
        },
      },
    });
    assert.equal(signatures.length, 1);
    assert.deepEqual(readdirSync(dir).sort(), [file, "models.json"].sort());
    assert.deepEqual(readFileSync(join(dir, file)), bytes);
    const { out } = succeeded(
      await registry(
        "add", models[1], "--name", NAME, "--version", "1.1.0",
        "--channel", "canary", "--percent", "10", "--runtime", "0.0.9",
      ),
    );
    assert.match(out, /self-test passed, canary serves it to 10 %\nmodels\.json: serial 2, signed by \w{16}/);
    const { channels, versions } = (await wholeList(dir, publicKey)).models[NAME];
    assert.deepEqual(channels.canary, { version: "1.1.0", percent: 10, otherwise: "1.0.0" });
    assert.equal(versions["1.1.0"].runtime, "0.0.9");
  });
  test("another network's file, or none", async () => {
    const { dir, registry } = await folderOf(1);
    const before = readdirSync(dir);
    const add = (/** @type {string} */ file) => registry("add", file, "--name", NAME, "--version", "9.0.0");
    const onnx = join(root, "tests/models/digits_cnn.onnx");
    refused(await add(onnx), /is an ONNX model; convert it first: mite convert .*cnn\.onnx -o \w+\.mite/);
    const tflite = join(root, "tests/models/digits_cnn_int8.tflite");
    refused(await add(tflite), /TensorFlow Lite model; convert it first: mite convert/);
    refused(await add(join(root, "README.md")), /is no \.mite file/);
    refused(await add("none.mite"), /none\.mite cannot be read: there is no such file/);
    const damaged = join(outside, "damaged.mite");
    const bytes = readFileSync(models[0]);
    bytes[bytes.length >> 1] ^= 1;
    writeFileSync(damaged, bytes);
    refused(await add(damaged), /damaged\.mite cannot be added: .*(damaged|SHA-256|hash)/);
    writeFileSync(damaged, readFileSync(models[0]).subarray(0, 9000));
    refused(await add(damaged), /damaged\.mite cannot be added/);
    assert.deepEqual(readdirSync(dir), before);
  });
  test("a model that fails its self-test", async () => {
    const { registry } = await folderOf(1);
    const wrong = join(outside, "wrong.mite");
    const spoilt = edited(models[0], (text) => text.replace(/("expected":\{"\w+":\[-?)\d/, "$19"));
    assert.notDeepEqual(spoilt, readFileSync(models[0]));
    writeFileSync(wrong, spoilt);
    refused(await registry("add", wrong, "--name", NAME, "--version", "9.0.0"), /its self-test fails here: largest difference/);
  });
  test("a version never changes", async () => {
    const { dir, registry } = await folderOf(1);
    const before = readdirSync(dir);
    refused(await registry("add", models[0], "--name", NAME, "--version", "1.0.0"), /already, the same file; a version never changes/);
    refused(await registry("add", models[1], "--name", NAME, "--version", "1.0.0"), /already, and is another file/);
    assert.deepEqual(readdirSync(dir), before);
  });
  test("the model's own name is the default", async () => {
    const dir = freshFolder();
    succeeded(await registryIn(dir)("add", models[0], "--version", "1"));
    assert.equal(Object.keys(listIn(dir).models).length, 1);
  });
  test("--dry-run writes nothing", async () => {
    const dir = join(freshFolder(), "new");
    const { out } = succeeded(await registryIn(dir, key)("add", models[0], "--name", NAME, "--version", "1.0.0", "--dry-run"));
    assert.match(out, /^would have: added digits 1\.0\.0/);
    assert.ok(!existsSync(dir));
  });
});

describe("promote and rollback", () => {
  test("step by step, and back as often as there is a way", async () => {
    const { dir, registry, channels } = await folderOf(3);
    const steps = [
      [["promote", NAME, "1.1.0", "--percent", "10"], { version: "1.1.0", percent: 10, otherwise: "1.0.0" }],
      [["promote", NAME, "1.1.0", "--percent", "62.5"], { version: "1.1.0", percent: 62.5, otherwise: "1.0.0" }],
      [["promote", NAME, "1.1.0"], { version: "1.1.0", percent: 100, otherwise: "1.0.0" }],
      [["promote", NAME, "1.2.0", "--percent", "0"], { version: "1.2.0", percent: 0, otherwise: "1.1.0" }],
      [["promote", NAME, "1.2.0"], { version: "1.2.0", percent: 100, otherwise: "1.1.0" }],
      [["rollback", NAME], { version: "1.1.0", percent: 100, otherwise: "1.0.0" }],
      [["rollback", NAME], { version: "1.0.0", percent: 100 }],
    ];
    let { serial } = listIn(dir);
    for (const [args, expected] of steps) {
      succeeded(await registry(...args));
      assert.deepEqual(channels().stable, expected, args.join(" "));
      const list = await wholeList(dir, publicKey);
      assert.equal(list.serial, ++serial);
    }
    refused(await registry("rollback", NAME), /stable of digits had no version before 1\.0\.0/);
    assert.equal(listIn(dir).serial, serial);
    assert.equal(listIn(dir).models[NAME].history.at(-1).what, "rollback");
  });
  test("a roll-out that another overtakes leaves what all devices had", async () => {
    const { registry, channels } = await folderOf(3);
    succeeded(await registry("promote", NAME, "1.1.0", "--percent", "5"));
    succeeded(await registry("promote", NAME, "1.2.0", "--percent", "5"));
    assert.deepEqual(channels().stable, { version: "1.2.0", percent: 5, otherwise: "1.0.0" });
    succeeded(await registry("rollback", NAME));
    assert.deepEqual(channels().stable, { version: "1.0.0", percent: 100 });
  });
  test("channels of one's own begin with what stable serves", async () => {
    const { registry, channels } = await folderOf(2);
    succeeded(await registry("promote", NAME, "1.1.0", "--to", "beta", "--percent", "25"));
    assert.deepEqual(channels().beta, { version: "1.1.0", percent: 25, otherwise: "1.0.0" });
    succeeded(await registry("rollback", NAME, "--channel", "beta"));
    assert.deepEqual(channels().beta, { version: "1.0.0", percent: 100 });
  });
  test("a share of nothing", async () => {
    const dir = freshFolder();
    const registry = registryIn(dir, key);
    refused(
      await registry("add", models[0], "--name", NAME, "--version", "1.0.0", "--channel", "stable", "--percent", "10"),
      /no other version, which the other 90 % could have; promote it to 100 % first/,
    );
    assert.deepEqual(readdirSync(dir), []);
  });
  test("names that are not there", async () => {
    const { registry } = await folderOf(1);
    refused(await registry("promote", "letters", "1.0.0"), /no model letters in the list; it has digits/);
    refused(await registry("promote", NAME, "7.0.0"), /digits has no version 7\.0\.0; it has 1\.0\.0/);
    refused(await registry("rollback", NAME, "--channel", "nightly"), /no channel nightly; it has stable/);
    refused(await registry("promote", "constructor", "1.0.0"), /no model constructor/);
    refused(await registry("remove", NAME, "toString"), /no version toString/);
  });
  test("a file that was changed or is gone is not promoted", async () => {
    const { dir, registry } = await folderOf(2);
    const { file } = listIn(dir).models[NAME].versions["1.1.0"];
    const bytes = readFileSync(join(dir, file));
    const changed = Buffer.from(bytes);
    changed[500] ^= 1;
    writeFileSync(join(dir, file), changed);
    refused(await registry("promote", NAME, "1.1.0"), /cannot be promoted: .* has another SHA-256/);
    writeFileSync(join(dir, file), bytes.subarray(1));
    refused(await registry("promote", NAME, "1.1.0"), /cannot be promoted: .* bytes, the list says/);
    assert.equal(listIn(dir).serial, 2);
  });
  test("--dry-run, and the history's end", async () => {
    const { dir, registry } = await folderOf(2);
    const text = readFileSync(join(dir, "models.json"), "utf8");
    assert.match(succeeded(await registry("promote", NAME, "1.1.0", "--dry-run")).out, /^would have: stable of digits serves 1\.1\.0/);
    assert.equal(readFileSync(join(dir, "models.json"), "utf8"), text);
    const list = JSON.parse(text);
    const { history } = list.models[NAME];
    while (history.length < 100) history.push({ ...history[1], at: DATE });
    writeFileSync(join(dir, "models.json"), JSON.stringify(list));
    succeeded(await registry("sign"));
    succeeded(await registry("promote", NAME, "1.1.0"));
    assert.equal(listIn(dir).models[NAME].history.length, 100);
  });
});

describe("remove", () => {
  test("what no channel needs, file and all", async () => {
    const { dir, registry, channels } = await folderOf(3);
    refused(await registry("remove", NAME, "1.0.0"), /stable of digits serves 1\.0\.0; promote another version/);
    succeeded(await registry("promote", NAME, "1.1.0"));
    refused(await registry("remove", NAME, "1.0.0"), /goes back to 1\.0\.0 where 1\.1\.0 does not work/);
    succeeded(await registry("promote", NAME, "1.2.0", "--to", "beta"));
    succeeded(await registry("remove", NAME, "--channel", "beta"));
    assert.deepEqual(Object.keys(channels()), ["stable"]);
    const { file } = listIn(dir).models[NAME].versions["1.2.0"];
    assert.match(succeeded(await registry("remove", NAME, "1.2.0")).out, /removed digits 1\.2\.0/);
    assert.ok(!existsSync(join(dir, file)));
    assert.deepEqual(Object.keys((await wholeList(dir, publicKey)).models[NAME].versions), ["1.0.0", "1.1.0"]);
  });
  test("the last version takes the model with it", async () => {
    const dir = freshFolder();
    const registry = registryIn(dir, key);
    succeeded(await registry("add", models[0], "--name", NAME, "--version", "1.0.0"));
    succeeded(await registry("remove", NAME, "1.0.0"));
    assert.deepEqual(listIn(dir).models, {});
    assert.deepEqual(readdirSync(dir), ["models.json"]);
  });
});

describe("signatures", () => {
  test("a signed list stays signed", async () => {
    const { dir } = await folderOf(2);
    const registry = registryIn(dir);
    refused(await registry("promote", NAME, "1.1.0"), /is signed and would not be any more; pass --key FILE, or --unsigned/);
    succeeded(await registry("promote", NAME, "1.1.0", "--unsigned"));
    assert.equal(listIn(dir).signatures, undefined);
    const { code, err } = await registry("verify", "--key", publicKey);
    assert.equal(code, 1);
    assert.match(err, /was not signed by .*, or was changed since \(.*: none\)\n.*one thing is wrong/);
  });
  test("what was not signed is not vouched for by a change", async () => {
    const { dir, registry } = await folderOf(2);
    const path = join(dir, "models.json");
    const list = listIn(dir);
    list.models[NAME].channels.stable.version = "1.1.0"; // by somebody who has the server, but no key
    writeFileSync(path, JSON.stringify(list));
    refused(await registry("promote", NAME, "1.0.0"), /was not signed by [0-9a-f]{16}, or was changed since/);
    delete list.signatures;
    writeFileSync(path, JSON.stringify(list));
    refused(await registry("promote", NAME, "1.0.0"), /is not signed, a change would vouch for all that is in it/);
    succeeded(await registry("sign"));
    succeeded(await registry("promote", NAME, "1.0.0"));
  });
  test("another key", async () => {
    const { dir, registry } = await folderOf(2);
    const other = await makeKey(outside, "other");
    refused(await registry("promote", NAME, "1.1.0", "--key", other.key), /was not signed by/);
    const verify = (/** @type {string[]} */ ...args) => registry("verify", ...args);
    succeeded(await verify("--key", publicKey));
    assert.equal((await verify("--key", other.publicKey)).code, 1);
    assert.equal((await verify("--key", publicKey, "--key", `${other.key}.pub`)).code, 1);
    refused(await verify("--key", key), /holds no public key .*; it is the private one/);
    refused(await verify("--key", "none.pub"), /none\.pub cannot be read/);
    assert.ok(existsSync(join(dir, "models.json")));
  });
  test("keys are changed by signing with both for a while", async () => {
    const { dir, registry } = await folderOf(2);
    const next = await makeKey(outside, "next");
    succeeded(await registry("sign", "--key", next.key));
    for (const one of [publicKey, next.publicKey]) await wholeList(dir, one);
    const both = ["--key", key, "--key", next.key];
    succeeded(await registry("promote", NAME, "1.1.0", ...both));
    for (const one of [publicKey, next.publicKey]) await wholeList(dir, one);
    const { err } = succeeded(await registry("rollback", NAME, "--key", next.key));
    assert.match(err, /it was also signed by [0-9a-f]{16}; pages that trust no other key refuse it now/);
    await assert.rejects(wholeList(dir, publicKey), /not signed by a key/);
    succeeded(await registry("sign", ...both));
    assert.equal(listIn(dir).signatures.length, 2);
    succeeded(await registry("sign", "--key", next.key, "--only"));
    assert.equal(listIn(dir).signatures.length, 1);
  });
  test("by the environment, as a file or as it is", async () => {
    const { dir } = await folderOf(2);
    const run = (/** @type {string} */ value, ...args) =>
      mite(["registry", ...args, "--dir", dir], { env: { ...process.env, MITE_REGISTRY_KEY: value } });
    succeeded(await run(key, "promote", NAME, "1.1.0"));
    await wholeList(dir, publicKey);
    succeeded(await run(readFileSync(key, "utf8"), "rollback", NAME));
    await wholeList(dir, publicKey);
    const text = readFileSync(key, "utf8");
    const cut = await run(text.slice(0, 60), "rollback", NAME);
    refused(cut, /the variable MITE_REGISTRY_KEY holds no private key/);
    assert.ok(!cut.err.includes(text.split("\n")[1].slice(0, 12)), "not a part of it is printed");
  });
  test("keys that are none", async () => {
    const { registry } = await folderOf(1);
    const file = join(outside, "rsa");
    const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
    writeFileSync(file, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
    refused(await registry("sign", "--key", file), /a key of type rsa; lists are signed by Ed25519/);
    refused(await registry("sign", "--key", `${key}.pub`), /holds no private key/);
    refused(await registry("sign", "--key", "nowhere"), /nowhere cannot be read/);
    const open = join(outside, "open");
    writeFileSync(open, readFileSync(key), { mode: 0o644 });
    assert.match(succeeded(await registry("sign", "--key", open)).err, /others can read the private key/);
  });
});

describe("verify and list", () => {
  test("every fault is told", async () => {
    const { dir, registry } = await folderOf(3);
    const { out } = succeeded(await registry("verify", "--key", `${key}.pub`, "--run"));
    assert.equal(out.match(/hash right, runs/g).length, 3);
    assert.match(out, new RegExp(`signed by [0-9a-f]{16} \\(${publicKey.replace(/[+/]/g, "\\$&")}\\)`));
    const files = Object.values(listIn(dir).models[NAME].versions).map(({ file }) => join(dir, file));
    const bytes = readFileSync(files[0]);
    bytes[200] ^= 4;
    writeFileSync(files[0], bytes);
    writeFileSync(files[1], "");
    writeFileSync(join(dir, "stranger.mite"), "");
    const { code, err } = await registry("verify");
    assert.equal(code, 1);
    const told = [
      /1\.0\.0: .* another SHA-256/,
      /1\.1\.0: .* has 0 bytes/,
      /stranger\.mite belongs to no version/,
      /2 things are wrong/,
    ];
    for (const [i, line] of err.trim().split("\n").entries()) assert.match(line, told[i]);
  });
  test("a model that computes something else is found by --run", async () => {
    const { dir, registry } = await folderOf(1);
    const list = listIn(dir);
    const record = list.models[NAME].versions["1.0.0"];
    const bytes = edited(models[0], (text) => text.replace(/("expected":\{"\w+":\[-?)\d/, "$19"));
    writeFileSync(join(dir, record.file), bytes);
    record.sha256 = createHash("sha256").update(bytes).digest("hex");
    writeFileSync(join(dir, "models.json"), JSON.stringify(list));
    succeeded(await registry("verify"));
    const { code, err } = await registry("verify", "--run");
    assert.equal(code, 1);
    assert.match(err, /self-test fails here/);
  });
  test("the table", async () => {
    const { registry } = await folderOf(3);
    succeeded(await registry("promote", NAME, "1.1.0", "--percent", "33.3", "--date", DATE));
    const { out } = succeeded(await registry("list"));
    const lines = out.split("\n");
    assert.match(lines[0], /^models\.json {2}serial 4, signed by [0-9a-f]{16}$/);
    assert.match(out, / 1\.0\.0 .*digits-1\.0\.0-[0-9a-f]{8}\.mite +stable 66\.7 %\n/);
    assert.match(out, / 1\.1\.0 .*stable 33\.3 %\n/);
    assert.match(out, / 1\.2\.0 .* -\n/);
    assert.match(out, new RegExp(`${DATE} {2}promote 1\\.1\\.0 stable 33\\.3 %, before 1\\.0\\.0`));
    succeeded(await registry("list", NAME));
    refused(await registry("list", "letters"), /no model letters/);
  });
  test("names in a stranger's list give the terminal no orders", async () => {
    const dir = freshFolder();
    const name = "a\u001b[31mred\u0007";
    const list = {
      format: "mite-models", formatVersion: 1, serial: 1,
      models: { [name]: { versions: {}, channels: {}, history: [{ at: DATE, what: "\u009b2J", version: "1" }] } },
      signatures: [{ key: "\u001b]0;", value: `${"A".repeat(86)}==` }],
    };
    writeFileSync(join(dir, "models.json"), JSON.stringify(list));
    for (const args of [["list"], ["verify"], ["verify", "--key", publicKey], ["promote", "x", "1", "--unsigned"]]) {
      const { out, err } = await registryIn(dir)(...args);
      assert.doesNotMatch(out + err, /[\0-\x09\x0b-\x1f\x7f-\x9f]/);
      assert.ok(out + err);
    }
  });
  test("lists that are none", async () => {
    const dir = freshFolder();
    const registry = registryIn(dir, key);
    for (const command of [["list"], ["verify"], ["promote", NAME, "1"], ["rollback", NAME], ["sign"]]) {
      refused(await registry(...command), /there is no models\.json in/);
    }
    const head = '{"format":"mite-models","formatVersion":1,"serial":1,"models":';
    const version = '{"1":{"file":"../x","sha256":""}}';
    const damaged = [
      "", "{", "<!doctype html>", "[]", '{"format":"mite-models","formatVersion":2}',
      head.replace("1,", "1.5,") + "{}}",
      head + '{"a":{"versions":{},"channels":{},"history":[null]}}}',
      head + `{"a":{"versions":${version},"channels":{},"history":[]}}}`,
    ];
    for (const text of damaged) {
      writeFileSync(join(dir, "models.json"), text);
      for (const command of [["list"], ["verify"], ["sign"], ["add", models[0], "--name", NAME, "--version", "1"]]) {
        refused(await registry(...command), /models\.json: the list of models/);
      }
      assert.equal(readFileSync(join(dir, "models.json"), "utf8"), text);
      assert.deepEqual(readdirSync(dir), ["models.json"]);
    }
  });
});

test("calls that make no sense", async () => {
  const dir = freshFolder();
  const calls = [
    ["add"], ["add", models[0]], ["add", models[0], "--version", "1", "--percent", "5"],
    ["add", models[0], "--version", "../1"], ["add", models[0], "--version", "1", "--name", "a/b"],
    ["add", models[0], "--version", "1", "--channel", "__proto__"],
    ["add", models[0], "--version", "1", "--runtime", "newest"], ["add", models[0], "--version", "1", "--date", "soon"],
    ["add", models[0], "--version", "1", "--key", key, "--unsigned"],
    ["promote", NAME], ["promote", NAME, "1", "--percent", "101"], ["promote", NAME, "1", "--percent", "-1"],
    ["rollback"], ["remove", NAME], ["remove", NAME, "1", "--channel", "x"], ["sign"], ["sign", "x"],
    ["verify", "x"], ["list", "a", "b"], ["keygen", "x"], ["frobnicate"], ["list", "--wrong"],
  ];
  for (const args of calls) refused(await mite(["registry", ...args], { cwd: dir }), /see `mite registry/, 2);
  assert.deepEqual(readdirSync(dir), []);
  const { code, out } = await mite(["registry"]);
  assert.equal(code, 2);
  for (const command of ["keygen", "add", "promote", "rollback", "remove", "sign", "verify", "list"]) {
    assert.match(out, new RegExp(`^  ${command} `, "m"));
    assert.match(succeeded(await mite(["registry", command, "--help"])).out, new RegExp(`^usage: mite registry ${command}`));
  }
});
