// SPDX-License-Identifier: Apache-2.0
// The public interface of `mite/text`: tokenizers from the tokenizer.json that lies beside nearly every
// published language model, and sentence vectors. Its tokens are those of the Hugging Face library
// `tokenizers`, which is what the tests compare them with.
//
//   import { load } from "mite";
//   import { loadTokenizer, sentenceVectors, cosineSimilarity } from "mite/text";
//   const tokenizer = await loadTokenizer("/models/minilm/tokenizer.json");
//   const [a, b] = await sentenceVectors(model, tokenizer, ["A cat sat.", "A kitten was sitting."]);
//   cosineSimilarity(a, b);                                     // 0.86
import type { Model, Source, TensorInput } from "./mite.d.ts";

export { MiteError } from "./mite.js";

/** One text, or a pair of them, as tokens. All lists are equally long. */
export interface Encoding {
  readonly ids: number[];
  readonly tokens: string[];
  /** Which of the two texts a token belongs to: 0 or 1, as the tokenizer's template says. */
  readonly typeIds: number[];
  /** 1 for tokens, 0 for padding. */
  readonly attentionMask: number[];
  /** 1 for tokens that the tokenizer put there (start, end, padding). */
  readonly specialTokensMask: number[];
}

export interface EncodeOptions {
  /** A second text, for models that compare two. With `encodeBatch`, give pairs instead. */
  pair?: string;
  /** Put start and end tokens where the tokenizer wants them. Default true. */
  special?: boolean;
  /** Cuts texts to so many tokens, special ones included. Default: as the file says, or not at all. */
  maxLength?: number;
  /**
   * Fills up to the longest of the batch, or to a number of tokens. `true`: as the file says, or to
   * the longest. Default: as the file says, or not at all.
   */
  padding?: boolean | "longest" | number;
}

/**
 * Reads models of type WordPiece, BPE (of bytes, too), Unigram and WordLevel. A part of the file that
 * mite/text does not know is refused by name.
 */
export class Tokenizer {
  /** @param json the parsed tokenizer.json; `loadTokenizer` fetches and parses it */
  constructor(json: unknown);
  /** Number of ids, added tokens included. */
  readonly vocabularySize: number;
  encode(text: string, options?: EncodeOptions): Encoding;
  encodeBatch(
    texts: readonly (string | readonly [string, string])[],
    options?: Omit<EncodeOptions, "pair">,
  ): Encoding[];
  /** @param options.special keep special tokens; default false */
  decode(ids: Iterable<number | bigint>, options?: { special?: boolean }): string;
  /** undefined where the vocabulary has no such token */
  idOf(token: string): number | undefined;
  tokenOf(id: number): string | undefined;
}

/** Fetches a tokenizer.json, or takes it as bytes, a Blob, a stream or (in Node) a path. */
export function loadTokenizer(source: Source, options?: { signal?: AbortSignal }): Promise<Tokenizer>;

/**
 * The inputs of a transformer, by their usual names (input_ids, attention_mask, token_type_ids), in the
 * model's own types.
 * @param encodings all of one length: encode them together with `padding: "longest"`
 */
export function modelInputs(
  encodings: readonly Encoding[],
  model: Pick<Model, "inputs">,
): Record<string, TensorInput>;

export interface SentenceOptions {
  /** `mean` (default) of the tokens' vectors, or that of the first token. */
  pooling?: "mean" | "cls";
  /** Scale vectors to length 1. Default true. */
  normalize?: boolean;
  maxLength?: number;
  /** Name of the output with [texts, tokens, size] or [texts, size]; guessed if left out. */
  output?: string;
  signal?: AbortSignal;
}

/** One vector a text. */
export function sentenceVectors(
  model: Model,
  tokenizer: Tokenizer,
  texts: readonly string[],
  options?: SentenceOptions,
): Promise<Float32Array[]>;

/** −1 to 1: how alike the directions of two vectors are; 0 where one has no direction. */
export function cosineSimilarity(a: ArrayLike<number>, b: ArrayLike<number>): number;
