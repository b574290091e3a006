// SPDX-License-Identifier: Apache-2.0
// Runs archives of conformance cases through `mite batch` and counts what passes. A case is a folder:
// case.json (inputs, outputs, ops, tolerances), a model, test_data_set_N/{input,output}_K.{pb,npy}.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { readNpyRaw, writeNpy } from "../../bindings/js/src/cli/npy.js";
import { types } from "../../bindings/js/src/tensors.js";
import { difference, readTensor } from "./tensors.mjs";
import { readZip } from "./zip.mjs";

export const root = fileURLToPath(new URL("../..", import.meta.url));
const shared = process.env.MITE_SHARED ?? join(root, "../shared");

/** Archives by format: those of the shared folder if it is here, and the kept ones. */
export const archives = {
  shared: ["onnx", "tflite"].map((format) => ({
    format,
    path: join(shared, "conformance", format, "cases.zip"),
  })),
  kept: ["onnx", "tflite"].map((format) => ({
    format,
    path: join(root, "tests/conformance", `${format}.zip`),
  })),
};

/**
 * @typedef {{ key: string, format: string, status: "pass" | "wrong" | "refused", why: string, ops: string[],
 *   dtypes: string[], opset?: number }} Result
 */

/** Cases that may be refused, and why: lines "case: reason". */
export function knownRefusals() {
  const lines = readFileSync(join(root, "tests/conformance/known-refusals.txt"), "utf8").split("\n");
  const entries = lines
    .filter((line) => line && !line.startsWith("#"))
    .map((line) => /** @type {[string, string]} */ (line.split(/:\s+/, 2)));
  return new Map(entries);
}

/** `mite batch`, asked one thing at a time. */
export class Batch {
  #child;
  #lines;

  /** @param {string[]} [options] */
  constructor(options = []) {
    const command = [join(root, "bindings/js/bin/mite.mjs"), "batch", ...options];
    this.#child = spawn(process.execPath, command, { stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** @param {object} request */
  async ask(request) {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error("mite batch has ended");
    return JSON.parse(value);
  }

  close() {
    this.#child.stdin.end();
  }
}

/** The archive's cases by their folder. @param {Map<string, () => Buffer>} files */
export function casesOf(files) {
  return [...files.keys()]
    .filter((name) => name.endsWith("/case.json"))
    .map((name) => name.slice(0, -"/case.json".length))
    .sort();
}

/**
 * @param {{ format: string, path: string }} archive
 * @param {(key: string) => boolean} [wanted]
 * @returns {Promise<Result[]>}
 */
export async function runArchive({ format, path }, wanted = () => true) {
  const files = readZip(readFileSync(path));
  const folder = mkdtempSync(join(tmpdir(), "mite-cases-"));
  const batch = new Batch();
  const results = [];
  try {
    for (const key of casesOf(files).filter(wanted)) {
      const about = JSON.parse(String(files.get(`${key}/case.json`)?.()));
      const { status, why } = await runCase(batch, files, key, about, folder);
      const { ops, dtypes = [about.tier], opset } = about;
      results.push({ key, format, status, why, ops, dtypes, opset });
    }
  } finally {
    batch.close();
    rmSync(folder, { recursive: true, force: true });
  }
  return results;
}

/**
 * @param {Batch} batch
 * @param {Map<string, () => Buffer>} files
 * @param {string} key
 * @param {any} about
 * @param {string} folder
 * @returns {Promise<{ status: Result["status"], why: string }>}
 */
async function runCase(batch, files, key, about, folder) {
  const model = join(folder, about.model ?? "model.onnx");
  writeFileSync(model, /** @type {() => Buffer} */ (files.get(`${key}/${about.model ?? "model.onnx"}`))());
  for (let set = 0; set < (about.sets ?? 1); set++) {
    const tensor = (/** @type {string} */ name) => {
      const path = ["pb", "npy"].map((end) => `${key}/test_data_set_${set}/${name}.${end}`);
      const file = path.find((candidate) => files.has(candidate)) ?? path[0];
      return readTensor(/** @type {() => Buffer} */ (files.get(file))(), file);
    };
    /** @type {Record<string, string>} */
    const inputs = {};
    about.inputs.forEach((/** @type {string} */ name, /** @type {number} */ i) => {
      const { dtype, shape, bytes } = tensor(`input_${i}`);
      inputs[name] = join(folder, `input_${i}.npy`);
      const data = new types[dtype].array(Uint8Array.from(bytes).buffer);
      writeFileSync(inputs[name], writeNpy({ dtype, shape, data }));
    });
    const out = join(folder, "out");
    mkdirSync(out, { recursive: true });
    const reply = await batch.ask({ model, inputs, outputs_dir: out, output_names: about.outputs });
    if (!reply.ok) return { status: "refused", why: reply.error };
    for (const [i, name] of about.outputs.entries()) {
      const file = reply.outputs[name];
      if (!file || !existsSync(file)) return { status: "wrong", why: `there is no output ${name}` };
      const why = difference(readNpyRaw(readFileSync(file), name), tensor(`output_${i}`), {
        absolute: about.atol ?? 1e-7,
        relative: about.rtol ?? 1e-3,
        lsb: about.lsb,
      });
      if (why) return { status: "wrong", why: `output ${name}: ${why}` };
    }
  }
  return { status: "pass", why: "" };
}

/**
 * How many cases of each operator there are, and how many pass.
 * @param {Result[]} results
 */
export function byOperator(results) {
  /** @type {Map<string, { cases: number, passed: number, dtypes: Set<string>, opsets: Set<number> }>} */
  const table = new Map();
  for (const { ops, status, dtypes, opset } of results) {
    for (const op of new Set(ops)) {
      const row = table.get(op) ?? { cases: 0, passed: 0, dtypes: new Set(), opsets: new Set() };
      table.set(op, row);
      row.cases++;
      if (status !== "pass") continue;
      row.passed++;
      for (const dtype of dtypes) row.dtypes.add(dtype);
      if (opset !== undefined) row.opsets.add(opset);
    }
  }
  return new Map([...table].sort(([a], [b]) => (a < b ? -1 : 1)));
}
