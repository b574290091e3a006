// SPDX-License-Identifier: Apache-2.0
// A tokenizer as a tokenizer.json describes it: normalize → cut into words → tokens of each word →
// special tokens, truncation and padding; and back. ../../text.d.ts documents it.
import { MiteError } from "../errors.js";
import { createSplitter } from "./added-tokens.js";
import { createDecoder } from "./decoders.js";
import { createModel } from "./models.js";
import { createNormalizer } from "./normalizers.js";
import { createPostProcessor } from "./post-processors.js";
import { createPreTokenizer } from "./pre-tokenizers.js";

/** @typedef {import("../../text.d.ts").Encoding} Encoding */
/** @typedef {import("../../text.d.ts").EncodeOptions} EncodeOptions */
/** @typedef {import("./post-processors.js").Row} Row */
/** @typedef {import("./added-tokens.js").AddedToken} AddedToken */
/** @typedef {import("./added-tokens.js").Piece} Piece */

/**
 * @typedef {object} Padding
 * @property {"longest" | number} to
 * @property {boolean} left
 * @property {number} multiple
 * @property {number} id
 * @property {number} typeId
 */

const withoutSpecial = createPostProcessor(undefined);

export class Tokenizer {
  #normalize;
  #cutWords;
  #model;
  #arrange;
  #decode;
  /** @type {(piece: { text: string, first: boolean }) => Piece[]} */
  #splitRaw;
  /** @type {(piece: { text: string, first: boolean }) => Piece[]} */
  #splitNormalized;
  /** @type {Map<string, number>} */
  #added;
  /** @type {Set<number>} */
  #special;
  /** @type {string[]} By id. */
  #tokens = [];
  #truncation;
  /** @type {Padding} */
  #padding;
  #pads;

  /** @param {any} json */
  constructor(json) {
    if (!json?.model?.vocab) {
      throw new MiteError(
        "format",
        "this is no tokenizer.json: it has no model with a vocabulary; give the file of that name that lies beside the model",
      );
    }
    this.#normalize = createNormalizer(json.normalizer);
    this.#cutWords = createPreTokenizer(json.pre_tokenizer);
    this.#model = createModel(json.model);
    this.#arrange = createPostProcessor(json.post_processor);
    this.#decode = createDecoder(json.decoder);
    this.#truncation = json.truncation ?? undefined;
    this.#pads = !!json.padding;

    const added = /** @type {AddedToken[]} */ (json.added_tokens ?? []);
    this.#added = new Map(added.map(({ content, id }) => [content, id]));
    this.#special = new Set(added.filter(({ special }) => special).map(({ id }) => id));
    this.#splitRaw = createSplitter(added.filter(({ normalized }) => !normalized));
    this.#splitNormalized = createSplitter(
      added.filter(({ normalized }) => normalized),
      this.#normalize,
    );
    for (const [token, id] of this.#model.vocabulary) this.#tokens[id] = token;
    for (const [token, id] of this.#added) this.#tokens[id] = token;
    this.#padding = this.#paddingOf(json.padding);
  }

  /** @param {any} json */
  #paddingOf(json) {
    const { strategy, direction, pad_to_multiple_of, pad_id, pad_type_id } = json ?? {};
    return {
      to: strategy?.Fixed ?? /** @type {const} */ ("longest"),
      left: direction === "Left",
      multiple: pad_to_multiple_of ?? 1,
      id: pad_id ?? this.#added.get("[PAD]") ?? this.#added.get("<pad>") ?? 0,
      typeId: pad_type_id ?? 0,
    };
  }

  get vocabularySize() {
    return this.#tokens.length;
  }

  /** @param {string} token */
  idOf(token) {
    return this.#added.get(token) ?? this.#model.vocabulary.get(token);
  }

  /** @param {number} id */
  tokenOf(id) {
    return this.#tokens[id];
  }

  /**
   * @param {string} text
   * @param {EncodeOptions} [options]
   * @returns {Encoding}
   */
  encode(text, options = {}) {
    return this.encodeBatch([options.pair === undefined ? text : [text, options.pair]], options)[0];
  }

  /**
   * @param {readonly (string | readonly [string, string])[]} texts
   * @param {EncodeOptions} [options]
   * @returns {Encoding[]}
   */
  encodeBatch(texts, options = {}) {
    const rows = texts.map((text) => this.#row(text, options));
    const padding = this.#paddingFor(options);
    const length = padding ? paddedLength(padding, rows) : 0;
    return rows.map((row) => this.#finish(row, length, padding));
  }

  /**
   * @param {string | readonly [string, string]} text
   * @param {EncodeOptions} options
   */
  #row(text, { special = true, maxLength = this.#truncation?.max_length }) {
    const [first, second] = (typeof text === "string" ? [text] : text).map((one) => this.#idsOf(one));
    const arrange = special ? this.#arrange : withoutSpecial;
    if (maxLength === undefined || maxLength === null) return arrange(first, second);
    const room = maxLength - arrange([], second && []).ids.length;
    if (room < 0) {
      throw new MiteError("argument", `maxLength ${maxLength} leaves no room for the special tokens alone`);
    }
    const [a, b] = this.#lengths(first.length, second?.length ?? 0, room);
    const cutTo = (/** @type {number[]} */ ids, /** @type {number} */ length) =>
      this.#truncation?.direction === "Left" ? ids.slice(ids.length - length) : ids.slice(0, length);
    return arrange(cutTo(first, a), second && cutTo(second, b));
  }

  /**
   * How much of either text stays.
   * @param {number} first
   * @param {number} second
   * @param {number} room
   * @returns {[number, number]}
   */
  #lengths(first, second, room) {
    if (first + second <= room) return [first, second];
    switch (this.#truncation?.strategy) {
      case "OnlyFirst":
        return [Math.max(room - second, 0), second];
      case "OnlySecond":
        return [first, Math.max(room - first, 0)];
    }
    // The longer one is cut until both are as long, then both.
    const shorter = Math.min(first, second);
    let [a, b] = [shorter, Math.max(shorter, room - shorter)];
    if (a + b > room) [a, b] = [room >> 1, room - (room >> 1)];
    return first <= second ? [a, b] : [b, a];
  }

  /** @param {string} text */
  #idsOf(text) {
    if (typeof text !== "string") throw new MiteError("argument", `a text is expected, but got ${typeof text}`);
    /** @type {number[]} */
    const ids = [];
    for (const piece of this.#splitRaw({ text, first: true })) {
      if ("id" in piece) {
        ids.push(piece.id);
        continue;
      }
      for (const part of this.#splitNormalized({ ...piece, text: this.#normalize(piece.text) })) {
        if ("id" in part) ids.push(part.id);
        else for (const word of this.#cutWords(part.text, part.first)) ids.push(...this.#model.tokenize(word));
      }
    }
    return ids;
  }

  /** @param {EncodeOptions} options */
  #paddingFor({ padding }) {
    if (padding === false || (padding === undefined && !this.#pads)) return undefined;
    return padding === undefined || padding === true ? this.#padding : { ...this.#padding, to: padding };
  }

  /**
   * @param {Row} row
   * @param {number} length
   * @param {Padding} [padding]
   * @returns {Encoding}
   */
  #finish({ ids, typeIds, special }, length, padding) {
    const missing = Math.max(length - ids.length, 0);
    /** @type {<T>(values: T[], filler: T) => T[]} */
    const padded = (values, filler) => {
      const fill = Array(missing).fill(filler);
      return padding?.left ? [...fill, ...values] : [...values, ...fill];
    };
    const all = padded(ids, padding?.id ?? 0);
    return {
      ids: all,
      tokens: all.map((id) => this.#tokens[id]),
      typeIds: padded(typeIds, padding?.typeId ?? 0),
      attentionMask: padded(ids.map(() => 1), 0),
      specialTokensMask: padded(special, 1),
    };
  }

  /**
   * @param {Iterable<number | bigint>} ids
   * @param {{ special?: boolean }} [options]
   */
  decode(ids, { special = false } = {}) {
    /** @type {string[]} */
    const tokens = [];
    for (const given of ids) {
      const id = Number(given);
      if (special || !this.#special.has(id)) {
        const token = this.#tokens[id];
        if (token !== undefined) tokens.push(token);
      }
    }
    return this.#decode(tokens).join("");
  }
}

/**
 * @param {Padding} padding
 * @param {Row[]} rows
 */
function paddedLength({ to, multiple }, rows) {
  const wanted = to === "longest" ? Math.max(0, ...rows.map(({ ids }) => ids.length)) : to;
  return multiple > 1 ? Math.ceil(wanted / multiple) * multiple : wanted;
}
