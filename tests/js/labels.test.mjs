// SPDX-License-Identifier: Apache-2.0
// Labels in the ZIP behind a TensorFlow Lite model: taken where they fit, left where they do not, and harmless
// where they are damaged.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { deflateRawSync } from "node:zlib";
import { convert, describe } from "../../bindings/js/src/convert.js";
import { root } from "./support.mjs";

const model = readFileSync(join(root, "tests/models/digits_cnn_dynamic.tflite"));
const digits = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];

/**
 * A ZIP as it is appended to `before` bytes.
 * @param {Record<string, string>} files @param {number} before @param {boolean} [deflates]
 */
function zip(files, before, deflates = false) {
  const parts = [];
  const directory = [];
  let at = before;
  for (const [name, text] of Object.entries(files)) {
    const data = deflates ? deflateRawSync(text) : Buffer.from(text);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(deflates ? 8 : 0, 4);
    common.writeUInt32LE(data.length, 14);
    common.writeUInt32LE(Buffer.byteLength(text), 18);
    common.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), common, Buffer.from(name), data]);
    const entry = Buffer.alloc(46);
    entry.write("PK\x01\x02");
    common.copy(entry, 6);
    entry.writeUInt32LE(at, 42);
    directory.push(entry, Buffer.from(name));
    parts.push(local);
    at += local.length;
  }
  const all = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06");
  end.writeUInt16LE(parts.length, 8);
  end.writeUInt16LE(parts.length, 10);
  end.writeUInt32LE(all.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...parts, all, end]);
}

/** @param {Buffer} more @param {import("../../bindings/js/mite.d.ts").Metadata} [metadata] */
async function labelsOf(more, metadata) {
  const options = { selfTest: false, ...(metadata && { metadata }) };
  const { bytes } = await convert(Buffer.concat([model, more]), options);
  return (await describe(bytes)).metadata.labels;
}

test("labels that have a line for each class are taken, stored or deflated", async () => {
  const files = { "vocab.txt": "a\nb\n", "names.txt": `${digits.join("\r\n")}\n`, "x.bin": "1" };
  assert.deepEqual(await labelsOf(zip(files, model.length)), digits);
  assert.deepEqual(await labelsOf(zip(files, model.length, true)), digits);
  assert.deepEqual(await labelsOf(zip(files, 0)), digits); // places that count from the ZIP
});

test("a file that calls itself labels is taken, any other is not", async () => {
  assert.deepEqual(await labelsOf(zip({ "labelmap.txt": "cat\ndog" }, model.length)), ["cat", "dog"]);
  assert.equal(await labelsOf(zip({ "readme.txt": "cat\ndog" }, model.length)), undefined);
  assert.equal(await labelsOf(Buffer.alloc(0)), undefined);
});

test("labels that are given win", async () => {
  const appended = zip({ "labels.txt": digits.join("\n") }, model.length);
  assert.deepEqual(await labelsOf(appended, { labels: ["mine"] }), ["mine"]);
});

test("a damaged ZIP is no ZIP", async () => {
  const whole = zip({ "labels.txt": digits.join("\n") }, model.length, true);
  for (let at = 0; at < whole.length; at += 5) {
    const damaged = Buffer.from(whole);
    damaged[at] ^= 0xff;
    const labels = await labelsOf(damaged);
    assert.ok(labels === undefined || Array.isArray(labels));
  }
});
