// SPDX-License-Identifier: Apache-2.0
// What a session's options mean to mite. Those that only steer onnxruntime's own machinery (arenas,
// memory patterns, parallel executors, log ids) are taken and change nothing: docs/ort.md lists them.
import { MiteError } from "../index.js";
import { env } from "./env.js";
import { absolute, bytesOf } from "./source.js";

/** @typedef {import("../../ort.d.ts").InferenceSession.SessionOptions} SessionOptions */
/** @typedef {import("../../mite.d.ts").LoadOptions} LoadOptions */

/**
 * @typedef {object} Plan
 * @property {LoadOptions} load
 * @property {boolean} optimise
 * @property {Readonly<Record<string, number>>} fixed dimensions by name
 * @property {{ name: string, data: any }[]} beside files with weights: bytes, a Blob or an address
 * @property {number} [severity]
 * @property {boolean} profiling
 * @property {string[]} notes what is asked for and not done, a sentence each
 */

/** Those that compute where mite does. */
const processors = ["wasm", "cpu", "xnnpack"];

/**
 * @param {SessionOptions} options
 * @returns {Plan}
 */
export function planOf(options) {
  const { logSeverityLevel: severity, freeDimensionOverrides: fixed = {} } = options;
  if (severity !== undefined && !(Number.isInteger(severity) && severity >= 0 && severity <= 4)) {
    throw new MiteError("argument", `logSeverityLevel must be 0 to 4, but is ${severity}`);
  }
  const wrong = Object.entries(fixed).find(([, size]) => !(Number.isInteger(size) && size >= 0));
  if (wrong) {
    throw new MiteError("argument", `freeDimensionOverrides gives '${wrong[0]}' the size ${wrong[1]}`);
  }
  const threads = options.intraOpNumThreads || env.wasm.numThreads; // 0: as mite thinks fit
  return {
    load: {
      ...(threads && { threads }),
      ...(env.wasm.proxy && { worker: true }),
      .../** @type {LoadOptions} */ (env.mite),
      ...options.mite,
    },
    optimise: options.graphOptimizationLevel !== "disabled",
    fixed,
    beside: (options.externalData ?? []).map(fileBeside),
    severity,
    profiling: options.enableProfiling === true,
    notes: [...providerNotes(options), ...locationNotes(options)],
  };
}

/**
 * A file with weights, by the name that the model has for it.
 * @param {NonNullable<SessionOptions["externalData"]>[number]} file
 */
function fileBeside(file) {
  const { path, data } = typeof file === "string" ? { path: file, data: file } : file;
  // A name is relative to the model; of an address, its last part is.
  const name = /^(\w+:)?\//.test(path) ? path.replace(/[?#].*$/, "").replace(/^.*\//, "") : path;
  return {
    name: name.replace(/^\.\//, ""),
    data: typeof data === "string" ? absolute(data) : (bytesOf(data) ?? data),
  };
}

/** @param {SessionOptions} options */
function providerNotes({ executionProviders = [] }) {
  const [first] = executionProviders.map((one) => (typeof one === "string" ? one : one?.name));
  if (first === undefined || processors.includes(first)) return [];
  return [`the execution provider '${first}' is not there; mite computes in WebAssembly`];
}

/** @param {SessionOptions} options */
function locationNotes({ preferredOutputLocation: wanted }) {
  const places = typeof wanted === "string" ? [wanted] : Object.values(wanted ?? {});
  const elsewhere = places.find((place) => place !== "cpu" && place !== "cpu-pinned");
  return elsewhere
    ? [`outputs are in memory ('cpu') and not '${elsewhere}', whatever preferredOutputLocation says`]
    : [];
}
