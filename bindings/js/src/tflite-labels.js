// SPDX-License-Identifier: Apache-2.0
// The names of classes that come with a TensorFlow Lite model: a text file in the ZIP that TFLite
// Metadata appends to it (tensorflow.org/lite/models/convert/metadata). Whatever is wrong with that,
// there are no labels.

/** @typedef {import("../convert.d.ts").SourcePort} SourcePort */

const END = 0x06054b50; // of the directory
const ENTRY = 0x02014b50;
const END_BYTES = 22;
const MOST_COMMENT = 65535;
const MOST_BYTES = 1 << 22; // of a file of labels

/**
 * @typedef {object} Entry
 * @property {string} name
 * @property {number} method 0 stored, 8 deflated
 * @property {Uint8Array} data as it is stored
 */

/**
 * The text files of an appended ZIP.
 * @param {Uint8Array} bytes
 * @returns {Entry[]}
 */
function textFiles(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const u16 = (/** @type {number} */ at) => view.getUint16(at, true);
  const u32 = (/** @type {number} */ at) => view.getUint32(at, true);
  let end = bytes.length - END_BYTES;
  const first = Math.max(0, end - MOST_COMMENT);
  while (end >= first && u32(end) !== END) end--;
  if (end < first) return [];
  // Places in the directory may count from the ZIP's own beginning, or from the file's.
  const shift = end - u32(end + 12) - u32(end + 16);
  const entries = [];
  for (let at = u32(end + 16) + shift, left = u16(end + 10); left > 0; left--) {
    if (u32(at) !== ENTRY) throw new RangeError("no entry of a directory");
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + u16(at + 28)));
    const size = u32(at + 20);
    const local = u32(at + 42) + shift;
    const from = local + 30 + u16(local + 26) + u16(local + 28);
    if (/\.txt$/i.test(name) && size <= MOST_BYTES && from + size <= bytes.length)
      {entries.push({ name, method: u16(at + 10), data: bytes.subarray(from, from + size) });}
    at += 46 + u16(at + 28) + u16(at + 30) + u16(at + 32);
  }
  return entries;
}

/** @param {Entry} entry */
async function linesOf({ method, data }) {
  if (method !== 0 && method !== 8) return [];
  const plain = new Blob([/** @type {Uint8Array<ArrayBuffer>} */ (data)]);
  const stream = plain.stream().pipeThrough(new DecompressionStream("deflate-raw"));
  const text = method ? await new Response(stream).text() : await plain.text();
  return text.length > 4 * MOST_BYTES ? [] : text.trimEnd().split(/\r?\n/);
}

/**
 * Of several files the one with a line for each number of an output, else one that calls itself labels.
 * @param {Uint8Array} bytes
 * @param {readonly SourcePort[]} outputs
 * @returns {Promise<string[] | undefined>}
 */
export async function tfliteLabels(bytes, outputs) {
  try {
    const files = await Promise.all(
      textFiles(bytes).map(async (entry) => ({ name: entry.name, lines: await linesOf(entry) })),
    );
    const classes = outputs.map(({ shape }) => shape.at(-1) ?? 0);
    const found =
      files.find(({ lines }) => lines.length > 1 && classes.includes(lines.length)) ??
      files.find(({ name, lines }) => /label/i.test(name) && lines[0]);
    return found?.lines;
  } catch {
    return undefined; // damaged, or no ZIP at all
  }
}
