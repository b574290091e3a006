// SPDX-License-Identifier: Apache-2.0
// Reads and converts a dropped model beside the page's own thread. The page starts this worker for
// one model and ends it: that cancels, and gives all of the converter's memory back.
import { convert, describe } from "/mite/dist/convert.js";

/** @typedef {{ model: File, beside: readonly File[], classMap?: boolean }} ModelFiles */
/**
 * @typedef {object} Made
 * @property {Blob} file the `.mite` file
 * @property {string} format
 * @property {number} [ms] that the conversion took; none where there was nothing to convert
 * @property {readonly string[]} warnings
 * @property {import("../../bindings/js/convert.d.ts").Description} description
 */
/**
 * @typedef {{ reading: number } | { converting: true } | { made: Made } | { problem: string }} Message
 *   reading: the part that has been read, 0 to 1
 */

/** @type {(message: Message) => void} */
const tell = (message) => postMessage(message);

addEventListener("message", ({ data }) => {
  make(data).then(
    (made) => tell({ made }),
    (error) => tell({ problem: error instanceof Error ? error.message : String(error) }),
  );
});

/**
 * @param {ModelFiles} files
 * @returns {Promise<Made>}
 */
async function make({ model, beside, classMap }) {
  const source = await read(model);
  tell({ converting: true });
  const ready = /\.mite$/i.test(model.name);
  const begin = performance.now();
  const { bytes, format, warnings } = ready
    ? { bytes: source, format: "mite", warnings: [] }
    : await convert(source, {
        metadata: { name: model.name.replace(/\.\w+$/, "") },
        files: partsOf(beside),
        classMap,
      });
  const ms = performance.now() - begin;
  const description = await describe(bytes);
  return { file: new Blob([bytes]), format, warnings, description, ...(!ready && { ms }) };
}

/** @param {File} file */
async function read(file) {
  const bytes = room(file);
  const reader = file.stream().getReader();
  let at = 0;
  for (let piece; !(piece = await reader.read()).done; at += piece.value.length) {
    bytes.set(piece.value, at);
    tell({ reading: at / file.size });
  }
  return bytes;
}

/** @param {File} file */
function room({ name, size }) {
  try {
    return new Uint8Array(size);
  } catch {
    const megabytes = (size / 1e6).toFixed(0);
    throw new Error(`${name} has ${megabytes} MB, for which this browser has no memory; try a smaller model`);
  }
}

/**
 * Weights that ONNX keeps in other files. Dropped files have lost their folders, so the last part of
 * a name tells which is meant; only the bytes that are wanted are read.
 * @param {readonly File[]} files
 * @returns {(name: string, offset: number, bytes: number) => Uint8Array | undefined}
 */
function partsOf(files) {
  const { FileReaderSync } = /** @type {any} */ (globalThis); // only workers have it
  const reader = new FileReaderSync();
  return (name, offset, bytes) => {
    const file = files.find((one) => one.name === name.split("/").at(-1));
    return file && new Uint8Array(reader.readAsArrayBuffer(file.slice(offset, offset + bytes)));
  };
}
