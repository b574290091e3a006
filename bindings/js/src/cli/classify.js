// SPDX-License-Identifier: Apache-2.0
// mite classify: photos in, classes out.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { messageOf } from "../errors.js";
import { load } from "../index.js";
import { UsageError, printable, wholeNumber } from "./usage.js";

const defaultModel = "models/efficientnet-lite0/efficientnet-lite0.int8.mite";

/** @type {import("./main.js").Command} */
export default {
  summary: "say what photos show",
  help: `usage: mite classify PHOTO… [--model FILE] [--top 5] [--json]

Says what each photo (JPEG, PNG, GIF, BMP) shows. A photo that cannot be read is reported on
standard error, the others are still done, and the exit code is 1.

  --model FILE   a .mite file, or its address; default: ${defaultModel}
                 where that lies beside this program
  --top N        how many classes to tell (5)
  --json         one line of JSON a photo:
                 {"file":…,"top":[{"index":…,"label":…,"probability":…}],"ms":{"decode":…,"run":…}}`,
  options: {
    model: { type: "string" },
    top: { type: "string", default: "5" },
    json: { type: "boolean", default: false },
  },
  async run({ model: source, top, json }, photos) {
    if (photos.length === 0) throw new UsageError("classify wants one photo or more");
    const topK = wholeNumber(top, "--top");
    const model = await load(source ?? findModel());
    let failed = 0;
    try {
      for (const file of photos) {
        try {
          const { top, ms } = await model.classify(file, { topK });
          const decode = ms.decode + ms.preprocess; // file to tensor
          if (json) console.log(JSON.stringify({ file, top, ms: { decode, run: ms.run } }));
          else console.log(printable(table(file, top, ms)));
        } catch (error) {
          failed++;
          const text = messageOf(error);
          if (json) console.log(JSON.stringify({ file, error: text }));
          console.error(`mite: ${printable(text.includes(file) ? text : `${file}: ${text}`)}`);
        }
      }
    } finally {
      await model.dispose();
    }
    return failed ? 1 : 0;
  },
};

/** The model that comes with the repository, also seen from an installed package's checkout. */
function findModel() {
  const path = fileURLToPath(new URL(`../../../${defaultModel}`, import.meta.url));
  if (existsSync(path)) return path;
  throw new UsageError("classify finds no model beside this program, so --model FILE is needed");
}

/**
 * @param {string} file
 * @param {import("../../mite.d.ts").Classification["top"]} top
 * @param {import("../../mite.d.ts").Classification["ms"]} ms
 */
function table(file, top, { decode, preprocess, run }) {
  const lines = top.map(({ probability, label }) => {
    const bar = "█".repeat(Math.round(probability * 20)).padEnd(20, "·");
    return `  ${bar} ${(probability * 100).toFixed(1).padStart(5)} %  ${label}`;
  });
  const times = `decode ${decode.toFixed(1)} ms, prepare ${preprocess.toFixed(1)} ms, run ${run.toFixed(1)} ms`;
  return [`${file}  (${times})`, ...lines].join("\n");
}
