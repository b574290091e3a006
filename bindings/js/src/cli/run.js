// SPDX-License-Identifier: Apache-2.0
// mite run: .npy files in, .npy files out.
import { join } from "node:path";
import { load } from "../index.js";
import { readNpy, writeNpy } from "./npy.js";
import { UsageError, makeFolder, printable, readWhole, writeWhole } from "./usage.js";

/** @type {import("./main.js").Command} */
export default {
  summary: "run a model on NumPy files",
  help: `usage: mite run MODEL --input NAME=FILE.npy … [--output-dir DIR] [--profile]

Runs a .mite file once and writes each output to DIR/NAME.npy (characters of NAME that do not
belong in file names become _, and a number tells names apart that are then the same). A model with one
input also takes --input FILE.npy.

  --input NAME=FILE.npy   once for every input
  --output-dir DIR        made where it is missing; without it shapes are only printed
  --profile               print the time of every node`,
  options: {
    input: { type: "string", multiple: true, default: [] },
    "output-dir": { type: "string" },
    profile: { type: "boolean", default: false },
  },
  async run({ input, "output-dir": folder, profile }, [file, ...others]) {
    if (!file || others.length) throw new UsageError("run wants one model");
    const model = await load(file);
    try {
      const outputs = await model.run(await readInputs(input, model.inputs));
      if (folder) await makeFolder(folder);
      const files = fileNames(Object.keys(outputs));
      for (const [i, [name, tensor]] of Object.entries(outputs).entries()) {
        let where = "";
        if (folder) {
          const path = join(folder, files[i]);
          await writeWhole(path, writeNpy(tensor));
          where = `  ${path}`;
        }
        console.log(printable(`${name}  ${tensor.dtype}[${tensor.shape.join(",")}]${where}`));
      }
      if (profile) console.log(printable(profileTable(await model.profile())));
    } finally {
      await model.dispose();
    }
    return 0;
  },
};

/**
 * A file for each output: names that differ only in what does not belong in file names, or in case, which
 * some file systems do not tell apart, get a number.
 * @param {string[]} outputs
 */
function fileNames(outputs) {
  const taken = new Set();
  return outputs.map((output) => {
    const name = output.replace(/[^\w.-]/g, "_");
    let unique = name;
    for (let n = 2; taken.has(unique.toLowerCase()); n++) unique = `${name}_${n}`;
    taken.add(unique.toLowerCase());
    return `${unique}.npy`;
  });
}

/**
 * @param {string[]} options
 * @param {readonly import("../../mite.d.ts").Port[]} ports
 */
export async function readInputs(options, ports) {
  /** @type {Record<string, import("../../mite.d.ts").TensorInput>} */
  const inputs = {};
  for (const option of options) {
    // Names of tensors may contain '=', so the longest known name decides.
    const port = ports
      .filter(({ name }) => option.startsWith(`${name}=`))
      .sort((a, b) => b.name.length - a.name.length)[0];
    const alone = !port && ports.length === 1 && !option.includes("=");
    if (!port && !alone) {
      const known = ports.map(({ name }) => `'${name}'`).join(", ");
      throw new UsageError(`--input ${option}: the model has the inputs ${known}`);
    }
    const { name, shape } = port ?? ports[0];
    const path = port ? option.slice(name.length + 1) : option;
    const array = readNpy(await readWhole(path), path);
    // A file of the right number of elements may lack dimensions of size 1.
    const matches = JSON.stringify(squeezed(array.shape)) === JSON.stringify(squeezed(shape));
    inputs[name] = matches && !shape.includes(-1) ? { data: array.data, shape } : array;
  }
  return inputs;
}

/** @param {readonly number[]} shape */
function squeezed(shape) {
  return shape.filter((dimension) => dimension !== 1);
}

/** @param {readonly import("../../mite.d.ts").NodeProfile[]} nodes */
function profileTable(nodes) {
  const sum = nodes.reduce((total, { ms }) => total + ms, 0);
  const lines = nodes.map(({ name, kernel, ms, macs }) => {
    const rate = macs && ms ? `${((2 * macs) / ms / 1e6).toFixed(1)} GOP/s` : "";
    return `${ms.toFixed(3).padStart(9)} ms  ${kernel.padEnd(24)} ${rate.padStart(12)}  ${name}`;
  });
  return [...lines, `${sum.toFixed(3).padStart(9)} ms  in ${nodes.length} nodes`].join("\n");
}
