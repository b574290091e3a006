// SPDX-License-Identifier: Apache-2.0
// transformers.js as it is published, versions 3 and 4, with onnxruntime as an alias of mite/ort: two
// pipelines from local files give what they give with onnxruntime-web, in Node and in Chromium.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { shared } from "../js/support.mjs";
import { launch, missing } from "../web/browsers.mjs";
import { installed, original, ort, root } from "./clients.mjs";
import { bundlePage, servePage } from "./page.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const photo = join(root, "web/demo/samples/coffee.jpg");
const clients = { 4: "@huggingface/transformers", 3: "transformers-v3" };

/** @param {number[]} a @param {number[]} b */
const apart = (a, b) => a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);

/** The same sentences, the same classes, numbers within 1e-3. */
function same(ours, theirs) {
  assert.equal(ours.features.length, 4);
  for (const [i, { dims, data }] of theirs.features.entries()) {
    assert.deepEqual(ours.features[i].dims, dims);
    const worst = apart(data, ours.features[i].data);
    assert.ok(worst < 1e-3, `features differ by ${worst}`);
  }
  const lists = ({ classes, both }) => [classes, ...both];
  assert.equal(ours.classes.length, 5);
  for (const [i, list] of lists(theirs).entries()) {
    for (const [j, { label, score }] of list.entries()) {
      const answer = lists(ours)[i][j];
      assert.equal(answer.label, label);
      assert.ok(Math.abs(answer.score - score) < 1e-3, `${label}: ${answer.score}, not ${score}`);
    }
  }
}

/**
 * In a process of its own, whose imports and requires of onnxruntime are led elsewhere.
 * @param {string} client
 * @param {"mite" | "original" | "symbol"} which symbol: mite without aliases
 * @param {string[]} [more]
 */
function inNode(client, which, more = []) {
  const transformers = join(installed(), client, "dist/transformers.node.mjs");
  const models = more.length ? big : join(here, "models/");
  const args = [join(here, "node-pipelines.mjs"), transformers, models, photo, ...more];
  const env = {
    ...process.env,
    ORT_MODULE: which === "original" ? join(original, "ort.node.min.mjs") : ort,
    ORT_FILES: which === "original" ? `${original}/` : "",
    ORT_SYMBOL: which === "symbol" ? ort : "",
  };
  const alias = which === "symbol" ? [] : ["--import", join(here, "alias.mjs")];
  const options = { cwd: root, env, maxBuffer: 1 << 26 };
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [...alias, ...args], options, (error, out, err) => {
      if (error) return reject(new Error(err.slice(0, 4000), { cause: error }));
      resolve({ ...JSON.parse(out), err });
    });
  });
}

for (const [version, client] of Object.entries(clients)) {
  test(`transformers.js ${version} in Node`, { timeout: 240_000 }, async () => {
    const ours = await inNode(client, "mite");
    assert.ok(!/onnxruntime|jsdelivr/.test(ours.err), ours.err);
    const theirs = await inNode(client, "original");
    same(ours, theirs);
    same(await inNode(client, "symbol"), theirs);
  });
}

const big = join(root, "build/ort/big/");
const minilm = join(shared, "models/zoo/minilm_l6_int8");
test(
  "transformers.js in Node with a sentence model of others",
  { skip: existsSync(minilm) ? false : "the shared models are not here (set MITE_SHARED)", timeout: 240_000 },
  async () => {
    const folder = join(big, "minilm");
    mkdirSync(join(folder, "onnx"), { recursive: true });
    cpSync(join(minilm, "model.onnx"), join(folder, "onnx/model_quantized.onnx"));
    cpSync(join(minilm, "tokenizer.json"), join(folder, "tokenizer.json"));
    cpSync(join(here, "models/tiny-vit"), join(big, "tiny-vit"), { recursive: true });
    writeFileSync(join(folder, "config.json"), '{"model_type":"bert","architectures":["BertModel"]}');
    cpSync(join(here, "models/tiny-bert/tokenizer_config.json"), join(folder, "tokenizer_config.json"));
    const [ours, theirs] = await Promise.all(
      ["mite", "original"].map((which) => inNode(clients[4], which, ["minilm", "q8"])),
    );
    same(ours, theirs);
  },
);

describe("transformers.js in Chromium", { skip: missing("chromium"), timeout: 240_000 }, () => {
  /** @type {import("../web/browsers.mjs").Page} */
  let page;
  /** @type {Awaited<ReturnType<typeof servePage>>} */
  let server;
  before(async () => {
    server = await servePage();
    page = await launch("chromium");
  });
  after(async () => {
    await page?.close();
    server?.close();
  });

  /** @param {string} name @param {string | undefined} original */
  const inPage = async (name, original) => {
    await page.open(server.url);
    return page.run(
      async (script, original) => {
        const { run } = await import(script);
        const said = await run("/models/", "/samples/coffee.jpg", { original });
        return { ...said, fetched: performance.getEntriesByType("resource").map(({ name }) => name) };
      },
      `/dist/${name}.js`,
      original,
    );
  };

  for (const [version, client] of Object.entries(clients)) {
    test(`version ${version}`, async () => {
      await bundlePage(`mite-${version}`, client, "mite");
      await bundlePage(`original-${version}`, client, "original");
      const ours = await inPage(`mite-${version}`);
      // It looks for files that a model may have, and this one has not.
      assert.deepEqual(page.complaints.filter((text) => !/status of 404/.test(text)), []);
      for (const address of ours.fetched) assert.ok(address.startsWith(server.url), address);
      assert.ok(!ours.fetched.some((address) => /mite-convert\.wasm/.test(address)), "the page itself converts");
      same(ours, await inPage(`original-${version}`, `${server.url}/original/`));
    });
  }
});
