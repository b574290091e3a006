// SPDX-License-Identifier: Apache-2.0
// The "post_processor" of a tokenizer.json: where special tokens stand around one or two texts.
import { MiteError } from "../errors.js";

/**
 * A row of tokens and which of the two texts (or what special part) each belongs to.
 * @typedef {{ ids: number[], typeIds: number[], special: number[] }} Row
 */

/**
 * @callback PostProcessor
 * @param {number[]} first
 * @param {number[] | undefined} second
 * @returns {Row}
 */

/** A part of a row: one of the texts, or special tokens.
 * @typedef {{ text: 0 | 1, type: number } | { ids: number[], type: number }} Part */

/** @type {Record<string, (json: any) => { single: Part[], pair: Part[] } | undefined>} */
const kinds = {
  TemplateProcessing: ({ single, pair, special_tokens }) => ({
    single: template(single, special_tokens),
    pair: template(pair, special_tokens),
  }),
  BertProcessing: ({ cls: [, cls], sep: [, sep] }) => {
    const single = /** @type {Part[]} */ ([
      { ids: [cls], type: 0 },
      { text: 0, type: 0 },
      { ids: [sep], type: 0 },
    ]);
    return { single, pair: [...single, { text: 1, type: 1 }, { ids: [sep], type: 1 }] };
  },
  RobertaProcessing: ({ cls: [, cls], sep: [, sep] }) => {
    const single = /** @type {Part[]} */ ([
      { ids: [cls], type: 0 },
      { text: 0, type: 0 },
      { ids: [sep], type: 0 },
    ]);
    return {
      single,
      pair: [...single, { ids: [sep], type: 0 }, { text: 1, type: 0 }, { ids: [sep], type: 0 }],
    };
  },
  ByteLevel: () => undefined, // concerns the places of tokens in the text alone
};

/** @type {{ single: Part[], pair: Part[] }} */
const PLAIN = {
  single: [{ text: 0, type: 0 }],
  pair: [
    { text: 0, type: 0 },
    { text: 1, type: 1 },
  ],
};

/**
 * @param {any} json
 * @returns {PostProcessor}
 */
export function createPostProcessor(json) {
  const { single, pair } = layoutOf(json) ?? PLAIN;
  return (first, second) => {
    /** @type {Row} */
    const row = { ids: [], typeIds: [], special: [] };
    for (const part of second ? pair : single) {
      const isText = "text" in part;
      for (const id of isText ? ((part.text ? second : first) ?? []) : part.ids) {
        row.ids.push(id);
        row.typeIds.push(part.type);
        row.special.push(isText ? 0 : 1);
      }
    }
    return row;
  };
}

/**
 * @param {any} json
 * @returns {{ single: Part[], pair: Part[] } | undefined}
 */
function layoutOf(json) {
  if (!json) return undefined;
  if (json.type === "Sequence") {
    const layouts = json.processors.map(layoutOf).filter(Boolean);
    if (layouts.length > 1) {
      throw new MiteError(
        "unsupported",
        "the tokenizer adds special tokens in more than one step, which mite/text does not do",
      );
    }
    return layouts[0];
  }
  if (!kinds[json.type]) {
    throw new MiteError("unsupported", `mite/text has no post_processor of type "${json.type}"`);
  }
  return kinds[json.type](json);
}

/**
 * @param {any[]} pieces
 * @param {Record<string, { ids: number[] }>} special
 * @returns {Part[]}
 */
function template(pieces, special) {
  return pieces.map(({ Sequence: text, SpecialToken: token }) => {
    if (text) return { text: text.id === "B" ? 1 : 0, type: text.type_id };
    const known = special[token.id];
    if (known) return { ids: known.ids, type: token.type_id };
    throw new MiteError("format", `the tokenizer's template uses ${token.id} without saying what it is`);
  });
}
