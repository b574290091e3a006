// SPDX-License-Identifier: Apache-2.0
// From texts to a transformer's inputs, and from its hidden states to one vector a text.
import { MiteError } from "../errors.js";

/** @typedef {import("../../mite.d.ts").Model} Model */
/** @typedef {import("../../mite.d.ts").Port} Port */
/** @typedef {import("../../text.d.ts").Encoding} Encoding */
/** @typedef {import("../../text.d.ts").Tokenizer} Tokenizer */
/** @typedef {import("../../text.d.ts").SentenceOptions} SentenceOptions */

/** What the inputs of exported transformers are called. */
const FIELDS = [
  { pattern: /input_ids|^ids$|^input$/i, field: /** @type {const} */ ("ids") },
  { pattern: /attention_mask|input_mask|^mask$/i, field: /** @type {const} */ ("attentionMask") },
  { pattern: /token_type_ids|segment_ids|type_ids/i, field: /** @type {const} */ ("typeIds") },
];

/**
 * @param {readonly Encoding[]} encodings of one length
 * @param {Pick<Model, "inputs">} model
 */
export function modelInputs(encodings, { inputs }) {
  const length = encodings[0]?.ids.length ?? 0;
  if (encodings.some(({ ids }) => ids.length !== length)) {
    throw new MiteError(
      "argument",
      'the texts have different numbers of tokens; encode them together with { padding: "longest" }',
    );
  }
  return Object.fromEntries(
    inputs.map(({ name, dtype, shape }) => {
      const known = FIELDS.find(({ pattern }) => pattern.test(name));
      if (!known) throw unknownInput(name);
      const numbers = encodings.flatMap((encoding) => encoding[known.field]);
      const isOne = shape.length === 1;
      if (isOne && encodings.length > 1) {
        throw new MiteError("argument", `the model takes one text at a time, but got ${encodings.length}`);
      }
      const data = dtype === "i64" ? BigInt64Array.from(numbers, BigInt) : numbers;
      return [name, { data, shape: isOne ? [length] : [encodings.length, length] }];
    }),
  );
}

/** @param {string} name */
function unknownInput(name) {
  return new MiteError(
    "unsupported",
    `the model's input ${name} is neither token ids, an attention mask nor token types; give its inputs to model.run() yourself`,
  );
}

/**
 * @param {Model} model
 * @param {Tokenizer} tokenizer
 * @param {readonly string[]} texts
 * @param {SentenceOptions} [options]
 * @returns {Promise<Float32Array[]>}
 */
export async function sentenceVectors(model, tokenizer, texts, options = {}) {
  if (!texts.length) return [];
  const fixed = fixedLength(model);
  const encodings = tokenizer.encodeBatch(texts, {
    maxLength: options.maxLength ?? fixed,
    padding: fixed ?? "longest",
  });
  const batch = model.inputs[0].shape.length > 1 ? model.inputs[0].shape[0] : 1;
  const together = batch < 0 ? texts.length : 1;
  /** @type {Float32Array[]} */
  const vectors = [];
  for (let at = 0; at < texts.length; at += together) {
    const some = encodings.slice(at, at + together);
    const outputs = await model.run(modelInputs(some, model), { signal: options.signal });
    vectors.push(...pool(pickOutput(outputs, options.output), some, options));
  }
  return vectors;
}

/** @param {Model} model */
function fixedLength({ inputs }) {
  const length = inputs[0].shape.at(-1) ?? -1;
  return length > 0 ? length : undefined;
}

/**
 * The one asked for; or else one vector a text if the model gives it, or the hidden states.
 * @param {Record<string, import("../../mite.d.ts").Tensor>} outputs
 * @param {string} [name]
 */
function pickOutput(outputs, name) {
  const all = Object.values(outputs);
  const usual = outputs.sentence_embedding ?? outputs.last_hidden_state;
  const guess = usual ?? all.find(({ shape }) => shape.length === 3) ?? all[0];
  const found = name === undefined ? guess : outputs[name];
  if (found?.data instanceof Float32Array && (found.shape.length === 2 || found.shape.length === 3)) {
    return { data: found.data, shape: found.shape };
  }
  throw new MiteError(
    "argument",
    name !== undefined && !found
      ? `the model has no output ${name}; it has ${Object.keys(outputs).join(", ")}`
      : "the model gives no vectors: an f32 output of shape [texts, tokens, size] or [texts, size] is needed",
  );
}

/**
 * @param {{ data: Float32Array, shape: readonly number[] }} hidden [texts, tokens, size] or [texts, size]
 * @param {readonly Encoding[]} encodings
 * @param {SentenceOptions} options
 */
function pool({ data, shape }, encodings, { pooling = "mean", normalize = true }) {
  const size = /** @type {number} */ (shape.at(-1));
  const tokens = shape.length === 3 ? shape[1] : 1;
  return encodings.map(({ attentionMask }, text) => {
    const vector = new Float32Array(size);
    let counted = 0;
    for (let token = 0; token < tokens; token++) {
      const counts = tokens === 1 || (pooling === "cls" ? token === 0 : attentionMask[token]);
      if (!counts) continue;
      counted++;
      const start = (text * tokens + token) * size;
      for (let i = 0; i < size; i++) vector[i] += data[start + i];
    }
    const norm = normalize ? Math.hypot(...vector) : counted;
    return norm ? vector.map((x) => x / norm) : vector;
  });
}

/**
 * @param {ArrayLike<number>} a
 * @param {ArrayLike<number>} b
 */
export function cosineSimilarity(a, b) {
  if (a.length !== b.length) {
    throw new MiteError("argument", `vectors of ${a.length} and ${b.length} numbers cannot be compared`);
  }
  let [dot, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    dot += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return aa && bb ? dot / Math.sqrt(aa * bb) : 0;
}
