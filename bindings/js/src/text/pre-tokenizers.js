// SPDX-License-Identifier: Apache-2.0
// The "pre_tokenizer" of a tokenizer.json: cuts a normalized text into words, each of which the
// model then turns into tokens on its own.
import { MiteError } from "../errors.js";
import { toByteCharacters } from "./byte-level.js";
import { WHITESPACE, WORD_RUNS, compilePattern, cut } from "./pattern.js";

/**
 * @callback PreTokenizer
 * @param {string} text
 * @param {boolean} first whether the text begins the whole input
 * @returns {string[]} without empty words
 */

const GPT2 = compilePattern({
  Regex: "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
});
/** ASCII's punctuation has symbols such as $ and +, which Unicode does not call so. */
const PUNCTUATION = /[\p{P}$+<=>^`|~]/gu;

/** @type {Record<string, (json: any) => PreTokenizer>} */
const kinds = {
  Sequence: ({ pretokenizers }) => {
    const steps = /** @type {PreTokenizer[]} */ (pretokenizers.map(createPreTokenizer));
    return (text, first) =>
      steps.reduce(
        (words, step) => words.flatMap((word, i) => step(word, first && i === 0)),
        [text],
      );
  },
  BertPreTokenizer: () => (text) =>
    text.split(WHITESPACE).flatMap((word) => cut(word, PUNCTUATION, "Isolated")),
  Whitespace: () => (text) => text.match(WORD_RUNS) ?? [],
  WhitespaceSplit: () => (text) => text.split(WHITESPACE).filter(Boolean),
  Punctuation:
    ({ behavior = "Isolated" }) =>
    (text) =>
      cut(text, PUNCTUATION, behavior),
  Digits:
    ({ individual_digits = false }) =>
    (text) =>
      cut(text, /\p{N}/gu, individual_digits ? "Isolated" : "Contiguous"),
  CharDelimiterSplit:
    ({ delimiter }) =>
    (text) =>
      text.split(delimiter).filter(Boolean),
  Split: ({ pattern, behavior, invert = false }) => {
    const compiled = compilePattern(pattern);
    return (text) => cut(text, compiled, behavior, invert);
  },
  FixedLength: ({ length = 5 }) => {
    const runs = new RegExp(`.{1,${length}}`, "gsu");
    return (text) => text.match(runs) ?? [];
  },
  ByteLevel:
    ({ add_prefix_space = true, use_regex = true }) =>
    (text) => {
      const spaced = add_prefix_space && !text.startsWith(" ") ? ` ${text}` : text;
      const words = use_regex ? cut(spaced, GPT2, "Isolated") : [spaced];
      return words.map(toByteCharacters);
    },
  Metaspace: metaspace,
};

/**
 * @param {{ type: string } | null | undefined} json
 * @returns {PreTokenizer}
 */
export function createPreTokenizer(json) {
  if (!json) return (text) => (text ? [text] : []);
  const kind = kinds[json.type];
  if (kind) return kind(json);
  throw new MiteError("unsupported", `mite/text has no pre_tokenizer of type "${json.type}"`);
}

/**
 * @param {any} json
 * @returns {"always" | "never" | "first"}
 */
export function prependScheme({ prepend_scheme, add_prefix_space = true }) {
  return prepend_scheme ?? (add_prefix_space ? "always" : "never");
}

/**
 * @param {any} json
 * @returns {PreTokenizer}
 */
function metaspace(json) {
  const { replacement = "▁", split = true } = json;
  const scheme = prependScheme(json);
  const mark = compilePattern(replacement);
  return (text, first) => {
    const marked = text.replaceAll(" ", replacement);
    const prepends = scheme === "always" || (scheme === "first" && first);
    const whole = prepends && !marked.startsWith(replacement) ? replacement + marked : marked;
    return split ? cut(whole, mark, "MergedWithNext") : [whole];
  };
}
