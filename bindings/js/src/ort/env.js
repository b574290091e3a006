// SPDX-License-Identifier: Apache-2.0
// The page's settings, as onnxruntime-web has them, and the notes that follow from them.
import { MiteError } from "../index.js";

const levels = ["verbose", "info", "warning", "error", "fatal"];
const WARNING = levels.indexOf("warning");

let logLevel = "warning";

/**
 * There is no `versions.web`: libraries build the address of onnxruntime's own WebAssembly files from
 * it, and would download them in vain.
 * @type {typeof import("../../ort.d.ts").env}
 */
export const env = {
  versions: { common: "1.30.0" }, // whose interface this is
  wasm: {},
  webgl: /** @type {any} */ ({}),
  webgpu: /** @type {any} */ ({ profiling: {} }),
  mite: {},
  get logLevel() {
    return /** @type {any} */ (logLevel);
  },
  set logLevel(level) {
    if (level === undefined) return;
    if (!levels.includes(level)) {
      throw new MiteError("argument", `'${level}' is no log level; there are ${levels.join(", ")}`);
    }
    logLevel = level;
  },
};

/** @type {Set<string>} */
const said = new Set();

/**
 * Says a note on the console, once in the page's life, unless only errors are asked for.
 * @param {string} note
 * @param {number} [severity] a session's own level, 0 (verbose) to 4 (fatal)
 */
export function say(note, severity = levels.indexOf(logLevel)) {
  if (severity > WARNING || said.has(note)) return;
  said.add(note);
  console.warn(`mite/ort: ${note}`);
}
