// SPDX-License-Identifier: Apache-2.0
// mite inspect: what a .mite file holds and needs.
import { describe } from "../convert.js";
import { UsageError, about, bytesText, printable, readWhole } from "./usage.js";

/** @type {import("./main.js").Command} */
export default {
  summary: "show operators, shapes, sizes and metadata of a .mite file",
  help: `usage: mite inspect FILE.mite [--json]

Shows inputs and outputs, every node with its result's shape, multiply-adds (MACs) and weight bytes,
the memory for activations (arena), and the metadata.

  --json   all of it as one JSON object`,
  options: { json: { type: "boolean", default: false } },
  async run({ json }, [file, ...others]) {
    if (!file || others.length) throw new UsageError("inspect wants one file");
    const bytes = await readWhole(file);
    const description = await about(file, () => describe(bytes));
    console.log(json ? JSON.stringify(description) : printable(text(file, description)));
    return 0;
  },
};

/**
 * @param {string} file
 * @param {import("../../convert.d.ts").Description} d
 */
function text(file, d) {
  const sum = (/** @type {number[]} */ numbers) => numbers.reduce((a, b) => a + b, 0);
  const port = (/** @type {import("../../mite.d.ts").Port} */ p) =>
    `${p.name} ${p.dtype}[${p.shape.join(",")}]`;
  const { labels, selfTest, ...metadata } = d.metadata;
  const width = Math.max(...d.nodes.map(({ op }) => op.length), 8);
  const lines = d.nodes.map((n) =>
    [
      n.op.padEnd(width),
      `${n.dtype}[${n.shape.join(",")}]`.padEnd(22),
      (n.macs ? `${(n.macs / 1e6).toFixed(2)} M` : "").padStart(10),
      (n.weightBytes ? bytesText(n.weightBytes) : "").padStart(10),
      ` ${n.name}`,
    ].join(" "),
  );
  return [
    `${file}  ${bytesText(d.fileBytes)}`,
    `id       ${d.id}`,
    `inputs   ${d.inputs.map(port).join(", ")}`,
    `outputs  ${d.outputs.map(port).join(", ")}`,
    `arena    ${bytesText(d.arenaBytes)}`,
    `MACs     ${(sum(d.nodes.map(({ macs }) => macs)) / 1e6).toFixed(1)} M`,
    `weights  ${bytesText(sum(d.nodes.map(({ weightBytes }) => weightBytes)))}`,
    "",
    ...lines,
    "",
    `metadata ${JSON.stringify(metadata, null, 2)}`,
    ...(labels ? [`labels   ${labels.length}, from '${labels[0]}' to '${labels.at(-1)}'`] : []),
    ...(selfTest ? [`self-test with seed ${selfTest.seed}`] : []),
  ].join("\n");
}
