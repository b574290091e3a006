// SPDX-License-Identifier: Apache-2.0
// mite verify: are all bytes of a model right, and does it compute here what it should?
import { load } from "../index.js";
import { UsageError } from "./usage.js";

/** @type {import("./main.js").Command} */
export default {
  summary: "check a model's bytes and run its self-test",
  help: `usage: mite verify FILE.mite… [--sha256 HEX]

Checks every byte of the files against the SHA-256 sums they carry, and runs the self-test of those
that have one. --sha256 (with one file) also checks the sum of the whole file.`,
  options: { sha256: { type: "string" } },
  async run({ sha256 }, files) {
    if (files.length === 0) throw new UsageError("verify wants one file or more");
    if (sha256 && files.length > 1) throw new UsageError("--sha256 goes with one file");
    for (const file of files) {
      const model = await load(file, { sha256 });
      try {
        if (!model.metadata.selfTest) {
          console.log(`${file}: all bytes are right; it carries no self-test`);
          continue;
        }
        const { ok, maxDifference, tolerance } = await model.selfTest();
        const figures = `largest difference ${maxDifference}, allowed ${tolerance}`;
        if (!ok) throw new Error(`${file} fails its self-test here: ${figures}`);
        console.log(`${file}: all bytes are right; self-test passed (${figures})`);
      } finally {
        await model.dispose();
      }
    }
    return 0;
  },
};
