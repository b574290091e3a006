// SPDX-License-Identifier: Apache-2.0
// Every `js` block of the documents runs, in Node, with the package as it is shipped. What a block takes for
// granted is in given.mjs; addresses below /models/ are this repository's models.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import * as given from "./given.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = join(root, "build/tests/examples");
const markdown = (/** @type {string} */ path) =>
  readdirSync(join(root, path)).filter((name) => name.endsWith(".md")).map((name) => join(path, name));
const documents = ["README.md", "bindings/js/README.md", ...markdown("docs")];

/** The files that addresses of the examples stand for. */
const files = new Map([
  ["/models/efficientnet-lite0.int8.mite", "models/efficientnet-lite0/efficientnet-lite0.int8.mite"],
  ["/models/matmul.onnx", "tests/ort/models/matmul.onnx"],
  ["/models/models.json", "build/tests/site/models.json"],
  ["photo.jpg", "web/demo/samples/coffee.jpg"],
]);

/**
 * A module that runs the block when it is called.
 * @param {string} block
 */
function moduleOf(block) {
  const body = block
    .replace(/^import (?:\* as )?(\{[^}]*\}|\w+) from "([^"]*)";/gm, "const $1 = await import('$2');")
    .replace(/import\('mite(?:\/(\w+))?'\)/g, (_, name = "index") => `import("${shipped(name)}")`)
    .replaceAll('loadTokenizer("/models/minilm/tokenizer.json")', "loadTokenizer(tokenizerBytes)");
  const located = [...files].reduce(
    (code, [address, file]) => code.replaceAll(`"${address}"`, JSON.stringify(join(root, file))),
    body,
  );
  return `export default async function ({ ${Object.keys(names).join(", ")} }) {{\n${located}\n}}\n`;
}

const shipped = (/** @type {string} */ name) => pathToFileURL(join(root, `bindings/js/dist/${name}.js`)).href;
const tokenizerBytes = new TextEncoder().encode(JSON.stringify(given.tokenizerFile));
const names = { ...given, tokenizerBytes };

mkdirSync(folder, { recursive: true });
for (const document of documents) {
  const text = readFileSync(join(root, document), "utf8");
  for (const [index, { 1: block }] of [...text.matchAll(/^```js\n([\s\S]*?)^```$/gm)].entries()) {
    test(`example ${index + 1} of ${document} runs`, async (t) => {
      t.mock.method(console, "log", () => {});
      const file = join(folder, `${document.replaceAll("/", "-")}-${index + 1}.mjs`);
      writeFileSync(file, moduleOf(block));
      const { default: example } = await import(pathToFileURL(file).href);
      await assert.doesNotReject(example(names), block);
    });
  }
}
