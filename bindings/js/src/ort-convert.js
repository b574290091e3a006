// SPDX-License-Identifier: Apache-2.0
// From a model's address or bytes to a `.mite` file. Runs in ort-worker.js or, where there is no
// worker, on the calling thread; the converter is fetched only for models that need it.
import { filesBeside } from "./beside.js";
import { Download, isRemote } from "./download.js";
import { MiteError } from "./errors.js";
import { freshness } from "./keep/record.js";
import { declaredPorts } from "./ort/onnx.js";
import { filePath } from "./platform.js";
import { kindOfBytes } from "./sniff.js";
import { bytesOf, openSource } from "./source.js";
import { hexOf } from "./wasm.js";

/** @typedef {import("./ort/onnx.js").Declared} Declared */

/**
 * @typedef {object} Request
 * @property {any} model an absolute address, in Node also a path; bytes; or a Blob
 * @property {{ name: string, data: any }[]} beside files with weights, each as one of these
 * @property {Readonly<Record<string, number>>} fixed dimensions by name
 * @property {Readonly<Record<string, readonly number[]>>} [shapes] of all inputs by name
 * @property {boolean} optimise
 * @property {string | URL} [wasm]
 * @property {boolean} [kept] what comes of it will be kept: files that are fetched are to be known again
 * @property {(string | undefined)[]} [known] hashes of files, the model's first, that were converted already
 */

/**
 * @typedef {object} Prepared
 * @property {Uint8Array<ArrayBuffer>} [file] none where shapes must be known first
 * @property {Uint8Array<ArrayBuffer>} [source] then: what to convert once they are
 * @property {Declared} [declared] of an ONNX file
 * @property {readonly string[]} warnings
 * @property {(FetchedSource | null)[]} [sources] of the model and the files beside it; null: not fetched
 * @property {boolean} [unchanged] what was fetched is what was known; nothing was converted
 */

/** @typedef {import("./keep/record.js").FetchedSource} FetchedSource */
/** @typedef {{ bytes: Uint8Array<ArrayBuffer>, fetched: FetchedSource | null }} Contents */

/**
 * @param {Request} request
 * @returns {Promise<Prepared>}
 */
export async function prepare(request) {
  const { model, beside, kept = false, known } = request;
  const converter = known ? undefined : import("./convert.js"); // beside the download
  converter?.catch(() => {}); // heard of where it is awaited
  const named = beside.map(({ data }) => contentsOf(data, kept));
  const [source, ...others] = await Promise.all([contentsOf(model, kept), ...named]);
  const sources = [source, ...others].map(({ fetched }) => fetched);
  if (known && sources.every((one, i) => !one || one.sha256 === known[i])) {
    return { unchanged: true, sources, warnings: [] };
  }
  const files = beside.length
    ? Object.fromEntries(beside.map(({ name }, i) => [name, others[i].bytes]))
    : await foundBeside(model);
  return { ...(await converted(source.bytes, files, request)), sources };
}

/**
 * @param {Uint8Array<ArrayBuffer>} source
 * @param {import("../convert.d.ts").ConvertOptions["files"]} files
 * @param {Request} request
 * @returns {Promise<Prepared>}
 */
async function converted(source, files, { fixed, shapes, optimise, wasm }) {
  const { convert } = await import("./convert.js");
  if (kindOfBytes(source) === "a .mite file") return { file: source, warnings: [] };
  if (isOrtFormat(source)) {
    throw new MiteError(
      "unsupported",
      "this is a model in ORT format, which only onnxruntime reads; give the .onnx file that it was made from",
    );
  }
  const declared = declaredPorts(source);
  const inputShapes = shapes ?? fixedShapes(declared, fixed);
  const open = declared.inputs.filter(({ name, dims }) => !inputShapes[name] && !(dims && dims.every(isSize)));
  /** @type {Prepared} */
  const later = { source, declared, warnings: [convertedByShape] };
  try {
    const { bytes, format, warnings, inputs } = await convert(source, {
      inputShapes,
      files,
      optimise,
      selfTest: false,
      wasm,
    });
    if (format !== "onnx") return { file: bytes, warnings };
    const fixedAtOne = open.some(({ name }) => inputs.find((one) => one.name === name)?.shape.every(isSize));
    return fixedAtOne ? later : { file: bytes, declared, warnings };
  } catch (error) {
    if (open.length && shapesMayHelp(error)) return later;
    throw error;
  }
}

const convertedByShape =
  "this model cannot be converted before its input shapes are known; it is converted anew for every combination of them that it is run with, which takes its time once for each";

/** @param {unknown} dim */
const isSize = (dim) => Number(dim) >= 0;

/** Nothing helps where operators are missing. @param {any} error */
const shapesMayHelp = ({ code, message }) =>
  (code === "unsupported" || code === "argument") && !/^the converter lacks/.test(message);

/** @param {Uint8Array} bytes */
const isOrtFormat = (bytes) => String.fromCharCode(...bytes.subarray(4, 8)) === "ORTM";

/**
 * @param {any} source
 * @param {boolean} kept
 * @returns {Promise<Contents>}
 */
async function contentsOf(source, kept) {
  const given = bytesOf(source);
  if (given) return { bytes: /** @type {Uint8Array<ArrayBuffer>} */ (given), fetched: null };
  const download = isRemote(source) ? new Download(source) : undefined;
  const opened = download ?? (await openSource(source));
  const pieces = [];
  for (let piece; (piece = await opened.read());) pieces.push(piece);
  const bytes = new Uint8Array(await new Blob(/** @type {BlobPart[]} */ (pieces)).arrayBuffer());
  if (!download || !kept) return { bytes, fetched: null };
  const { identity, header } = download;
  return { bytes, fetched: { identity, freshUntil: freshness(header), sha256: await sha256(bytes) } };
}

/** @param {Uint8Array<ArrayBuffer>} bytes */
export async function sha256(bytes) {
  return hexOf(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
}

/**
 * Files that lie beside a model which Node reads from a path.
 * @param {any} model
 */
async function foundBeside(model) {
  const path = typeof model === "string" ? await filePath(model) : null;
  return path === null ? undefined : filesBeside(path);
}

/**
 * Shapes of inputs that are known whole once dimensions are fixed; others stay open, and a run may
 * still give them.
 * @param {Declared} declared
 * @param {Request["fixed"]} fixed
 */
function fixedShapes({ inputs }, fixed) {
  /** @type {Record<string, number[]>} */
  const shapes = {};
  for (const { name, dims = [] } of inputs) {
    const sizes = dims.map((dim) => (typeof dim === "number" ? dim : (fixed[dim] ?? -1)));
    const changed = dims.some((dim) => typeof dim === "string");
    if (changed && sizes.every((size) => size >= 0)) shapes[name] = sizes;
  }
  return shapes;
}
