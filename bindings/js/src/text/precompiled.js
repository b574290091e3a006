// SPDX-License-Identifier: Apache-2.0
// SentencePiece's own table of replacements ("precompiled_charsmap"): a double-array trie of
// darts-clone over UTF-8, whose values point into a block of zero-terminated replacements.
import { MiteError } from "../errors.js";

const MAX_GRAPHEME_BYTES = 6; // longer ones are replaced character by character

/**
 * @param {string | null} base64
 * @returns {(text: string) => string}
 */
export function precompiled(base64) {
  if (!base64) return (text) => text;
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  const trieBytes = bytes.length >= 4 ? view.getUint32(0, true) : 0;
  if (!trieBytes || trieBytes % 4 || 4 + trieBytes > bytes.length) {
    throw new MiteError("format", "the tokenizer's precompiled_charsmap is damaged");
  }
  const units = Uint32Array.from({ length: trieBytes / 4 }, (_, i) => view.getUint32(4 + 4 * i, true));
  const replacements = bytes.subarray(4 + trieBytes);
  const encoder = new TextEncoder();
  const decoder = new TextDecoder();

  /** @param {string} chunk */
  const replacementOf = (chunk) => {
    const at = shortestPrefix(units, encoder.encode(chunk));
    if (at === undefined) return undefined;
    const end = replacements.indexOf(0, at);
    return decoder.decode(replacements.subarray(at, end < 0 ? undefined : end));
  };
  return (text) => {
    let out = "";
    for (const grapheme of graphemes(text)) {
      const whole =
        encoder.encode(grapheme).length < MAX_GRAPHEME_BYTES ? replacementOf(grapheme) : undefined;
      out += whole ?? Array.from(grapheme, (c) => replacementOf(c) ?? c).join("");
    }
    return out;
  };
}

/** @param {string} text */
function graphemes(text) {
  if (!Intl.Segmenter) return text;
  return Array.from(new Intl.Segmenter().segment(text), ({ segment }) => segment);
}

/**
 * @param {Uint32Array} units
 * @param {Uint8Array} key
 * @returns {number | undefined} the value of the shortest entry that the key begins with
 */
function shortestPrefix(units, key) {
  const offset = (/** @type {number} */ unit) => (unit >>> 10) << ((unit & 0x200) >>> 6);
  let node = offset(units[0]);
  for (const byte of key) {
    node ^= byte;
    const unit = units[node];
    if (unit === undefined || (unit & 0x800000ff) >>> 0 !== byte) return undefined;
    node ^= offset(unit);
    if ((unit >>> 8) & 1) return units[node] & 0x7fffffff;
  }
  return undefined;
}
