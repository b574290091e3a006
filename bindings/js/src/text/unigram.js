// SPDX-License-Identifier: Apache-2.0
// SentencePiece's unigram model (Kudo 2018): of all ways to cut a word into tokens, the one with the
// largest sum of scores, found by the algorithm of Viterbi.
import { byteTokens } from "./bpe.js";

/** How much less than the worst token an unknown character scores, as in SentencePiece. */
const UNKNOWN_PENALTY = 10;

/** @param {any} json */
export function createUnigram({ vocab, unk_id, byte_fallback = false }) {
  const entries = /** @type {[string, number][]} */ (vocab);
  const vocabulary = new Map(entries.map(([token], id) => [token, id]));
  const scores = Float64Array.from(entries, ([, score]) => score);
  const worst = scores.reduce((a, b) => Math.min(a, b), 0) - UNKNOWN_PENALTY;
  const longest = entries.reduce((most, [token]) => Math.max(most, token.length), 1);
  const bytes = byte_fallback ? byteTokens(vocabulary) : undefined;

  return {
    vocabulary,
    /** @param {string} word */
    tokenize(word) {
      const best = new Float64Array(word.length + 1).fill(-Infinity);
      const from = new Int32Array(word.length + 1);
      const tokens = new Int32Array(word.length + 1);
      best[0] = 0;
      for (let at = 0, width; at < word.length; at += width) {
        width = /** @type {number} */ (word.codePointAt(at)) > 0xffff ? 2 : 1;
        let characterIsToken = false;
        for (let end = at + width; end <= Math.min(word.length, at + longest); end++) {
          const id = vocabulary.get(word.slice(at, end));
          if (id === undefined) continue;
          characterIsToken ||= end === at + width;
          reach(at, end, id, scores[id]);
        }
        if (!characterIsToken) reach(at, at + width, -1, worst);
      }

      /**
       * @param {number} start
       * @param {number} end
       * @param {number} id
       * @param {number} score
       */
      function reach(start, end, id, score) {
        if (best[start] + score <= best[end]) return;
        best[end] = best[start] + score;
        from[end] = start;
        tokens[end] = id;
      }

      /** @type {number[]} */
      const ids = [];
      let unknownEnd = -1; // of a run of unknown characters, which is one token
      for (let end = word.length; end >= 0; end = from[end]) {
        if (unknownEnd >= 0 && (end === 0 || tokens[end] !== -1)) {
          ids.push(...(bytes?.(word.slice(end, unknownEnd))?.reverse() ?? [unk_id].filter((id) => id != null)));
          unknownEnd = -1;
        }
        if (end === 0) break;
        if (tokens[end] !== -1) ids.push(tokens[end]);
        else if (unknownEnd < 0) unknownEnd = end;
      }
      return ids.reverse();
    },
  };
}
