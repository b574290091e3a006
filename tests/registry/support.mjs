// SPDX-License-Identifier: Apache-2.0
// What the tests of `mite registry` share: folders, keys, models that are wrong in one way.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { faultOf, readList } from "../../bindings/js/src/cli/registry/store.js";
import { verifyManifest } from "../../bindings/js/src/field/manifest.js";
import { mite, root } from "../js/support.mjs";

/** Three models of one network that answer alike. */
export const models = ["f32", "int8", "qdq"].map((kind) => join(root, `tests/models/digits_cnn.${kind}.mite`));
export const NAME = "digits";

/** A folder that goes when the tests of the file have ended. */
export function freshFolder() {
  const folder = mkdtempSync(join(tmpdir(), "mite-registry-"));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/**
 * @param {string} dir
 * @param {string} [key]
 */
export const registryIn = (dir, key) => async (/** @type {string[]} */ ...args) => {
  const [command, ...rest] = args;
  const changes = ["add", "promote", "rollback", "remove", "sign"].includes(command);
  const own = key && changes && !rest.includes("--key") && !rest.includes("--unsigned") ? ["--key", key] : [];
  return mite(["registry", command, "--dir", dir, ...own, ...rest]);
};

/** @param {string} dir @param {string} [name] */
export async function makeKey(dir, name = "key") {
  const key = join(dir, name);
  const { code, err } = await mite(["registry", "keygen", "-o", key]);
  assert.equal(code, 0, err);
  return { key, publicKey: readFileSync(`${key}.pub`, "utf8").trim() };
}

/** @param {{ code: number, out: string, err: string }} result */
export function succeeded(result) {
  assert.equal(result.code, 0, result.err);
  return result;
}

/** One sentence on standard error, and nothing was changed. */
export function refused({ code, out, err }, words, expected = 1) {
  assert.equal(code, expected, err || out);
  assert.match(err, /^mite: .{15,}\n$/);
  assert.doesNotMatch(err, /undefined|\[object|PRIVATE/);
  assert.match(err, words);
}

/** The list, which is whole, signed, and true of every file. */
export async function wholeList(dir, publicKey) {
  const list = await readList(dir);
  if (!list) return undefined;
  if (publicKey) await verifyManifest(list, [publicKey]);
  for (const { versions } of Object.values(list.models)) {
    for (const record of Object.values(versions)) assert.equal(await faultOf(dir, record), undefined);
  }
  return list;
}

/** Names that a process left behind. */
export const leftovers = (dir) => (existsSync(dir) ? readdirSync(dir).filter((name) => name.startsWith(".")) : []);

const BODY_OFFSET_AT = 32;
const HEADER = 128;
const DIGEST_AT = 96;
const CHUNK = 262144;

/**
 * A model whose bytes are edited and whose sums are right all the same (docs/format.md).
 * @param {string} file
 * @param {(text: string) => string} edit of the file as latin1; keeps its length
 */
export function edited(file, edit) {
  const bytes = Buffer.from(edit(readFileSync(file, "latin1")), "latin1");
  const sum = (/** @type {Buffer[]} */ ...parts) =>
    parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest();
  const body = Number(bytes.readBigUInt64LE(BODY_OFFSET_AT));
  for (let at = body, entry = HEADER; at < bytes.length; at += CHUNK, entry += 32) {
    sum(bytes.subarray(at, at + CHUNK)).copy(bytes, entry);
  }
  sum(bytes.subarray(0, DIGEST_AT), bytes.subarray(HEADER, body)).copy(bytes, DIGEST_AT);
  return bytes;
}
