// SPDX-License-Identifier: Apache-2.0
// The shared TensorFlow Lite cases and networks, where they lie beside the repository: every case
// through the command line's batch mode by the shared driver, every network against its golden
// outputs, and how often the int8 one agrees with the float one about photos.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { inflateRawSync } from "node:zlib";
import assert from "node:assert/strict";
import { convert } from "../../bindings/js/src/convert.js";
import { load } from "../../bindings/js/src/index.js";
import { readNpy } from "../../bindings/js/src/cli/npy.js";

const root = new URL("../..", import.meta.url).pathname;
const shared = process.env.MITE_SHARED ?? join(root, "..", "shared");
const there = existsSync(join(shared, "conformance/tflite/cases.zip"));
const skip = there ? false : "the shared cases are not here";
const folder = there ? mkdtempSync(join(tmpdir(), "mite-tflite-")) : "";
after(() => there && rmSync(folder, { recursive: true, force: true }));

/**
 * The files of a zip archive by name.
 * @param {Buffer} zip
 */
function* entries(zip) {
  let at = zip.readUInt32LE(zip.lastIndexOf("PK\x05\x06", undefined, "latin1") + 16);
  while (zip.readUInt32LE(at) === 0x02014b50) {
    const [method, packed] = [zip.readUInt16LE(at + 10), zip.readUInt32LE(at + 20)];
    const [name, extra, comment] = [28, 30, 32].map((field) => zip.readUInt16LE(at + field));
    const local = zip.readUInt32LE(at + 42);
    const from = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    const data = zip.subarray(from, from + packed);
    yield {
      name: zip.toString("utf8", at + 46, at + 46 + name),
      data: method ? inflateRawSync(data) : data,
    };
    at += 46 + name + extra + comment;
  }
}

test("the shared TensorFlow Lite cases pass", { skip, timeout: 600_000 }, (t) => {
  for (const { name, data } of entries(readFileSync(join(shared, "conformance/tflite/cases.zip")))) {
    if (name.endsWith("/") || name.includes("..")) continue;
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), data);
  }
  const driver = join(shared, "conformance/driver/run.mjs");
  const candidate = `${process.execPath} ${join(root, "bindings/js/bin/mite.mjs")} batch`;
  const { status, stdout } = spawnSync(
    process.execPath,
    [driver, "--cases", folder, "--candidate", candidate, "--failures"],
    { encoding: "utf8", maxBuffer: 1 << 26 },
  );
  t.diagnostic(stdout.trimEnd().split("\n").at(-1) ?? "");
  assert.equal(status, 0, stdout);
});

/**
 * The arrays of an .npz by name.
 * @param {string} path
 */
function arrays(path) {
  const files = [...entries(readFileSync(path))];
  return new Map(files.map(({ name, data }) => [name.replace(/\.npy$/, ""), readNpy(data)]));
}

/** @param {string} path of a .tflite file */
async function loaded(path) {
  const { file } = await convert(new Uint8Array(readFileSync(path)));
  return load(file);
}

/**
 * @param {ArrayLike<number>} got
 * @param {ArrayLike<number>} wanted
 */
function largestDifference(got, wanted) {
  assert.equal(got.length, wanted.length);
  let most = 0;
  for (let i = 0; i < got.length; i++) most = Math.max(most, Math.abs(got[i] - wanted[i]));
  return most;
}

// Goldens are those of another machine; TensorFlow Lite's own kernels differ from them as much.
const networks = [
  {
    file: "zoo/mp_face_short/face_detection_short_range",
    ports: { input: "in:input", regressors: "out:regressors", classificators: "out:classificators" },
    tolerance: 5e-3,
  },
  {
    file: "zoo/mp_selfie/selfie_segmentation",
    ports: { input_1: "input", activation_10: "output" },
    tolerance: 1e-4,
  },
  {
    file: "zoo/basic_pitch/nmp",
    ports: Object.fromEntries(
      ["in:serving_default_input_2:0", ...[0, 1, 2].map((k) => `out:StatefulPartitionedCall:${k}`)]
        .map((name) => [name.replace(/^(in|out):/, ""), name]),
    ),
    tolerance: 1e-3,
  },
];

for (const { file, ports, tolerance } of networks) {
  test(`${file} gives its golden outputs`, { skip }, async (t) => {
    const golden = arrays(join(shared, "models", `${file}_golden.npz`));
    const model = await loaded(join(shared, "models", `${file}.tflite`));
    const of = (/** @type {string} */ name) => golden.get(ports[name])?.data;
    const outputs = await model.run(Object.fromEntries(model.inputs.map(({ name }) => [name, of(name)])));
    for (const { name } of model.outputs) {
      const most = largestDifference((outputs[name] ?? outputs).data, of(name));
      t.diagnostic(`${name}: off by at most ${most.toExponential(1)}`);
      assert.ok(most <= tolerance, `${name} is off by ${most}`);
    }
    await model.dispose();
  });
}
