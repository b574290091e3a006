// SPDX-License-Identifier: Apache-2.0
// Where two models part: both run on the same inputs, node by node, and results of the same name are
// compared. Runs in the converter's module, which can look into a session.
import { convert, compileConverter, newConverter } from "./convert.js";
import { checkSession, newSession, nodesOf, portsOf, sessionPort } from "./engine.js";
import { MiteError, STATUS } from "./errors.js";
import { parseMetadata } from "./metadata.js";
import { receiveModel } from "./receive.js";
import { generator } from "./self-test.js";
import { kindOfBytes } from "./sniff.js";
import { bytesOf, openSource } from "./source.js";
import { dtypeOfCode, elementsOf, halfToNumber, tensorFor, types } from "./tensors.js";

/** @typedef {import("../convert.d.ts").DiffOptions} DiffOptions */
/** @typedef {import("../convert.d.ts").LayerDifference} LayerDifference */
/** @typedef {import("../mite.d.ts").Port} Port */
/** @typedef {import("../mite.d.ts").TensorInput} TensorInput */

const VALUE_WORDS = 16; // see inspect_value in convert/wasm.c

/**
 * A result of a node as real numbers, dense.
 * @typedef {object} Layer
 * @property {string} name
 * @property {string} op
 * @property {readonly number[]} shape
 * @property {Float64Array} values
 */

/**
 * @param {ArrayBuffer | ArrayBufferView} a
 * @param {ArrayBuffer | ArrayBufferView} b
 * @param {DiffOptions} [options]
 * @returns {Promise<import("../convert.d.ts").Difference>}
 */
export async function diff(a, b, options = {}) {
  const first = await trace(a, options);
  const second = await trace(b, options);
  const layers = [];
  for (const [name, layer] of second.layers) {
    const other = first.layers.get(name);
    // Nodes that were made for one of the source's may have its name, too.
    if (other && inOrderOf(layer.shape, other)) layers.push(compare(other, layer));
  }
  const outputs = second.outputs.map((y) => {
    const x = first.outputs.find(({ name }) => name === y.name) ?? first.layers.get(y.name);
    if (x) return compare(x, y);
    const { name } = y;
    throw new MiteError("argument", `only one of the two models has the output '${name}'`);
  });
  return { layers, outputs };
}

/**
 * A .mite file; of a source, one that computes what it does with nothing simplified.
 * @param {ArrayBuffer | ArrayBufferView} source
 * @param {Pick<DiffOptions, "inputShapes" | "files" | "wasm">} options
 * @returns {Promise<Uint8Array>}
 */
export async function asRead(source, { inputShapes, files, wasm }) {
  const bytes = bytesOf(source);
  if (!bytes) throw new MiteError("argument", "diff() wants the bytes of two model files");
  if (kindOfBytes(bytes) === "a .mite file") return bytes;
  return (await convert(bytes, { inputShapes, files, optimise: false, selfTest: false, wasm })).bytes;
}

/**
 * Runs a model, converted as it is read if it is none of ours, and keeps every result.
 * @param {ArrayBuffer | ArrayBufferView} source
 * @param {DiffOptions} options
 * @returns {Promise<{ layers: Map<string, Layer>, outputs: Layer[] }>}
 */
async function trace(source, options) {
  const { inputs = {}, seed = 1, wasm: from } = options;
  const file = await asRead(source, options);
  const wasm = await newConverter(await compileConverter(from));
  const model = await receiveModel(wasm, await openSource(file), {});
  const session = newSession(wasm, model, 1);
  const { calls } = wasm;
  fillInputs(wasm, session, portsOf(wasm, model, false), inputs, seed);
  const ops = nodesOf(wasm, session).map(({ op }) => op);
  /** @type {Map<string, Layer>} */
  const layers = new Map();
  let status = /** @type {number} */ (STATUS.more);
  for (let index = 0; status === STATUS.more; index++) {
    status = checkSession(wasm, session, calls.session_run_step(session, 0));
    for (let k = 0; k < calls.inspect_output_count(session, index); k++) {
      const layer = layerAt(wasm, session, index, k, ops[index]);
      layers.set(layer.name, layer);
    }
  }
  const json = wasm.text(calls.model_metadata(model), calls.model_metadata_bytes(model));
  const added = parseMetadata(json).explain?.classMap; // by the converter: no source has it
  const outputs = portsOf(wasm, model, true)
    .map(({ name }, index) => layers.get(name) ?? outputAt(wasm, session, index))
    .filter(({ name }) => name !== added);
  return { layers, outputs };
}

/**
 * @param {import("./convert.js").Converter} wasm
 * @param {number} session
 * @param {Port[]} ports
 * @param {Readonly<Record<string, TensorInput>>} inputs
 * @param {number} seed
 */
function fillInputs(wasm, session, ports, inputs, seed) {
  const next = generator(seed);
  const tensors = ports.map((port) =>
    tensorFor(port, inputs[port.name] ?? randomTensor(port, next)),
  );
  tensors.forEach(({ shape }, index) =>
    wasm.borrow(4 * shape.length + 4, (address) => {
      new Int32Array(wasm.memory.buffer, address, shape.length).set(shape);
      const status = wasm.calls.session_resize(session, index, shape.length, address);
      checkSession(wasm, session, status);
    }),
  );
  checkSession(wasm, session, wasm.calls.session_plan(session));
  tensors.forEach(({ data: { buffer, byteOffset, byteLength } }, index) => {
    const { address } = sessionPort(wasm, session, false, index);
    wasm.bytes.set(new Uint8Array(buffer, byteOffset, byteLength), address);
  });
}

/**
 * Reals in [-1, 1), bytes over their range, other integers 0 or 1, which are legal indices in most
 * models; open dimensions are 1.
 * @param {Port} port
 * @param {() => number} next
 */
function randomTensor({ name, dtype, shape: given }, next) {
  if (dtype === "f16") {
    throw new MiteError("argument", `input '${name}' is f16, which has no random numbers; give it`);
  }
  const shape = given.map((size) => (size < 0 ? 1 : size));
  const { range } = types[dtype];
  const byte = dtype === "u8" || dtype === "i8";
  const data = Array.from({ length: elementsOf(shape) }, () => {
    if (!range) return 2 * next() - 1;
    return byte ? Math.floor(range[0] + 256 * next()) : Math.floor(2 * next());
  });
  return { data, shape };
}

/**
 * @param {import("./convert.js").Converter} wasm
 * @param {number} session
 * @param {number} index
 * @param {number} output
 * @param {string} op
 * @returns {Layer}
 */
function layerAt(wasm, session, index, output, op) {
  return wasm.borrow(4 * VALUE_WORDS, (record) => {
    wasm.calls.inspect_value(session, index, output, record);
    const words = new Int32Array(wasm.memory.buffer, record, VALUE_WORDS);
    const [name, data, code, rank] = words;
    const shape = Array.from(words.subarray(4, 4 + Math.max(0, rank)));
    const scale = new Float32Array(wasm.memory.buffer, record + 48, 1)[0];
    const [zeroPoint, row, image] = words.subarray(13);
    const dtype = dtypeOfCode(code);
    const { array } = types[dtype];
    const size = array.BYTES_PER_ELEMENT;
    const values = new Float64Array(elementsOf(shape));
    const dense = shape.slice(1).reduce((product, n) => product * n, 1);
    const lines = rank === 4 ? shape[0] * shape[1] : 1;
    const length = lines ? values.length / lines : 0;
    for (let line = 0; line < lines && length; line++) {
      const [y, n] = rank === 4 ? [line % shape[1], Math.floor(line / shape[1])] : [0, 0];
      const at = n * (image || dense) + y * (row || length);
      const bytes = wasm.slice((data >>> 0) + at * size, length * size);
      values.set(realsOf(dtype, new array(bytes.buffer), { scale, zeroPoint }), line * length);
    }
    return { name: wasm.text(name >>> 0), op, shape, values };
  });
}

/**
 * An output that no node gives: a constant, or an input handed back.
 * @param {import("./convert.js").Converter} wasm
 * @param {number} session
 * @param {number} index
 * @returns {Layer}
 */
function outputAt(wasm, session, index) {
  const { name, dtype, shape, quantization, address, bytes } = sessionPort(wasm, session, true, index);
  const stored = new types[dtype].array(wasm.slice(address, bytes).buffer);
  return { name, op: "output", shape, values: realsOf(dtype, stored, quantization) };
}

/**
 * @param {import("../mite.d.ts").DType} dtype
 * @param {ArrayLike<number | bigint>} stored
 * @param {{ scale: number, zeroPoint: number }} [quantization] none, too, with a scale of 0
 */
function realsOf(dtype, stored, { scale, zeroPoint } = { scale: 0, zeroPoint: 0 }) {
  return Float64Array.from(stored, (element) => {
    const number = dtype === "f16" ? halfToNumber(Number(element)) : Number(element);
    return scale ? scale * (number - zeroPoint) : number;
  });
}

/**
 * @param {Layer} a
 * @param {Layer} b
 * @returns {LayerDifference}
 */
function compare(a, b) {
  const other = inOrderOf(b.shape, a);
  const { name, op, shape } = b;
  if (!other) return { name, op, shape, largest: Infinity, of: 0, cosine: 0 };
  let [largest, of, ab, aa, bb] = [0, 0, 0, 0, 0];
  b.values.forEach((y, i) => {
    const x = other[i];
    const difference = Object.is(x, y) || x === y ? 0 : Math.abs(x - y);
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Infinity : difference;
    of = Math.max(of, Math.abs(x) || 0);
    ab += x * y;
    aa += x * x;
    bb += y * y;
  });
  return { name, op, shape, largest, of, cosine: aa && bb ? ab / Math.sqrt(aa * bb) : 1 };
}

/**
 * The layer's values in the order that `shape` wants: as they are, or where one is a picture [N,C,H,W]
 * and the other [N,H,W,C], turned round. Undefined where the shapes are of different values.
 * @param {readonly number[]} shape
 * @param {Layer} layer
 */
function inOrderOf(shape, { shape: own, values }) {
  if (String(shape) === String(own)) return values;
  if (shape.length !== 4 || own.length !== 4) return undefined;
  for (const perm of [
    [0, 2, 3, 1],
    [0, 3, 1, 2],
  ]) {
    if (!perm.every((from, i) => own[from] === shape[i])) continue;
    const strides = own.map((_, i) => own.slice(i + 1).reduce((product, n) => product * n, 1));
    const turned = new Float64Array(values.length);
    let at = 0;
    for (let i = 0; i < shape[0]; i++)
      {for (let j = 0; j < shape[1]; j++)
        {for (let k = 0; k < shape[2]; k++)
          {for (let l = 0; l < shape[3]; l++)
            {turned[at++] =
              values[
                i * strides[perm[0]] + j * strides[perm[1]] + k * strides[perm[2]] + l * strides[perm[3]]
              ];}}}}
    return turned;
  }
  return undefined;
}
