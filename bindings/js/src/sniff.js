// SPDX-License-Identifier: Apache-2.0
// Names what some bytes are, for error sentences: a page where a file should be is the most
// frequent accident of all.

/** @type {[test: (text: string) => boolean, kind: string][]} */
const kinds = [
  [(t) => t.startsWith("MITE"), "a .mite file"],
  [(t) => t.startsWith("\0asm"), "a WebAssembly module"],
  [(t) => /^\s*<(!doctype html|html|head|body)/i.test(t), "an HTML page"],
  [(t) => /^\s*<(\?xml|!--)/.test(t), "an XML document"],
  [(t) => t.startsWith("version https://git-lfs"), "a Git LFS pointer"],
  [(t) => t.startsWith("\x1f\x8b"), "a gzip file"],
  [(t) => t.startsWith("\x28\xb5\x2f\xfd"), "a Zstandard file"],
  [(t) => t.startsWith("PK\x03\x04"), "a ZIP file (perhaps a PyTorch model)"],
  [(t) => t.slice(4, 8) === "TFL3", "a TensorFlow Lite model"],
  [(t) => /^\x08[\x03-\x0d][\x12\x1a\x22\x2a\x3a\x42]/.test(t), "an ONNX model"],
  [(t) => /^.{7}\0\{"/s.test(t), "a safetensors file"],
  [(t) => t.startsWith("\xff\xd8\xff"), "a JPEG picture"],
  [(t) => t.startsWith("\x89PNG"), "a PNG picture"],
  [(t) => /^RIFF.{4}WEBP/s.test(t), "a WebP picture"],
  [(t) => /^.{4}ftyp(avif|avis)/s.test(t), "an AVIF picture"],
  [(t) => /^.{4}ftyp(heic|heix|hevc|mif1|msf1)/s.test(t), "a HEIC picture"],
  [(t) => /^\s*[{[]/.test(t), "JSON"],
];

/**
 * "an HTML page" and the like, from the beginning of some bytes; undefined if unknown.
 * @param {Uint8Array} bytes
 */
export function kindOfBytes(bytes) {
  const text = String.fromCharCode(...bytes.subarray(0, 64));
  return kinds.find(([test]) => test(text))?.[1];
}
