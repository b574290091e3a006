// SPDX-License-Identifier: Apache-2.0
// mite diff: where two models part, layer by layer.
import { asRead, describe, diff } from "../convert.js";
import { filesBeside } from "../beside.js";
import { shapeOption } from "./convert.js";
import { readInputs } from "./run.js";
import { UsageError, about, printable, readWhole, toleranceOption, wholeNumber } from "./usage.js";

/** @typedef {import("../../convert.d.ts").LayerDifference} LayerDifference */

/** @type {import("./main.js").Command} */
export default {
  summary: "run two models on the same inputs and show where they part",
  help: `usage: mite diff A B [--input NAME=x.npy] …

Runs both models, .mite files or sources (ONNX, TensorFlow Lite; run as they are read, with nothing
simplified), on the same inputs, and compares the results that they have under one name, in B's
order: the largest difference, relative to A's largest element, and the cosine. The first layer above
--tolerance is marked. Ends with 1 if an output is above it.

  --input NAME=FILE.npy     an input (random where not given); may be repeated
  --input-shape NAME=1,3,224,224   for inputs whose shape is open; may be repeated
  --seed N                  of random inputs (1)
  --tolerance X             largest relative difference (1e-3; where both are of 8 bits, one unit is 4e-3)
  --all                     every layer, not only those that differ
  --json                    all of it as one JSON object`,
  options: {
    input: { type: "string", multiple: true, default: [] },
    "input-shape": { type: "string", multiple: true, default: [] },
    seed: { type: "string", default: "1" },
    tolerance: { type: "string", default: "1e-3" },
    all: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
  async run({ input, "input-shape": shapes, seed, tolerance: limit, all, json }, [a, b, ...others]) {
    if (!a || !b || others.length) throw new UsageError("diff wants two models");
    const tolerance = toleranceOption(limit);
    const inputShapes = Object.fromEntries(shapes.map(shapeOption));
    const [first, second] = [await read(a, inputShapes), await read(b, inputShapes)];
    const ports = input.length ? (await describe(first)).inputs : [];
    const difference = await diff(first, second, {
      inputs: await readInputs(input, ports),
      seed: wholeNumber(seed, "--seed"),
    });
    console.log(json ? JSON.stringify(difference) : printable(text(difference, tolerance, all)));
    return difference.outputs.some((layer) => !(share(layer) <= tolerance)) ? 1 : 0;
  },
};

/**
 * Each from its own folder, for that has a source's other files.
 * @param {string} path
 * @param {Record<string, number[]>} inputShapes
 */
async function read(path, inputShapes) {
  const bytes = await readWhole(path);
  return about(path, () => asRead(bytes, { inputShapes, files: filesBeside(path) }));
}

/** @param {LayerDifference} layer */
function share({ largest, of }) {
  return largest ? largest / Math.max(of, 1e-30) : 0;
}

/**
 * @param {import("../../convert.d.ts").Difference} difference
 * @param {number} tolerance
 * @param {boolean} all
 */
function text({ layers, outputs }, tolerance, all) {
  const parts = layers.find((layer) => !(share(layer) <= tolerance));
  const line = (/** @type {LayerDifference} */ layer) =>
    [
      share(layer).toExponential(2).padStart(9),
      layer.cosine.toFixed(6).padStart(10),
      ` ${layer.op.padEnd(18)}`,
      `[${layer.shape.join(",")}]`.padEnd(20),
      layer.name,
      layer === parts ? "  <- here they part" : "",
    ].join(" ");
  const shown = layers.filter((layer) => all || share(layer) > 0);
  return [
    "relative     cosine  operator            shape                name",
    ...shown.map(line),
    `${layers.length} results in common, ${layers.filter((layer) => !share(layer)).length} of them alike to the bit`,
    ...outputs.map((layer) => `output ${layer.name}: ${line(layer).trim()}`),
  ].join("\n");
}
