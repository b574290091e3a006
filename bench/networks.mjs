// SPDX-License-Identifier: Apache-2.0
// The networks, and how their files come to be: by generate/generate.py in a Python of its own, and by
// mite's converter. All of it lies in build/bench/ and is made anew when what it is made from changes.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { chainInput, chainOnnx } from "./chain.mjs";
import { bench, build, root, shared } from "./places.mjs";

/**
 * @typedef {object} Network
 * @property {string} title
 * @property {readonly ("f32" | "int8")[]} kinds
 * @property {"calibrated" | "dynamic"} [int8] how the int8 form is made
 * @property {number} colds launches for a cold start; where only memory is asked for, few
 * @property {boolean} classifies whether the best class of the int8 form must be that of the f32 form:
 *   the published weights do classify, random ones give classes that lie close together
 */

/** @type {Record<string, Network>} */
export const networks = {
  "efficientnet-lite0": { title: "EfficientNet-Lite0", kinds: ["f32", "int8"], int8: "calibrated", colds: 7, classifies: true },
  "mobilenet-v2": { title: "MobileNetV2", kinds: ["f32", "int8"], int8: "calibrated", colds: 3, classifies: false },
  "resnet-50": { title: "ResNet-50", kinds: ["f32"], colds: 3, classifies: false },
  "transformer": { title: "Transformer", kinds: ["f32", "int8"], int8: "dynamic", colds: 3, classifies: false },
};

/** For `--short` and for whoever has no Python: kept in the repository in every format. @type {Network} */
export const tiny = { title: "Tiny", kinds: ["f32", "int8"], int8: "calibrated", colds: 1, classifies: false };

/**
 * @typedef {object} Prepared
 * @property {string} path below the repository's root
 * @property {readonly number[]} shape
 * @property {number} macs
 * @property {Record<string, string>} missing form of mite's → why the converter refused it
 */

const published = join(shared, "models/efficientnet_lite0.onnx");

/**
 * @param {string} name
 * @param {Network} network
 * @returns {Prepared}
 */
export function prepare(name, network) {
  const folder = join(build, "networks", name);
  mkdirSync(folder, { recursive: true });
  if (name === "tiny") cpSync(join(bench, "networks/tiny"), folder, { recursive: true });
  else if (name === "efficientnet-lite0" && !existsSync(published)) withoutShared(folder);
  else generate(name, folder);
  /** @type {Record<string, string>} */
  const missing = {};
  for (const kind of network.kinds) {
    const why = convert(name, network, folder, kind);
    if (why) missing[kind] = why;
  }
  const { input: shape, macs } = JSON.parse(readFileSync(join(folder, "info.json"), "utf8"));
  return { path: `build/bench/networks/${name}`, shape, macs, missing };
}

/** The network of tiny nodes, which mite alone runs. @returns {Prepared} */
export function prepareChain() {
  const folder = join(build, "networks/chain");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "f32.onnx"), chainOnnx());
  writeFileSync(join(folder, "input.f32"), chainInput());
  const why = convert("chain", { title: "Chain", kinds: ["f32"], colds: 0, classifies: false }, folder, "f32");
  if (why) throw new Error(`the chain of tiny nodes was not converted: ${why}`);
  return { path: "build/bench/networks/chain", shape: [1, chainInput().length], macs: 0, missing: {} };
}

/** What this repository holds of EfficientNet-Lite0: mite's int8 form. @param {string} folder */
function withoutShared(folder) {
  const kept = join(root, "models/efficientnet-lite0/efficientnet-lite0.int8.mite");
  if (!existsSync(join(folder, "int8.mite"))) symlinkSync(kept, join(folder, "int8.mite"));
  const input = Float32Array.from({ length: 150_528 }, (_, i) => Math.sin(i * 0.37) * 0.9);
  writeFileSync(join(folder, "input.f32"), input);
  const info = { input: [1, 3, 224, 224], output: [1, 1000], macs: 385_187_552 };
  writeFileSync(join(folder, "info.json"), JSON.stringify(info));
}

/** @param {readonly string[]} files */
function hashOf(...files) {
  const hash = createHash("sha256");
  for (const file of files) hash.update(readFileSync(file));
  return hash.digest("hex");
}

/**
 * Calls `make` unless it was called for the same key before.
 * @param {string} stamp a file
 * @param {string} key
 * @param {() => string | undefined} make returns why it could not
 * @returns {string | undefined}
 */
function once(stamp, key, make) {
  if (existsSync(stamp)) {
    const kept = JSON.parse(readFileSync(stamp, "utf8"));
    if (kept.key === key) return kept.why;
  }
  const why = make();
  writeFileSync(stamp, JSON.stringify({ key, why }));
  return why;
}

/** @param {string} command @param {string[]} args */
function run(command, ...args) {
  const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: "3", CUDA_VISIBLE_DEVICES: "" };
  const { status, stderr, error } = spawnSync(command, args, { env, encoding: "utf8", maxBuffer: 2 ** 28 });
  return { failed: status !== 0, text: String(error ?? stderr).trim() };
}

/** @param {string} command @param {string[]} args */
function mustRun(command, ...args) {
  const { failed, text } = run(command, ...args);
  if (failed) throw new Error(`${[command, ...args].join(" ")}: ${text}`);
}

function python() {
  const folder = join(build, "python");
  const requirements = join(bench, "generate/requirements.txt");
  once(join(build, "python.json"), hashOf(requirements), () => {
    console.log("bench: setting up Python with TensorFlow and ONNX Runtime, below build/bench/ …");
    rmSync(folder, { recursive: true, force: true });
    mustRun("python3", "-m", "venv", folder);
    mustRun(join(folder, "bin/pip"), "install", "--quiet", "--disable-pip-version-check", "-r", requirements);
    return undefined;
  });
  return join(folder, "bin/python");
}

/** @param {string} name @param {string} folder */
function generate(name, folder) {
  const scripts = join(bench, "generate");
  const files = readdirSync(scripts).filter((file) => /\.(py|txt)$/.test(file));
  const key = hashOf(...files.sort().map((file) => join(scripts, file)));
  once(join(folder, "generated.json"), key, () => {
    console.log(`bench: writing ${name} in every format …`);
    mustRun(python(), join(scripts, "generate.py"), name, folder, shared);
    return undefined;
  });
}

/**
 * mite's own file, by its command line.
 * @param {string} name @param {Network} network @param {string} folder @param {"f32" | "int8"} kind
 */
function convert(name, network, folder, kind) {
  const source = join(folder, "f32.onnx");
  if (!existsSync(source)) {
    return existsSync(join(folder, `${kind}.mite`)) ? undefined : "its weights are not here; set MITE_SHARED";
  }
  const args = ["convert", source, "-o", join(folder, `${kind}.mite`)];
  if (name === "efficientnet-lite0") args.push("--metadata", join(root, "models/efficientnet-lite0/metadata.json"));
  // Dynamic forms of the peers' come without examples, so mite's does, too.
  if (kind === "int8") args.push("--int8");
  if (kind === "int8" && network.int8 !== "dynamic") args.push("--calibrate", join(folder, "calibrate"));
  const key = hashOf(join(root, "bindings/js/dist/mite-convert.wasm.gz"), source) + args.join(" ");
  return once(join(folder, `${kind}.mite.json`), key, () => {
    rmSync(join(folder, `${kind}.mite`), { force: true });
    const { failed, text } = run(process.execPath, join(root, "bindings/js/bin/mite.mjs"), ...args);
    return failed ? text.replace(/^mite: /, "") : undefined;
  });
}
