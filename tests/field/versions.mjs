// SPDX-License-Identifier: Apache-2.0
// Small models that differ in what an update may differ in, made of one file by docs/format.md.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

const digits = readFileSync(new URL("../models/digits_cnn.int8.mite", import.meta.url));
const CHUNK = 262144;
const HEADER = 128;

/** @param {Uint8Array} bytes */
const digest = (bytes) => createHash("sha256").update(bytes).digest();
/** @param {Uint8Array} bytes */
export const sha256 = (bytes) => digest(bytes).toString("hex");

/**
 * The digits network as a version of itself.
 * @param {string} version which `model.metadata.version` tells
 * @param {object} [options]
 * @param {boolean} [options.broken] it fails its self-test
 * @param {boolean} [options.untested] it has none
 * @param {number} [options.chunks] so many at least
 */
export function makeVersion(version, { broken = false, untested = false, chunks = 1 } = {}) {
  const at = (/** @type {number} */ offset) => Number(digits.readBigUInt64LE(offset));
  const [bodyAt, metadataAt, metadataBytes] = [at(32), at(56), at(64)];
  const metadata = JSON.parse(digits.subarray(metadataAt, metadataAt + metadataBytes).toString());
  metadata.version = version;
  if (broken) metadata.selfTest.expected.logits[3] += 1;
  if (untested) delete metadata.selfTest;
  delete metadata.provenance; // makes room, which spaces fill
  const text = JSON.stringify(metadata).padEnd(metadataBytes);

  // More weights than any node reads: zeros at the end.
  const body = Buffer.concat([digits.subarray(bodyAt), Buffer.alloc((chunks - 1) * CHUNK)]);
  body.write(text, metadataAt - bodyAt);
  const count = Math.ceil(body.length / CHUNK);
  const newBodyAt = Math.ceil((HEADER + 32 * count) / 64) * 64;
  const head = Buffer.alloc(newBodyAt);
  digits.copy(head, 0, 0, HEADER);
  /** @param {number} offset @param {number} value */
  const set = (offset, value) => head.writeBigUInt64LE(BigInt(value), offset);
  set(16, newBodyAt + body.length);
  head.writeUInt32LE(count, 28);
  set(32, newBodyAt);
  for (const offset of [40, 56, 72]) set(offset, at(offset) + newBodyAt - bodyAt);
  set(80, at(80) + (chunks - 1) * CHUNK);
  for (let i = 0; i < count; i++) {
    digest(body.subarray(i * CHUNK, (i + 1) * CHUNK)).copy(head, HEADER + 32 * i);
  }
  digest(Buffer.concat([head.subarray(0, 96), head.subarray(HEADER)])).copy(head, 96);
  return Buffer.concat([head, body]);
}
