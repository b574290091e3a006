// SPDX-License-Identifier: Apache-2.0
// What the demo page has beside what the repository keeps, where its sources are at hand: a transformer for
// sentences, too large to be kept, and ONNX files that mite and onnxruntime-web both run. `make demo` calls it.
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const models = join(process.env.MITE_SHARED ?? join(root, "../shared"), "models");
const out = join(root, "build/demo");

/** From below `models` to below build/demo. */
const copies = [
  ["efficientnet_lite0.onnx", "efficientnet-lite0/efficientnet_lite0.onnx"],
  ["efficientnet_lite0_int8.onnx", "efficientnet-lite0/efficientnet_lite0_int8.onnx"],
  ["zoo/minilm_l6_int8/tokenizer.json", "minilm-l6/tokenizer.json"],
];
for (const [from, to] of copies) {
  if (!existsSync(join(models, from)) || existsSync(join(out, to))) continue;
  mkdirSync(join(out, to, ".."), { recursive: true });
  copyFileSync(join(models, from), join(out, to));
}

const source = join(models, "zoo/minilm_l6_int8/model.onnx");
const made = join(out, "minilm-l6/minilm-l6.mite");
if (existsSync(source) && !existsSync(made)) {
  const args = ["convert", source, "-o", made];
  spawnSync(process.execPath, [join(root, "bindings/js/bin/mite.mjs"), ...args], { stdio: "inherit" });
}
