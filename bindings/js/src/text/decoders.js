// SPDX-License-Identifier: Apache-2.0
// The "decoder" of a tokenizer.json: tokens → text.
import { MiteError } from "../errors.js";
import { bytesOfCharacters } from "./byte-level.js";
import { compilePattern } from "./pattern.js";
import { prependScheme } from "./pre-tokenizers.js";

/** Each step turns a list of strings into another; what the last one leaves is joined.
 * @typedef {(tokens: string[]) => string[]} Decoder */

/** @type {Record<string, (json: any) => Decoder>} */
const kinds = {
  Sequence: ({ decoders }) => {
    const steps = /** @type {Decoder[]} */ (decoders.map(createDecoder));
    return (tokens) => steps.reduce((now, step) => step(now), tokens);
  },
  WordPiece: wordPiece,
  ByteLevel: () => (tokens) => {
    const bytes = tokens.flatMap((token) => [...bytesOfCharacters(token)]);
    return [new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(bytes))];
  },
  Metaspace: (json) => {
    const { replacement = "▁" } = json;
    const dropsFirst = prependScheme(json) !== "never";
    return (tokens) =>
      tokens.map((token, i) => {
        const isMarked = i === 0 && dropsFirst && token.startsWith(replacement);
        return (isMarked ? token.slice(replacement.length) : token).replaceAll(replacement, " ");
      });
  },
  BPEDecoder:
    ({ suffix = "</w>" }) =>
    (tokens) =>
      tokens.map((token, i) => token.replaceAll(suffix, i === tokens.length - 1 ? "" : " ")),
  ByteFallback: () => byteFallback,
  Fuse: () => (tokens) => [tokens.join("")],
  Strip: ({ content, start = 0, stop = 0 }) => {
    return (tokens) =>
      tokens.map((token) => {
        let from = 0;
        while (from < start && token.startsWith(content, from * content.length)) from++;
        let end = 0;
        while (end < stop && token.endsWith(content, token.length - end * content.length)) end++;
        return token.slice(from * content.length, token.length - end * content.length);
      });
  },
  Replace: ({ pattern, content }) => {
    const compiled = compilePattern(pattern);
    return (tokens) => tokens.map((token) => token.replace(compiled, () => content));
  },
  CTC: ({ pad_token = "<pad>", word_delimiter_token = "|", cleanup = true }) => {
    return (tokens) =>
      tokens
        .filter((token, i) => token !== tokens[i - 1] && token !== pad_token)
        .map((token) => {
          const clean = cleanup ? cleanUp(token) : token;
          return cleanup ? clean.replaceAll(word_delimiter_token, " ") : clean;
        });
  },
};

/**
 * @param {{ type: string } | null | undefined} json
 * @returns {Decoder}
 */
export function createDecoder(json) {
  if (!json) return (tokens) => [tokens.join(" ")];
  const kind = kinds[json.type];
  if (kind) return kind(json);
  throw new MiteError("unsupported", `mite/text has no decoder of type "${json.type}"`);
}

/**
 * @param {any} json
 * @returns {Decoder}
 */
function wordPiece({ prefix = "##", cleanup = true }) {
  return (tokens) =>
    tokens.map((token, i) => {
      const continues = i > 0 && token.startsWith(prefix);
      const text = continues ? token.slice(prefix.length) : i > 0 ? ` ${token}` : token;
      return cleanup ? cleanUp(text) : text;
    });
}

/**
 * Undoes the spaces before English punctuation and contractions, as BERT's tokenizers do.
 * @param {string} text
 */
function cleanUp(text) {
  return text
    .replace(/ ([.?!,])/g, "$1")
    .replaceAll(" ' ", "'")
    .replaceAll(" n't", "n't")
    .replaceAll(" 'm", "'m")
    .replaceAll(" do not", " don't")
    .replace(/ ('s|'ve|'re)/g, "$1");
}

/**
 * Runs of <0x41>-like tokens are UTF-8; where they are not, each is U+FFFD.
 * @type {Decoder}
 */
function byteFallback(tokens) {
  /** @type {string[]} */
  const texts = [];
  /** @type {number[]} */
  let bytes = [];
  const flush = () => {
    if (!bytes.length) return;
    try {
      texts.push(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes)));
    } catch {
      texts.push(...bytes.map(() => "\ufffd"));
    }
    bytes = [];
  };
  for (const token of tokens) {
    const byte = /^<0x([0-9A-Fa-f]{2})>$/.exec(token);
    if (byte) {
      bytes.push(parseInt(byte[1], 16));
    } else {
      flush();
      texts.push(token);
    }
  }
  flush();
  return texts;
}
