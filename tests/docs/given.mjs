// SPDX-License-Identifier: Apache-2.0
// What the examples of the documents take for granted: a page's things, as Node has them, and small
// stand-ins for networks that this repository does not hold.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { load } from "../../bindings/js/dist/index.js";
import { newKey } from "../field/site.mjs";
import { sha256 } from "../field/versions.mjs";

const file = (/** @type {string} */ path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

export const model = await load(file("models/efficientnet-lite0/efficientnet-lite0.int8.mite"));
export const photo = new Blob([readFileSync(file("web/demo/samples/coffee.jpg"))]);
export const numbers = new Float32Array(3 * 224 * 224);
export const stop = new AbortController();
export const bar = { value: 0 };

/** @param {Record<string, { data: number[], shape: number[] }>} outputs @param {object} metadata */
const standIn = (outputs, metadata) => ({
  metadata,
  inputs: [{ name: "input", dtype: "f32", shape: [1, 3, 8, 8] }],
  outputs: Object.entries(outputs).map(([name, { shape }]) => ({ name, dtype: "f32", shape })),
  async runImage() {
    return {
      outputs: Object.fromEntries(
        Object.entries(outputs).map(([name, { data, shape }]) => {
          return [name, { data: Float32Array.from(data), shape }];
        }),
      ),
      picture: { width: 8, height: 8, region: { x: 0, y: 0, width: 8, height: 8 } },
      ms: { decode: 0, preprocess: 0, run: 0 },
    };
  },
});

export const detector = standIn(
  { boxes: { data: [1, 1, 5, 5, 0.9], shape: [1, 1, 5] } },
  { postprocess: { kind: "detection", boxes: {}, scores: {} }, labels: ["cup"] },
);
export const segmenter = standIn(
  { mask: { data: [0, 1, 1, 0], shape: [1, 1, 2, 2] } },
  { postprocess: { kind: "segmentation" } },
);

/** A language model of four words. */
export const encoder = {
  inputs: ["input_ids", "attention_mask"].map((name) => ({ name, dtype: "i64", shape: [-1, -1] })),
  async run(/** @type {any} */ { input_ids: { data, shape } }) {
    const hidden = Float32Array.from([...data].flatMap((id) => [1, Number(id)]));
    return { last_hidden_state: { data: hidden, shape: [...shape, 2], dtype: "f32" } };
  },
};
export const tokenizerFile = {
  model: { type: "WordLevel", vocab: { "[UNK]": 0, cat: 1, kitten: 2, sat: 3 }, unk_token: "[UNK]" },
  pre_tokenizer: { type: "Whitespace" },
};

/** A signed list with one model, in build/tests/site. */
const key = await newKey();
export const { publicKey } = key;
const site = file("build/tests/site");
const source = file("models/efficientnet-lite0/efficientnet-lite0.int8.mite");
mkdirSync(site, { recursive: true });
copyFileSync(source, `${site}/1.0.0.mite`);
const bytes = readFileSync(source);
const about = { file: "1.0.0.mite", sha256: sha256(bytes), bytes: bytes.length, runtime: "0.1.0" };
const entry = {
  versions: { "1.0.0": { ...about, added: "2026-01-01T00:00:00Z" } },
  channels: { stable: { version: "1.0.0", percent: 100 } },
  history: [],
};
/** @type {import("../../bindings/js/src/field/manifest.js").Manifest} */
const list = { format: "mite-models", formatVersion: 1, serial: 1, models: { efficientnet: entry } };
list.signatures = [await key.signatureOf(list)];
writeFileSync(`${site}/models.json`, JSON.stringify(list));
