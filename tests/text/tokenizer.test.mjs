// SPDX-License-Identifier: Apache-2.0
// Tokens and texts are those of the library `tokenizers` (tests/text/make_tokenizers.py).
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import {
  cosineSimilarity,
  loadTokenizer,
  modelInputs,
  sentenceVectors,
  Tokenizer,
} from "../../bindings/js/src/text.js";

const { texts, pairs, tokenizers } = JSON.parse(
  await readFile(new URL("tokenizers.json", import.meta.url), "utf8"),
);
const lists = ({ ids, typeIds, attentionMask, specialTokensMask }) => [
  ids,
  typeIds,
  attentionMask,
  specialTokensMask,
];

for (const { name, tokenizer: json, cases, pairs: pairGoldens, batch, plain } of tokenizers) {
  test(`${name}: tokens, padding and truncation are those of the reference`, () => {
    const tokenizer = new Tokenizer(json);
    texts.forEach((text, i) => {
      assert.deepEqual(lists(tokenizer.encode(text)), cases[i].encoding, JSON.stringify(text));
    });
    pairs.forEach(([text, pair], i) => {
      assert.deepEqual(lists(tokenizer.encode(text, { pair })), pairGoldens[i], text);
    });
    assert.deepEqual(tokenizer.encodeBatch(texts.slice(0, 6)).map(lists), batch);
    plain.forEach((ids, i) => {
      assert.deepEqual(tokenizer.encode(texts[i], { special: false }).ids, ids, texts[i]);
    });
  });

  test(`${name}: decoded texts are those of the reference`, () => {
    const tokenizer = new Tokenizer(json);
    cases.forEach(({ encoding: [ids], decoded, all }) => {
      assert.equal(tokenizer.decode(ids), decoded);
      assert.equal(tokenizer.decode(ids.map(BigInt), { special: true }), all);
    });
  });
}

test("what the file has and mite/text lacks is refused by name", () => {
  const json = tokenizers[0].tokenizer;
  for (const part of ["normalizer", "pre_tokenizer", "post_processor", "decoder"]) {
    assert.throws(() => new Tokenizer({ ...json, [part]: { type: "Strange" } }), {
      code: "unsupported",
      message: `mite/text has no ${part} of type "Strange"`,
    });
  }
  assert.throws(() => new Tokenizer({ model_type: "bert" }), { code: "format" });
  assert.throws(() => new Tokenizer({ ...json, model: { ...json.model, unk_token: "?" } }), {
    code: "format",
    message: "the tokenizer's unknown token ? is not in its vocabulary",
  });
  const broken = { type: "Precompiled", precompiled_charsmap: btoa("\xff\xff\xff\x7f") };
  assert.throws(() => new Tokenizer({ ...json, normalizer: broken }), { code: "format" });
});

test("a tokenizer.json is loaded from bytes and from a file; a web page in its place is named", async () => {
  const json = tokenizers[3].tokenizer;
  const bytes = new TextEncoder().encode(JSON.stringify(json));
  const tokenizer = await loadTokenizer(bytes);
  assert.equal(tokenizer.tokenOf(tokenizer.idOf("<special>")), "<special>");
  assert.equal(tokenizer.vocabularySize, new Tokenizer(json).vocabularySize);
  await assert.rejects(loadTokenizer(new TextEncoder().encode("<!doctype html>")), {
    code: "format",
    message: "got no tokenizer.json from the given bytes: it looks like a web page",
  });
  await assert.rejects(loadTokenizer("no-such-tokenizer.json"), { code: "network" });
});

test("truncation leaves room for special tokens and says when there is none", () => {
  const tokenizer = new Tokenizer(tokenizers[0].tokenizer);
  assert.equal(tokenizer.encode(texts[3], { maxLength: 4 }).ids.length, 4);
  assert.equal(tokenizer.encode(texts[3], { pair: texts[4], maxLength: 9 }).ids.length, 9);
  assert.throws(() => tokenizer.encode("a", { maxLength: 1 }), { code: "argument" });
});

/** A model whose hidden state of token t of text b is [id, 1, t]. */
function fakeModel(shape) {
  const names = ["input_ids", "attention_mask", "token_type_ids"];
  return {
    inputs: names.map((name) => ({ name, dtype: "i64", shape })),
    async run({ input_ids: { data, shape: given } }) {
      const hidden = Float32Array.from([...data].flatMap((id, i) => [Number(id), 1, i % given[1]]));
      return { last_hidden_state: { data: hidden, shape: [...given, 3], dtype: "f32" } };
    },
  };
}

test("sentence vectors are means over the tokens that are not padding", async () => {
  const tokenizer = new Tokenizer(tokenizers[0].tokenizer);
  const sentences = ["the quick brown fox", "dog"];
  const expected = sentences.map((text) => {
    const { ids } = tokenizer.encode(text);
    return [ids.reduce((a, b) => a + b) / ids.length, 1, (ids.length - 1) / 2].map(Math.fround);
  });
  for (const shape of [[-1, -1], [1, 32]]) {
    const vectors = await sentenceVectors(fakeModel(shape), tokenizer, sentences, { normalize: false });
    assert.deepEqual(vectors.map((vector) => [...vector]), expected);
  }
  const [unit] = await sentenceVectors(fakeModel([-1, -1]), tokenizer, ["fox"], { pooling: "cls" });
  assert.ok(Math.abs(Math.hypot(...unit) - 1) < 1e-6);
  assert.ok(Math.abs(cosineSimilarity([1, 2, 3], [2, 4, 6]) - 1) < 1e-12);
  assert.throws(() => cosineSimilarity([1], [1, 2]), { code: "argument" });
});

test("inputs that are no token lists are left to the caller", () => {
  const encodings = new Tokenizer(tokenizers[0].tokenizer).encodeBatch(["a", "b"]);
  const model = { inputs: [{ name: "pixel_values", dtype: "f32", shape: [1, 3, 8, 8] }] };
  assert.throws(() => modelInputs(encodings, model), { code: "unsupported" });
});
