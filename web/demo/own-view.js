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
  const weights = nodes.reduce((total, { weightBytes }) => total + weightBytes, 0);
  /** @type {Record<string, string>} */
  const facts = {
    Format: { onnx: "ONNX", tflite: "TensorFlow Lite", mite: "mite" }[format] ?? format,
    [inputs.length > 1 ? "Inputs" : "Input"]: inputs.map(portText).join("; "),
    [outputs.length > 1 ? "Outputs" : "Output"]: outputs.map(portText).join("; "),
    Operators: `${nodes.length}`,
    MACs: macsText(nodes),
    Weights: bytesText(weights),
    Arena: bytesText(arenaBytes) + (isOpen(inputs) ? " or more: its inputs' sizes are open" : ""),
    Size: time === undefined ? bytesText(fileBytes) : `${bytesText(sourceBytes)} before, ${bytesText(fileBytes)} after`,
  };
  if (time !== undefined) facts.Conversion = `${ms(time)}, with the download of the converter`;
  if (warnings.length) facts.Notes = warnings.join(" ");
  return facts;
}

/** @param {readonly Port[]} ports */
export const isOpen = (ports) => ports.some(({ shape }) => shape.includes(-1));

/** @param {readonly { macs: number }[]} nodes */
export function macsText(nodes) {
  const macs = nodes.reduce((total, node) => total + node.macs, 0);
  return macs < 1e6 ? macs.toLocaleString("en") : `${(macs / 1e6).toFixed(1)} M`;
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
    const name = nameOfElement(tensor.shape, labels);
    return [title, largest ? largestOf(numbers, name) : firstOf(numbers)];
  });
  const others = ports.length - MOST_OUTPUTS;
  if (others > 0) shown.push(make("p", { className: "small" }, `and ${others} outputs more`));
  return shown;
}

/**
 * What to call an element: as a class, where there is but one row; else by its place.
 * @param {readonly number[]} shape
 * @param {readonly string[]} [labels]
 * @returns {(index: number) => string}
 */
function nameOfElement(shape, labels) {
  if (shape.slice(0, -1).every((size) => size === 1)) {
    return (index) => labels?.[index] ?? `element ${index}`;
  }
  return (index) => {
    const place = [...shape].reverse().map((size) => {
      const at = index % size;
      index = (index - at) / size;
      return at;
    });
    return `[${place.reverse().join(", ")}]`;
  };
}

/**
 * @param {Float64Array} numbers
 * @param {(index: number) => string} name
 */
function largestOf(numbers, name) {
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
      return ranked(name(index), text(numbers[index]), bar, index);
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
export function realNumbers({ data, dtype }, { quantization }) {
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
