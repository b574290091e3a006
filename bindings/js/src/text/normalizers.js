// SPDX-License-Identifier: Apache-2.0
// The "normalizer" of a tokenizer.json: text → text, before it is cut.
import { MiteError } from "../errors.js";
import { toByteCharacters } from "./byte-level.js";
import { compilePattern } from "./pattern.js";
import { precompiled } from "./precompiled.js";

/** @typedef {(text: string) => string} Normalizer */

/** @type {Record<string, (json: any) => Normalizer>} */
const kinds = {
  Sequence: ({ normalizers }) => {
    const steps = /** @type {Normalizer[]} */ (normalizers.map(createNormalizer));
    return (text) => steps.reduce((now, step) => step(now), text);
  },
  BertNormalizer: bert,
  NFC: () => (text) => text.normalize("NFC"),
  NFD: () => (text) => text.normalize("NFD"),
  NFKC: () => (text) => text.normalize("NFKC"),
  NFKD: () => (text) => text.normalize("NFKD"),
  Lowercase: () => lowercase,
  StripAccents: () => stripAccents,
  Strip:
    ({ strip_left = true, strip_right = true }) =>
    (text) => {
      const start = strip_left ? text.replace(/^\p{White_Space}+/u, "") : text;
      return strip_right ? start.replace(/\p{White_Space}+$/u, "") : start;
    },
  Replace: ({ pattern, content }) => {
    const compiled = compilePattern(pattern);
    return (text) => text.replace(compiled, () => content);
  },
  Prepend:
    ({ prepend }) =>
    (text) =>
      text && prepend + text,
  Nmt: () => nmt,
  ByteLevel: () => toByteCharacters,
  Precompiled: ({ precompiled_charsmap }) => precompiled(precompiled_charsmap),
};

/**
 * @param {{ type: string } | null | undefined} json
 * @returns {Normalizer}
 */
export function createNormalizer(json) {
  if (!json) return (text) => text;
  const kind = kinds[json.type];
  if (kind) return kind(json);
  throw new MiteError("unsupported", `mite/text has no normalizer of type "${json.type}"`);
}

/**
 * Character by character, as Rust does it: without the special case of a final sigma.
 * @param {string} text
 */
function lowercase(text) {
  const lower = text.toLowerCase();
  return lower.includes("ς") ? Array.from(text, (c) => c.toLowerCase()).join("") : lower;
}

/** @param {string} text */
function stripAccents(text) {
  return text.replace(/\p{Mn}/gu, "");
}

/** @param {any} json */
function bert({
  clean_text = true,
  handle_chinese_chars = true,
  strip_accents = null,
  lowercase: lower = true,
}) {
  return (/** @type {string} */ text) => {
    let now = text;
    if (clean_text) {
      now = now
        .replace(/[\0\ufffd]|(?![\t\n\r])[\p{Cc}\p{Cf}\p{Co}\p{Cn}]/gu, "")
        .replace(/\p{White_Space}/gu, " ");
    }
    if (handle_chinese_chars) now = now.replace(CHINESE, " $& ");
    if (strip_accents ?? lower) now = stripAccents(now.normalize("NFD"));
    return lower ? lowercase(now) : now;
  };
}

/** The blocks that BERT calls Chinese characters. */
const CHINESE = new RegExp(
  "[\\u3400-\\u4dbf\\u4e00-\\u9fff\\uf900-\\ufaff\\u{20000}-\\u{2a6df}\\u{2a700}-\\u{2b73f}" +
    "\\u{2b740}-\\u{2b81f}\\u{2b920}-\\u{2ceaf}\\u{2f800}-\\u{2fa1f}]",
  "gu",
);

/** @param {string} text */
function nmt(text) {
  return text
    .replace(/[\u0001-\u0008\u000b\u000e-\u001f\u007f\u008f\u009f]/g, "")
    .replace(/[\u0009\u000a\u000c\u000d\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]/g, " ");
}
