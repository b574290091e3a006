// SPDX-License-Identifier: Apache-2.0
// What is shown of a visitor's model: what it is, and what came out of it.
import { bytesText, make, ms, ranked } from "./page.js";

/** @typedef {import("../../bindings/js/mite.d.ts").Port} Port */
/** @typedef {import("../../bindings/js/mite.d.ts").Tensor} Tensor */

const MOST_OUTPUTS = 8;
const LARGEST = 5;
const FIRST = 8;

/** @param {Port} port */
export const portText = ({ name, dtype, shape }) =>
  `${name} ${dtype}[${shape.map((size) => (size < 0 ? "?" : size)).join(", ")}]`;

/**
 * What `mite inspect` says.
 * @param {import("./convert-worker.js").Made} made
 * @param {number} sourceBytes
 */
export function factsOf({ format, description, warnings, ms: time }, sourceBytes) {
  const { nodes, inputs, outputs, fileBytes, arenaBytes } = description;
  const sum = (/** @type {"macs" | "weightBytes"} */ key) =>
    nodes.reduce((total, node) => total + node[key], 0);
  const macs = sum("macs");
  /** @type {Record<string, string>} */
  const facts = {
    Format: { onnx: "ONNX", tflite: "TensorFlow Lite", mite: "mite" }[format] ?? format,
    [inputs.length > 1 ? "Inputs" : "Input"]: inputs.map(portText).join("; "),
    [outputs.length > 1 ? "Outputs" : "Output"]: outputs.map(portText).join("; "),
    Operators: `${nodes.length}`,
    MACs: macs < 1e6 ? macs.toLocaleString("en") : `${(macs / 1e6).toFixed(1)} M`,
    Weights: bytesText(sum("weightBytes")),
    Arena: bytesText(arenaBytes),
    Size: time === undefined ? bytesText(fileBytes) : `${bytesText(sourceBytes)} before, ${bytesText(fileBytes)} after`,
  };
  if (time !== undefined) facts.Conversion = `${ms(time)}, with the download of the converter`;
  if (warnings.length) facts.Notes = warnings.join(" ");
  return facts;
}

/**
 * The outputs of a run: the largest elements, as suits classes, or the first.
 * @param {readonly Port[]} ports
 * @param {Record<string, Tensor>} tensors
 * @param {{ largest: boolean, labels?: readonly string[] }} how
 */
export function outputsOf(ports, tensors, { largest, labels }) {
  const shown = ports.slice(0, MOST_OUTPUTS).flatMap((port) => {
    const tensor = tensors[port.name];
    const numbers = realNumbers(tensor, port);
    const title = make("h3", {}, portText({ ...port, shape: tensor.shape }));
    return [title, largest ? largestOf(numbers, labels) : firstOf(numbers)];
  });
  const others = ports.length - MOST_OUTPUTS;
  if (others > 0) shown.push(make("p", { className: "small" }, `and ${others} outputs more`));
  return shown;
}

/**
 * @param {Float64Array} numbers
 * @param {readonly string[]} [labels]
 */
function largestOf(numbers, labels) {
  /** @type {number[]} Indices, the largest number's first. */
  const top = [];
  let low = Infinity;
  numbers.forEach((x, index) => {
    low = Math.min(low, x);
    let place = top.length;
    while (place > 0 && x > numbers[top[place - 1]]) place--;
    if (place < LARGEST) top.splice(place, 0, index);
    if (top.length > LARGEST) top.pop();
  });
  const high = numbers[top[0]];
  return make(
    "ol",
    { className: "top" },
    ...top.map((index) => {
      const bar = { min: low, max: high > low ? high : low + 1, value: numbers[index] };
      return ranked(labels?.[index] ?? `element ${index}`, text(numbers[index]), bar, index);
    }),
  );
}

/** @param {Float64Array} numbers */
function firstOf(numbers) {
  const first = [...numbers.subarray(0, FIRST)].map(text).join(", ");
  return make("p", { className: "numbers" }, first + (numbers.length > FIRST ? ", …" : ""));
}

/** @param {number} x */
const text = (x) => String(Number(x.toPrecision(4)));

/**
 * @param {Tensor} tensor
 * @param {Port} port
 */
function realNumbers({ data, dtype }, { quantization }) {
  const { scale, zeroPoint } = quantization ?? { scale: 1, zeroPoint: 0 };
  const of = dtype === "f16" ? halfNumber : Number;
  return Float64Array.from(/** @type {ArrayLike<number>} */ (data), (q) => scale * (of(q) - zeroPoint));
}

/** @param {number} bits of an IEEE 754 binary16 */
function halfNumber(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24);
}
