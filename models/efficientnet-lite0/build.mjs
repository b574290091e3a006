// SPDX-License-Identifier: Apache-2.0
// Makes both forms of this model from the published ONNX file (`make models`), each with an output for its
// class map, which runs compute only when asked. The int8 form is calibrated with the photos beside
// it; it comes out the same on every machine, since the converter runs plain SIMD and its arithmetic
// does not depend on the engine.
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const root = join(here, "../..");
const shared = process.env.MITE_SHARED ?? join(root, "../shared");
const source = join(shared, "models/efficientnet_lite0.onnx");
const photos = join(shared, "models/photos");

if (!existsSync(source)) {
  console.error(`models: ${source} is missing; set MITE_SHARED to the folder that has models/`);
  process.exit(1);
}

/** @param {string} out @param {string[]} options */
function convert(out, ...options) {
  const args = ["convert", source, "-o", join(here, out), "--metadata", join(here, "metadata.json")];
  args.push("--labels", join(here, "labels.txt"), "--class-map", "--check", ...options);
  const mite = join(root, "bindings/js/bin/mite.mjs");
  const { status } = spawnSync(process.execPath, [mite, ...args], { stdio: "inherit" });
  if (status !== 0) process.exit(1);
}

convert("efficientnet-lite0.f32.mite");
const examples = mkdtempSync(join(tmpdir(), "mite-calibrate-"));
try {
  for (const name of readdirSync(photos).filter((name) => name.endsWith(".jpg"))) {
    copyFileSync(join(photos, name), join(examples, name));
  }
  convert("efficientnet-lite0.int8.mite", "--int8", "--calibrate", examples);
} finally {
  rmSync(examples, { recursive: true });
}
