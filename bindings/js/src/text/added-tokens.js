// SPDX-License-Identifier: Apache-2.0
// The "added_tokens" of a tokenizer.json: strings that are tokens wherever they occur, found before the
// rest of the text is cut into words.

/**
 * @typedef {object} AddedToken
 * @property {number} id
 * @property {string} content
 * @property {boolean} [special]
 * @property {boolean} [normalized] looked for in the normalized text, otherwise in the text as it came
 * @property {boolean} [single_word] only where no letter, digit or underscore touches it
 * @property {boolean} [lstrip] takes the white space before it along
 * @property {boolean} [rstrip] and that after it
 */

/** @typedef {{ text: string, first: boolean } | { id: number }} Piece */

const WORD_END = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]$/u;
const WORD_START = /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]/u;

/**
 * @param {AddedToken[]} tokens
 * @param {(text: string) => string} [normalize] given where tokens are looked for in normalized text
 * @returns {(piece: { text: string, first: boolean }) => Piece[]}
 */
export function createSplitter(tokens, normalize = (text) => text) {
  const byContent = new Map(tokens.map((token) => [normalize(token.content), token]));
  byContent.delete("");
  if (!byContent.size) return (piece) => [piece];
  // The longest of those that begin at one place comes first.
  const alternatives = [...byContent.keys()].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(
    alternatives.map((text) => text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")).join("|"),
    "gu",
  );
  return ({ text, first }) => {
    /** @type {Piece[]} */
    const pieces = [];
    let done = 0;
    for (const { 0: found, index } of text.matchAll(pattern)) {
      const token = /** @type {AddedToken} */ (byContent.get(found));
      let [start, end] = [index, index + found.length];
      if (token.single_word) {
        if (WORD_END.test(text.slice(0, start)) || WORD_START.test(text.slice(end))) continue;
      }
      if (token.lstrip) start = text.slice(0, start).replace(/\p{White_Space}+$/u, "").length;
      if (token.rstrip) end += /^\p{White_Space}*/u.exec(text.slice(end))?.[0].length ?? 0;
      start = Math.max(start, done);
      if (start > done) pieces.push({ text: text.slice(done, start), first: first && done === 0 });
      pieces.push({ id: token.id });
      done = end;
    }
    if (done < text.length) pieces.push({ text: text.slice(done), first: first && done === 0 });
    return pieces;
  };
}
