// SPDX-License-Identifier: Apache-2.0
// What the JavaScript tests share.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readNpy } from "../../bindings/js/src/cli/npy.js";
import { MiteError } from "../../bindings/js/src/index.js";
import { seededInputs } from "../../bindings/js/src/self-test.js";

export const root = fileURLToPath(new URL("../..", import.meta.url));
export const shared = process.env.MITE_SHARED ?? join(root, "../shared");
export const noShared = existsSync(join(shared, "models"))
  ? false
  : "the shared models are not here (set MITE_SHARED)";
export const effnet = join(root, "models/efficientnet-lite0/efficientnet-lite0.int8.mite");
export const digits = join(root, "tests/models/digits_cnn.int8.mite");
export const cli = join(root, "bindings/js/bin/mite.mjs");
export const samples = join(root, "web/demo/samples");
/** Where a person sees the object of a sample photo, in its pixels: left, top, right, bottom. */
export const objects = {
  "coffee.jpg": [80, 16, 480, 390],
  "cat.jpg": [20, 0, 400, 300],
  "cameraman.jpg": [10, 60, 420, 512],
};

/** @param {string} path */
export const npy = (path) => readNpy(readFileSync(path), path).data;
/** @param {string} path */
export const json = (path) => JSON.parse(readFileSync(path, "utf8"));
/** @param {string} path */
export const floats = (path) => new Float32Array(new Uint8Array(readFileSync(path)).buffer);

/**
 * Runs the command line with any Node; never rejects.
 * @param {string[]} args
 * @param {{ node?: string, cwd?: string, env?: NodeJS.ProcessEnv }} [options]
 * @returns {Promise<{ code: number, out: string, err: string }>}
 */
export function mite(args, { node = process.execPath, cwd = root, env } = {}) {
  return new Promise((resolve) => {
    execFile(node, [cli, ...args], { cwd, env, maxBuffer: 1 << 26 }, (error, out, err) => {
      resolve({ code: error ? Number(error.code) : 0, out, err });
    });
  });
}

/**
 * The digits with another minor version, and a header that vouches for it.
 * @param {number} minor 1: needs the module with further operators
 */
export function withMinor(minor) {
  const file = readFileSync(digits);
  file.writeUInt16LE(minor, 10);
  const body = Number(file.readBigUInt64LE(32));
  const head = createHash("sha256").update(file.subarray(0, 96)).update(file.subarray(128, body));
  head.digest().copy(file, 96);
  return file;
}

/** SHA-256 of the first output for the seeded input of tests/exec/bits.c. */
export async function bitsOf(model) {
  const input = seededInputs(model.inputs, { seed: 1, low: -1, high: 1 });
  const outputs = await model.run(input);
  const { data } = outputs[model.outputs[0].name];
  return createHash("sha256").update(new Uint8Array(data.buffer)).digest("hex");
}

/** For assert.rejects: a MiteError with this code, whose sentence has these words. */
export function fails(code, words) {
  return (error) => {
    assert.ok(error instanceof MiteError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, words);
    assert.ok(!error.message.includes("undefined") && error.message.length > 20, error.message);
    return true;
  };
}

/** Cosine of two vectors. */
export function cosine(a, b) {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return ab / Math.sqrt(aa * bb);
}

export const largestOf = (a, b) => a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i])), 0);
export const best = (a) => a.indexOf(Math.max(...a));
