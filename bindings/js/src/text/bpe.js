// SPDX-License-Identifier: Apache-2.0
// Byte pair encoding (Sennrich et al. 2016): of all neighbouring tokens that a rule of the file merges,
// those of the earliest rule are merged first, the leftmost first, until no rule applies.
import { MiteError } from "../errors.js";

const MAX_KEPT_WORDS = 10_000;

/** @param {any} json */
export function createBpe({
  vocab,
  merges,
  unk_token,
  continuing_subword_prefix: prefix = "",
  end_of_word_suffix: suffix = "",
  fuse_unk = false,
  byte_fallback = false,
  ignore_merges = false,
}) {
  const vocabulary = new Map(Object.entries(/** @type {Record<string, number>} */ (vocab)));
  const rules = mergeRules(vocabulary, merges, prefix ?? "");
  const bytes = byte_fallback ? byteTokens(vocabulary) : undefined;
  const unknown = unk_token == null ? undefined : vocabulary.get(unk_token);
  /** @type {Map<string, number[]>} Words repeat. */
  const known = new Map();

  /** @param {string} word */
  const symbolsOf = (word) => {
    /** @type {number[]} */
    const ids = [];
    const characters = Array.from(word);
    let afterUnknown = false;
    for (const [i, character] of characters.entries()) {
      const text =
        (i && prefix ? prefix : "") + character + (i === characters.length - 1 ? (suffix ?? "") : "");
      const id = vocabulary.get(text);
      const fallback = id === undefined ? bytes?.(text) : undefined;
      if (id !== undefined) ids.push(id);
      else if (fallback) ids.push(...fallback);
      else if (unknown !== undefined && !(fuse_unk && afterUnknown)) ids.push(unknown);
      afterUnknown = id === undefined && !fallback;
    }
    return ids;
  };

  return {
    vocabulary,
    /** @param {string} word */
    tokenize(word) {
      let ids = known.get(word);
      if (!ids) {
        const whole = ignore_merges ? vocabulary.get(word) : undefined;
        ids = whole === undefined ? merge(symbolsOf(word), rules) : [whole];
        if (known.size >= MAX_KEPT_WORDS) known.clear();
        known.set(word, ids);
      }
      return ids;
    },
  };
}

/** @typedef {Map<number, Map<number, { rank: number, id: number }>>} Rules by left and right token */

/**
 * @param {Map<string, number>} vocabulary
 * @param {(string | [string, string])[]} merges earliest first
 * @param {string} prefix of tokens that do not begin a word
 */
function mergeRules(vocabulary, merges, prefix) {
  /** @type {Rules} */
  const rules = new Map();
  for (const [rank, merge] of merges.entries()) {
    const [left, right] = typeof merge === "string" ? splitAtSpace(merge) : merge;
    const [a, b, id] = [left, right, left + right.slice(right.startsWith(prefix) ? prefix.length : 0)].map(
      (token) => vocabulary.get(token),
    );
    if (a === undefined || b === undefined || id === undefined) {
      throw new MiteError(
        "format",
        `merge ${rank} of the tokenizer, "${left} ${right}", needs tokens that its vocabulary lacks`,
      );
    }
    let ofLeft = rules.get(a);
    if (!ofLeft) rules.set(a, (ofLeft = new Map()));
    ofLeft.set(b, { rank, id });
  }
  return rules;
}

/** @param {string} merge */
function splitAtSpace(merge) {
  const at = merge.indexOf(" ");
  return [merge.slice(0, at), merge.slice(at + 1)];
}

/**
 * @param {Map<string, number>} vocabulary
 * @returns {(text: string) => number[] | undefined} the tokens <0x00>…<0xFF> of its UTF-8 bytes,
 *   where the vocabulary has them all
 */
export function byteTokens(vocabulary) {
  const ids = Array.from({ length: 256 }, (_, byte) =>
    vocabulary.get(`<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`),
  );
  const encoder = new TextEncoder();
  return (text) => {
    const found = Array.from(encoder.encode(text), (byte) => ids[byte]);
    return found.includes(undefined) ? undefined : /** @type {number[]} */ (found);
  };
}

/**
 * A list of tokens linked both ways and a heap of the merges that may be due: a text without spaces can be
 * one word of many thousand characters.
 * @param {number[]} ids changed
 * @param {Rules} rules
 */
function merge(ids, rules) {
  const count = ids.length;
  if (count < 2) return ids;
  const next = Int32Array.from(ids, (_, i) => (i + 1 < count ? i + 1 : -1));
  const previous = Int32Array.from(ids, (_, i) => i - 1);
  const gone = new Uint8Array(count);
  /** @type {Heap} */
  const heap = [];
  const propose = (/** @type {number} */ at) => {
    if (at < 0 || next[at] < 0) return;
    const [left, right] = [ids[at], ids[next[at]]];
    const rule = rules.get(left)?.get(right);
    if (rule) push(heap, { rank: rule.rank, at, left, right, id: rule.id });
  };
  for (let at = 0; at + 1 < count; at++) propose(at);
  for (let due; (due = pop(heap)); ) {
    const { at, left, right, id } = due;
    const after = next[at];
    if (gone[at] || after < 0 || ids[at] !== left || ids[after] !== right) continue; // overtaken
    ids[at] = id;
    gone[after] = 1;
    next[at] = next[after];
    if (next[at] >= 0) previous[next[at]] = at;
    propose(previous[at]);
    propose(at);
  }
  return ids.filter((_, at) => !gone[at]);
}

/** @typedef {{ rank: number, at: number, left: number, right: number, id: number }} Due */
/** @typedef {Due[]} Heap binary, the least first */

/**
 * @param {Due} a
 * @param {Due} b
 */
const before = (a, b) => a.rank < b.rank || (a.rank === b.rank && a.at < b.at);

/**
 * @param {Heap} heap
 * @param {Due} item
 */
function push(heap, item) {
  let at = heap.push(item) - 1;
  while (at) {
    const parent = (at - 1) >> 1;
    if (!before(item, heap[parent])) break;
    heap[at] = heap[parent];
    at = parent;
  }
  heap[at] = item;
}

/**
 * @param {Heap} heap
 * @returns {Due | undefined}
 */
function pop(heap) {
  const least = heap[0];
  const item = heap.pop();
  if (!item || !heap.length) return least;
  let at = 0;
  for (let child; (child = 2 * at + 1) < heap.length; at = child) {
    if (child + 1 < heap.length && before(heap[child + 1], heap[child])) child++;
    if (!before(heap[child], item)) break;
    heap[at] = heap[child];
  }
  heap[at] = item;
  return least;
}
