// SPDX-License-Identifier: Apache-2.0
// The "model" of a tokenizer.json: turns one word into the ids of its tokens.
import { MiteError } from "../errors.js";
import { createBpe } from "./bpe.js";
import { createUnigram } from "./unigram.js";

/**
 * @typedef {object} TokenModel
 * @property {Map<string, number>} vocabulary
 * @property {(word: string) => number[]} tokenize
 */

/** @type {Record<string, (json: any) => TokenModel>} */
const kinds = {
  BPE: createBpe,
  Unigram: createUnigram,
  WordLevel: createWordLevel,
  WordPiece: createWordPiece,
};

/**
 * @param {any} json
 * @returns {TokenModel}
 */
export function createModel(json) {
  const kind = kinds[json.type ?? guessType(json)];
  if (kind) return kind(json);
  throw new MiteError("unsupported", `mite/text has no tokenizer model of type "${json.type}"`);
}

/**
 * Older files do not name it.
 * @param {any} json
 */
function guessType(json) {
  if (json.merges) return "BPE";
  if (Array.isArray(json.vocab)) return "Unigram";
  return json.continuing_subword_prefix === undefined ? "WordLevel" : "WordPiece";
}

/**
 * @param {Map<string, number>} vocabulary
 * @param {string | undefined} token
 * @returns {number | undefined} undefined where the tokenizer has none
 */
function unknownId(vocabulary, token) {
  const id = token == null ? undefined : vocabulary.get(token);
  if (token != null && id === undefined) {
    throw new MiteError("format", `the tokenizer's unknown token ${token} is not in its vocabulary`);
  }
  return id;
}

/** @param {any} json */
function createWordLevel({ vocab, unk_token }) {
  const vocabulary = new Map(Object.entries(/** @type {Record<string, number>} */ (vocab)));
  const unknown = vocabulary.get(unk_token);
  return {
    vocabulary,
    /** @param {string} word */
    tokenize(word) {
      const id = vocabulary.get(word) ?? unknown;
      return id === undefined ? [] : [id];
    },
  };
}

/**
 * Longest match first (Schuster and Nakajima 2012, as BERT uses it). A word with a part that is not in the
 * vocabulary is unknown as a whole.
 * @param {any} json
 */
function createWordPiece({
  vocab,
  unk_token = "[UNK]",
  continuing_subword_prefix: prefix = "##",
  max_input_chars_per_word: limit = 100,
}) {
  const vocabulary = new Map(Object.entries(/** @type {Record<string, number>} */ (vocab)));
  const unknown = /** @type {number} */ (unknownId(vocabulary, unk_token));
  const longest = [...vocabulary.keys()].reduce((most, token) => Math.max(most, token.length), 1);
  return {
    vocabulary,
    /** @param {string} word */
    tokenize(word) {
      const characters = Array.from(word);
      if (characters.length > limit) return [unknown];
      /** @type {number[]} */
      const ids = [];
      for (let start = 0; start < characters.length; ) {
        let end = Math.min(characters.length, start + longest);
        /** @type {number | undefined} */
        let id;
        for (; end > start; end--) {
          const part = characters.slice(start, end).join("");
          if ((id = vocabulary.get(start ? prefix + part : part)) !== undefined) break;
        }
        if (id === undefined) return [unknown];
        ids.push(id);
        start = end;
      }
      return ids;
    },
  };
}
