// SPDX-License-Identifier: Apache-2.0
// The list of models: what is refused of it, who signed it, and which version a device should have.
import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { test } from "node:test";
import {
  chooseVersion, compareVersions, fromBase64, isVersion, keyName, parseManifest, signedBytes, toBase64,
  verifyManifest,
} from "../../bindings/js/src/field/manifest.js";
import { verify } from "../../bindings/js/src/field/ed25519.js";
import { newKey } from "./site.mjs";

const version = (more = {}) => ({
  file: "digits/1.mite", sha256: "a".repeat(64), bytes: 100, runtime: "0.1.0", added: "2026-01-01T00:00:00Z", ...more,
});
const list = () => ({
  format: "mite-models", formatVersion: 1, serial: 7,
  models: {
    digits: {
      versions: { "1.0.0": version(), "2.0.0": version({ sha256: "b".repeat(64), runtime: "0.2.0" }) },
      channels: { stable: { version: "2.0.0", percent: 100, otherwise: "1.0.0" } },
      history: [],
    },
  },
});
const parse = (change) => {
  const value = list();
  change(value, value.models.digits);
  return parseManifest(JSON.stringify(value));
};

test("a list is checked in every part", () => {
  assert.equal(parseManifest(JSON.stringify(list())).serial, 7);
  for (const [words, change] of [
    [/format is not/, (value) => (value.format = "models")],
    [/format version 2.*update mite/, (value) => (value.formatVersion = 2)],
    [/serial/, (value) => (value.serial = 1.5)],
    [/serial/, (value) => delete value.serial],
    [/models is missing/, (value) => (value.models = [])],
    [/lacks versions or channels/, (value) => (value.models.digits = null)],
    [/lacks versions or channels/, (_, digits) => delete digits.channels],
    [/lacks its history/, (_, digits) => delete digits.history],
    [/version 3 of digits is no object/, (_, digits) => (digits.versions[3] = null)],
    [/64 lower-case/, (_, digits) => (digits.versions[3] = version({ sha256: "A".repeat(64) }))],
    [/bytes/, (_, digits) => (digits.versions[3] = version({ bytes: -1 }))],
    [/runtime 1\.0/, (_, digits) => (digits.versions[3] = version({ runtime: "1.0" }))],
    [/date/, (_, digits) => (digits.versions[3] = version({ added: "soon" }))],
    [/channel stable of digits is no object/, (_, digits) => (digits.channels.stable = "2.0.0")],
    [/names version 9, which is not there/, (_, digits) => (digits.channels.stable.version = "9")],
    [/names version toString/, (_, digits) => (digits.channels.stable.version = "toString")],
    [/names version 9/, (_, digits) => (digits.channels.stable.otherwise = "9")],
    [/percent 101/, (_, digits) => (digits.channels.stable.percent = 101)],
    [/percent 50/, (_, digits) => (digits.channels.stable.percent = "50")],
    [/goes to 10 %.*otherwise/, (_, digits) => (digits.channels.beta = { version: "1.0.0", percent: 10 })],
    [/signatures/, (value) => (value.signatures = {})],
    [/signatures/, (value) => (value.signatures = [{ key: "a", value: "AAAA" }])],
  ]) assert.throws(() => parse(change), (error) => words.test(error.message), String(words));
  for (const file of ["/etc/passwd", "../a.mite", "a/../../b", "https://a/b", "a\\b", "a//b", "", 3, "a?b", "a/."]) {
    assert.throws(() => parse((_, digits) => (digits.versions[3] = version({ file }))), /no path below/);
  }
  assert.ok(parse((_, digits) => (digits.versions[3] = version({ file: "a-b/c_1/2.0.0+x@y.mite" }))));
});

test("versions of mite are ordered as Semantic Versioning has it", () => {
  // The example of its section 11, and a few more.
  const order = [
    "0.9.0", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11",
    "1.0.0-rc.1", "1.0.0", "1.2.0", "1.10.0", "2.0.0-a-b.1", "2.0.0",
  ];
  for (const [i, a] of order.entries()) {
    assert.ok(isVersion(a), a);
    for (const [j, b] of order.entries()) assert.equal(Math.sign(compareVersions(a, b)), Math.sign(i - j), `${a} ${b}`);
  }
  assert.equal(compareVersions("1.0.0+a", "1.0.0+b"), 0);
  for (const text of ["1.0", "v1.0.0", "1.0.0 ", "", undefined, "1.0.0-"]) assert.equal(isVersion(text), false);
});

test("what is signed does not depend on how it is written", async () => {
  const { models, ...rest } = list();
  assert.deepEqual(signedBytes({ models, ...rest }), signedBytes({ ...rest, models, signatures: [] }));
  assert.equal(
    new TextDecoder().decode(signedBytes({ b: [1, { d: null, c: "ü\n" }], a: 1e21, signatures: [1] })),
    'mite-models\n{"a":1e+21,"b":[1,{"c":"ü\\n","d":null}]}',
  );
  const deep = JSON.parse("[".repeat(5000) + "]".repeat(5000));
  assert.throws(() => signedBytes({ ...list(), deep }), /nested more than 32 deep/);
});

test("a list is believed if one of the page's keys has signed it", async () => {
  const [key, other] = [await newKey(), await newKey()];
  const value = list();
  value.signatures = [await other.signatureOf(value), await key.signatureOf(value)];
  assert.equal(await verifyManifest(value, [key.publicKey]), key.name);
  assert.equal(await verifyManifest(value, [other.publicKey, key.publicKey]), other.name);
  assert.match(key.name, /^[0-9a-f]{16}$/);
  const { publicKey } = await newKey();
  await assert.rejects(verifyManifest(value, [publicKey]), /not signed by a key that this page trusts/);
  value.serial++;
  await assert.rejects(verifyManifest(value, [key.publicKey, other.publicKey]), /not signed/);
  // What Node's own crypto signs is the same.
  const pair = generateKeyPairSync("ed25519");
  const raw = new Uint8Array(pair.publicKey.export({ format: "der", type: "spki" }).subarray(-32));
  const signature = sign(null, signedBytes(value), pair.privateKey);
  value.signatures = [{ key: await keyName(raw), value: signature.toString("base64") }];
  await verifyManifest(value, [toBase64(raw)]);
});

test("engines without Ed25519 check signatures all the same", async (t) => {
  const key = await newKey();
  const value = list();
  value.signatures = [await key.signatureOf(value)];
  const { subtle } = globalThis.crypto;
  const importKey = t.mock.method(subtle, "importKey", async () => {
    throw new DOMException("Unrecognized name.", "NotSupportedError");
  });
  assert.equal(await verifyManifest(value, [key.publicKey]), key.name);
  value.serial++;
  await assert.rejects(verifyManifest(value, [key.publicKey]), /not signed/);
  assert.equal(importKey.mock.callCount(), 2);
});

test("the fallback agrees with RFC 8032, section 7.1, and with Node on what is damaged", async () => {
  const hex = (text) => Uint8Array.from(Buffer.from(text, "hex"));
  const vectors = [
    ["d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"],
    ["3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"],
    ["fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
      "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"],
  ];
  for (const [publicKey, message, signature] of vectors) {
    const parts = [hex(signature), hex(message), hex(publicKey)];
    assert.equal(await verify(...parts), true);
    for (const [which, part] of parts.entries()) {
      for (const at of [0, 31, part.length - 1].filter((i) => i >= 0 && i < part.length)) {
        const damaged = parts.map((one) => one.slice());
        damaged[which][at] ^= 1;
        assert.equal(await verify(...damaged), false, `${which} ${at}`);
      }
    }
  }
  // A key of order 1, for which a signature of nothing holds by the equation alone.
  const weak = hex(`01${"00".repeat(31)}`);
  assert.equal(await verify(hex(`01${"00".repeat(63)}`), new Uint8Array(3), weak), false);
});

test("keys that are none are refused", async () => {
  const value = list();
  for (const [key, words] of [["?", /no base64/], [toBase64(new Uint8Array(31)), /31 bytes/]]) {
    await assert.rejects(verifyManifest(value, [key]), words);
  }
  assert.deepEqual(fromBase64(toBase64(Uint8Array.of(0, 255, 7))), Uint8Array.of(0, 255, 7));
});

const choose = (entry, wish = {}) =>
  chooseVersion(entry, { client: "a", name: "digits", channel: "stable", runtime: "1.0.0", isBad: () => false, ...wish });

test("a roll-out reaches its percentage of devices, who stay in it as it grows, and differ from version to version", async () => {
  const { digits } = list().models;
  const devices = 2000;
  const chosen = async (percent, newest = "2.0.0") => {
    digits.versions[newest] ??= version();
    digits.channels.stable = { version: newest, percent, otherwise: "1.0.0" };
    const all = Array.from({ length: devices }, (_, i) => choose(digits, { client: `device ${i}` }));
    return (await Promise.all(all)).map((one) => one === newest);
  };
  const count = (flags) => flags.filter(Boolean).length;
  let before = await chosen(0);
  assert.equal(count(before), 0);
  for (const percent of [1, 10, 33.3, 75, 100]) {
    const now = await chosen(percent);
    const expected = (devices * percent) / 100;
    // Four standard deviations of a binomial distribution.
    const room = 4 * Math.sqrt(expected * (1 - percent / 100));
    assert.ok(Math.abs(count(now) - expected) <= room, `${percent}: ${count(now)}`);
    assert.ok(before.every((was, i) => !was || now[i]));
    assert.deepEqual(await chosen(percent), now);
    before = now;
  }
  const [one, other] = [await chosen(50), await chosen(50, "3.0.0")];
  const both = one.filter((flag, i) => flag && other[i]).length;
  assert.ok(Math.abs(both - devices / 4) < 4 * Math.sqrt(devices * 0.1875), String(both));
});

test("who cannot have the newest has the other, or nothing", async () => {
  const { digits } = list().models;
  const bad = (hash) => ({ isBad: ({ sha256 }) => sha256 === hash.repeat(64) });
  assert.equal(await choose(digits), "2.0.0");
  assert.equal(await choose(digits, { runtime: "0.1.5" }), "1.0.0");
  assert.equal(await choose(digits, { runtime: "0.0.1" }), undefined);
  assert.equal(await choose(digits, { runtime: "unreleased" }), "2.0.0");
  assert.equal(await choose(digits, bad("b")), "1.0.0");
  assert.equal(await choose(digits, { isBad: () => true }), undefined);
  digits.channels.stable.percent = 0;
  assert.equal(await choose(digits, bad("a")), undefined); // nobody is pushed into a share
  assert.equal(await choose(digits, { version: "2.0.0" }), "2.0.0");
  assert.equal(await choose(digits, { version: "2.0.0", ...bad("b") }), undefined);
  await assert.rejects(choose(digits, { version: "toString" }), /no version toString; it has 1\.0\.0, 2\.0\.0/);
  await assert.rejects(choose(digits, { channel: "valueOf" }), /no channel valueOf; it has stable/);
});
