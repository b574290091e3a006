// SPDX-License-Identifier: Apache-2.0
// The published clients, installed once for their lock file into build/ort.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
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
  if (!existsSync(folder)) {
    // Test files run side by side: the one that is done first gives the folder its name.
    const own = `${folder}.${process.pid}`;
    mkdirSync(own, { recursive: true });
    for (const name of ["package.json", "package-lock.json", ".npmrc"]) cpSync(join(here, name), join(own, name));
    execFileSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"], { cwd: own });
    try {
      renameSync(own, folder);
    } catch {
      rmSync(own, { recursive: true });
    }
  }
  return join(folder, "node_modules");
}
