// SPDX-License-Identifier: Apache-2.0
// What an ONNX file says about its inputs and outputs: names, and dimensions by number or name. A
// .mite file keeps no names of dimensions, and libraries look for them ("batch_size").

/** @typedef {import("../../ort.d.ts").Tensor.Type} Type */
/** @typedef {number | string} Dim a number, a name, or -1 for neither */
/** @typedef {{ name: string, type?: Type, dims?: readonly Dim[] }} DeclaredPort type: of tensors; dims: none
 *   where not even the rank is said */
/** @typedef {{ inputs: DeclaredPort[], outputs: DeclaredPort[] }} Declared */

// Fields of onnx.proto (protocol buffers): ModelProto.graph; GraphProto.initializer, .input and .output;
// TensorProto.name; ValueInfoProto.name and .type; TypeProto.tensor_type; Tensor.elem_type and .shape;
// TensorShapeProto.dim; Dimension.dim_value and .dim_param.
const GRAPH = 7;
const INITIALIZER = 5;
const INPUT = 11;
const OUTPUT = 12;
const TENSOR_NAME = 8;
const NAME = 1;
const TYPE = 2;
const TENSOR = 1;
const ELEMENT = 1;
const SHAPE = 2;
const DIM = 1;
const DIM_VALUE = 1;
const DIM_PARAM = 2;

/** By TensorProto.DataType. */
const types = /** @type {const} */ ([
  undefined,
  "float32",
  "uint8",
  "int8",
  "uint16",
  "int16",
  "int32",
  "int64",
  "string",
  "bool",
  "float16",
  "float64",
  "uint32",
  "uint64",
]);

/**
 * @param {Uint8Array} file
 * @returns {Declared} both empty for a file that is no ONNX
 */
export function declaredPorts(file) {
  const graph = first(file, GRAPH) ?? new Uint8Array();
  // Old files list weights as inputs, too.
  const weights = new Set(parts(graph, INITIALIZER).map((tensor) => textOf(first(tensor, TENSOR_NAME))));
  return {
    inputs: parts(graph, INPUT).map(portOf).filter(({ name }) => !weights.has(name)),
    outputs: parts(graph, OUTPUT).map(portOf),
  };
}

/**
 * @param {Uint8Array} value
 * @returns {DeclaredPort}
 */
function portOf(value) {
  const tensor = first(first(value, TYPE), TENSOR);
  const shape = first(tensor, SHAPE);
  return {
    name: textOf(first(value, NAME)),
    type: tensor && types[numberOf(tensor, ELEMENT) ?? 0],
    ...(shape && { dims: parts(shape, DIM).map(dimOf) }),
  };
}

/** @param {Uint8Array} dim */
function dimOf(dim) {
  const name = first(dim, DIM_PARAM);
  if (name) return textOf(name);
  return numberOf(dim, DIM_VALUE) ?? -1;
}

/**
 * @param {Uint8Array} message
 * @param {number} wanted
 */
const numberOf = (message, wanted) =>
  fields(message).find(({ field, number }) => field === wanted && number !== undefined)?.number;

/** @param {Uint8Array} [bytes] */
const textOf = (bytes) => new TextDecoder().decode(bytes?.slice());

/**
 * @param {Uint8Array} message
 * @param {number} wanted
 */
const parts = (message, wanted) =>
  fields(message).flatMap(({ field, bytes }) => (field === wanted && bytes ? [bytes] : []));

/**
 * @param {Uint8Array | undefined} message
 * @param {number} wanted
 */
const first = (message, wanted) => message && parts(message, wanted)[0];

/**
 * The fields of a message, as far as it can be read: numbers, and bytes where they lie.
 * @param {Uint8Array} message
 */
function fields(message) {
  /** @type {{ field: number, number?: number, bytes?: Uint8Array }[]} */
  const found = [];
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let shift = 1; at < message.length; shift *= 128) {
      const byte = message[at++];
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
    return Number.NaN;
  };
  while (at < message.length) {
    const key = varint();
    const field = Math.floor(key / 8);
    const wire = key % 8;
    if (wire === 0) found.push({ field, number: varint() });
    else if (wire === 1) at += 8;
    else if (wire === 5) at += 4;
    else if (wire === 2) {
      const length = varint();
      if (!(length <= message.length - at)) break;
      found.push({ field, bytes: message.subarray(at, at + length) });
      at += length;
    } else break;
  }
  return found;
}
