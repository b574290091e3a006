// SPDX-License-Identifier: Apache-2.0
// Makes the kept form of this model from the published TensorFlow Lite file (`make models`). Its weights stay
// the halves that they are.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const root = join(here, "../..");
const shared = process.env.MITE_SHARED ?? join(root, "../shared");
const source = join(shared, "models/zoo/mp_selfie/selfie_segmentation.tflite");

if (!existsSync(source)) {
  console.error(`models: ${source} is missing; set MITE_SHARED to the folder that has models/`);
  process.exit(1);
}

const out = join(here, "selfie-segmentation.mite");
const args = ["convert", source, "-o", out, "--metadata", join(here, "metadata.json"), "--check"];
const mite = join(root, "bindings/js/bin/mite.mjs");
const { status } = spawnSync(process.execPath, [mite, ...args], { stdio: "inherit" });
process.exit(status ?? 1);
