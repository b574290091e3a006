// SPDX-License-Identifier: Apache-2.0
// mite convert: somebody's model in, a .mite file out.
import { readdir, stat } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { compileRuntime } from "../compile.js";
import { convert } from "../convert.js";
import { MiteError, messageOf } from "../errors.js";
import { parseMetadata, pictureSpec, portNamed } from "../metadata.js";
import { PictureReader, portablePicture, quantized } from "../picture.js";
import { cannotRead } from "../source.js";
import { elementsOf } from "../tensors.js";
import { filesBeside } from "../beside.js";
import { readNpy } from "./npy.js";
import { UsageError, about, bytesText, printable, readWhole, toleranceOption, wholeNumber, writeWhole } from "./usage.js";

/** @typedef {import("../../convert.d.ts").Example} Example */
/** @typedef {import("../../convert.d.ts").SourcePort} SourcePort */
/** @typedef {import("../../convert.d.ts").StatisticsExample} StatisticsExample */
/** @typedef {import("../../mite.d.ts").Metadata} Metadata */

const pictures = new Set([".jpg", ".jpeg", ".png", ".gif", ".bmp"]);

/** @type {import("./main.js").Command} */
export default {
  summary: "turn an ONNX or TensorFlow Lite model into a .mite file",
  help: `usage: mite convert IN.onnx -o OUT.mite [--int8 [--calibrate DIR]] …

Converts an ONNX model (opsets 1 to 28, float or quantized) or a TensorFlow Lite one (float,
half-precision, int8, int16, dynamic range). Inputs and outputs keep their names, shapes and types.

  -o, --output FILE        where to write
  --int8                   quantize to int8 by the examples in --calibrate; without them only what
                           needs none: dense layers over many rows, and attention (transformers)
  --calibrate DIR          pictures (prepared as the metadata says, also mirrored) and .npy files
                           (in the input's shape, or a batch of such); a few dozen are enough
  --metadata FILE.json     name, licence, preprocessing, … (docs/metadata.md)
  --labels FILE            one class name a line
  --max-bytes BYTES        most memory for the model's graph (3 GiB), half as much for activations
  --input-shape NAME=1,3,224,224   for inputs whose shape is open; may be repeated
  --statistics DIR         examples as for --calibrate, without quantizing: what they look like is kept in
                           the file, by which mite/metrics tells drift (of --calibrate it always is)
  --class-map              add what mite/explain shows pictures by: for networks that end in
                           pooling and one linear layer
  --check                  compare with the source run unsimplified, on the examples in --calibrate or
                           else on random numbers; fail above --tolerance
  --tolerance X            largest allowed difference, relative to the largest output (1e-4; with
                           --int8: 0.2)`,
  options: {
    output: { type: "string", short: "o" },
    int8: { type: "boolean", default: false },
    calibrate: { type: "string" },
    statistics: { type: "string" },
    metadata: { type: "string" },
    labels: { type: "string" },
    "max-bytes": { type: "string" },
    "input-shape": { type: "string", multiple: true, default: [] },
    "class-map": { type: "boolean", default: false },
    check: { type: "boolean", default: false },
    tolerance: { type: "string" },
  },
  async run(values, [file, ...others]) {
    if (!file || others.length) throw new UsageError("convert wants one model");
    if (!values.output) throw new UsageError("convert wants -o OUT.mite");
    const tolerance = toleranceOption(values.tolerance ?? (values.int8 ? "0.2" : "1e-4"));
    if (values.calibrate && !values.int8) throw new UsageError("--calibrate DIR goes with --int8");
    await refuseSameFile(file, values.output);
    const metadata = await readMetadata(values.metadata, values.labels);
    metadata.name ??= basename(file, extname(file));
    const folder = values.statistics ?? values.calibrate;
    const converted = await convert(await readWhole(file), {
      files: filesBeside(file),
      maxBytes: values["max-bytes"] && wholeNumber(values["max-bytes"], "--max-bytes"),
      inputShapes: Object.fromEntries(values["input-shape"].map(shapeOption)),
      metadata,
      classMap: values["class-map"],
      check: values.check,
      ...(values.int8 && {
        examples: (/** @type {readonly SourcePort[]} */ ports) =>
          values.calibrate ? readCalibration(values.calibrate, ports, metadata) : [],
      }),
      statistics: folder !== undefined && ((ports) => readExamples(folder, ports, metadata)),
    });
    for (const warning of converted.warnings) console.error(`mite: note: ${printable(warning)}`);
    if (converted.difference) judge(converted.difference, tolerance);
    await writeWhole(values.output, converted.bytes);
    console.log(`${values.output}  ${bytesText(converted.bytes.length)}`);
    return 0;
  },
};

/**
 * @param {{ largest: number, of: number }} difference
 * @param {number} tolerance
 */
function judge({ largest, of }, tolerance) {
  const share = largest / Math.max(of, 1e-30);
  const figures = `largest difference ${largest.toExponential(2)} of ${of.toPrecision(4)}`;
  if (!(share <= tolerance)) {
    throw new MiteError(
      "format",
      `the result differs from the source: ${figures}; nothing written`,
    );
  }
  console.error(`mite: check passed: ${figures}`);
}

/**
 * The model that was given stays, whatever name or link leads to it.
 * @param {string} source
 * @param {string} output
 */
async function refuseSameFile(source, output) {
  const [from, to] = await Promise.all([source, output].map((path) => stat(path).catch(() => {})));
  if (from && to && from.ino === to.ino && from.dev === to.dev) {
    throw new UsageError(`-o ${output} is the model itself; name another file`);
  }
}

/** @param {string} option @returns {[string, number[]]} */
export function shapeOption(option) {
  const match = /^(.+)=((?:\d+(?:,\d+)*)?)$/.exec(option);
  if (!match) throw new UsageError(`--input-shape wants NAME=1,3,224,224, not '${option}'`);
  return [match[1], match[2].split(",").filter(Boolean).map(Number)];
}

/**
 * @param {string | undefined} file
 * @param {string | undefined} labels
 * @returns {Promise<Metadata>}
 */
async function readMetadata(file, labels) {
  const json = file && (await readWhole(file)).toString();
  const metadata = json ? { ...(await about(file, () => parseMetadata(json))) } : {};
  if (labels) metadata.labels = textOf(labels, await readWhole(labels)).trimEnd().split(/\r?\n/);
  return metadata;
}

/** @param {string} path @param {Uint8Array} bytes */
function textOf(path, bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new MiteError("format", `${path} is no text in UTF-8; --labels wants one label a line`);
  }
}

/**
 * Examples to choose ranges by. Pictures come also as their mirror images: one shows nothing else than the
 * other, and twice the examples cost nothing. Statistics go without: of looks they tell nothing more.
 * @param {string} folder
 * @param {readonly SourcePort[]} ports
 * @param {Metadata} metadata
 */
async function readCalibration(folder, ports, metadata) {
  return /** @type {Promise<Example[]>} */ (readExamples(folder, ports, metadata, true));
}

/**
 * @param {string} folder
 * @param {readonly SourcePort[]} ports
 * @param {Metadata} metadata
 * @param {boolean} [mirror]
 * @returns {Promise<StatisticsExample[]>}
 */
async function readExamples(folder, ports, metadata, mirror) {
  const names = await readdir(folder).catch((error) => {
    if (error.code === "ENOTDIR") throw new UsageError(`${folder} is no folder of examples`);
    throw cannotRead(folder, error);
  });
  if (ports.length !== 1) {
    throw new MiteError("unsupported", "examples from a folder want a model of one input");
  }
  const [port] = ports;
  /** @type {StatisticsExample[string][]} */
  const values = [];
  for (const name of names.sort()) {
    const path = join(folder, name);
    const extension = extname(name).toLowerCase();
    if (extension === ".npy") values.push(...fromNpy(await readWhole(path), path, port));
    if (pictures.has(extension)) {
      values.push(...(await fromPicture(path, port, metadata, mirror)));
    }
  }
  if (!values.length) {
    throw new MiteError("argument", `${folder} holds no pictures and no .npy files`);
  }
  return values.map((data) => ({ [port.name]: data }));
}

/**
 * @param {Uint8Array} file
 * @param {string} path
 * @param {SourcePort | import("../../mite.d.ts").Port} port if it is quantized, the file may hold real numbers
 */
function fromNpy(file, path, port) {
  const { dtype, shape } = port;
  const { data } = readNpy(file, path);
  const size = elementsOf(shape.map((length) => Math.abs(length))); // what is open is 1
  if (!data.length || data.length % size) {
    throw new MiteError("argument", `${path} does not hold whole examples of shape [${shape}]`);
  }
  const numbers = Float32Array.from(/** @type {Iterable<number>} */ (data), Number);
  return Array.from({ length: numbers.length / size }, (_, i) => {
    const example = numbers.slice(i * size, (i + 1) * size);
    if (dtype === "f32") return example;
    const areReal = data instanceof Float32Array || Array.isArray(data); // f64, f16
    return areReal && "quantization" in port ? quantized(example, port) : Array.from(example);
  });
}

/**
 * @param {string} path
 * @param {SourcePort} port
 * @param {Metadata} metadata
 * @param {boolean} [mirror] also its mirror image
 */
async function fromPicture(path, port, { preprocess }, mirror) {
  if (!preprocess) {
    throw new MiteError(
      "argument",
      "pictures as examples need --metadata with preprocess, which says how to prepare them",
    );
  }
  portNamed([port], preprocess.input, "preprocess.input");
  const spec = pictureSpec(preprocess, port);
  const { module } = await compileRuntime();
  const reader = new PictureReader(module);
  try {
    const { data } = await reader.read({ picture: await portablePicture(path), spec }, port);
    return mirror ? [data, mirrored(/** @type {Float32Array} */ (data), spec)] : [data];
  } catch (error) {
    throw new MiteError("format", `${path}: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * @param {Float32Array} picture
 * @param {import("../metadata.js").PictureSpec} spec
 */
function mirrored(picture, { width, height, channelsFirst }) {
  const depth = picture.length / (width * height);
  const channels = channelsFirst ? 1 : depth;
  const rows = channelsFirst ? depth * height : height;
  const out = new Float32Array(picture.length);
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < width; x++) {
      const from = (y * width + width - 1 - x) * channels;
      out.set(picture.subarray(from, from + channels), (y * width + x) * channels);
    }
  }
  return out;
}
