// SPDX-License-Identifier: Apache-2.0
// The published clients, installed once for their lock file into build/ort.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
export const root = fileURLToPath(new URL("../..", import.meta.url));
export const ort = join(root, "bindings/js/dist/ort.js");
/** The original, which the bench brings. */
export const original = join(root, "bench/node_modules/onnxruntime-web/dist");

/** @returns {string} the folder of their node_modules */
export function installed() {
  const lock = readFileSync(join(here, "package-lock.json"));
  const hash = createHash("sha256").update(lock).digest("hex").slice(0, 16);
  const folder = join(root, "build/ort", hash);
  const stamp = join(folder, "installed");
  if (!existsSync(stamp)) {
    mkdirSync(folder, { recursive: true });
    for (const name of ["package.json", "package-lock.json", ".npmrc"]) {
      cpSync(join(here, name), join(folder, name));
    }
    execFileSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], { cwd: folder });
    writeFileSync(stamp, "");
  }
  return join(folder, "node_modules");
}
