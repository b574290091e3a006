// SPDX-License-Identifier: Apache-2.0
// Binds the converter's module; ../convert.d.ts documents the exports.
import { compileRuntime, compileSide } from "./compile.js";
import { LocalEngine, checkSession, nodesOf, portsOf, sessionPort } from "./engine.js";
import { MiteError, errorOfStatus } from "./errors.js";
import { parseMetadata } from "./metadata.js";
import { confidenceStatistics, inputStatistics } from "./metrics/calibrate.js";
import { classesOf, topProbability } from "./metrics/confidence.js";
import { isNode, nodeModule } from "./platform.js";
import { receiveModel } from "./receive.js";
import { samplesOf, seededInputs } from "./self-test.js";
import { bytesOf, openSource } from "./source.js";
import { dtypeOfCode, elementsOf, tensorFor } from "./tensors.js";
import { tfliteLabels } from "./tflite-labels.js";
import { hexOf, instantiate } from "./wasm.js";

export { asRead, diff } from "./diff.js";

/** @typedef {import("../convert.d.ts").ConvertOptions} ConvertOptions */
/** @typedef {import("../convert.d.ts").Example} Example */
/** @typedef {NonNullable<import("../convert.d.ts").ConvertOptions["files"]>} Files */
/** @typedef {import("../convert.d.ts").SourcePort} SourcePort */
/** @typedef {import("../convert.d.ts").StatisticsExample} StatisticsExample */
/** @typedef {import("../mite.d.ts").Metadata} Metadata */
/** @typedef {import("./compile.js").Compiled} Compiled */
/** @typedef {import("../mite.d.ts").Port} Port */
/** @typedef {import("./wasm.js").Wasm & { calls: Record<string, import("./wasm.js").Call> }} Converter */

const exports = /** @type {const} */ ({
  convert_new: "size",
  convert_free: "nothing",
  convert_read: "status",
  convert_error: "size",
  convert_warnings: "size",
  convert_format: "size",
  convert_port_count: "size",
  convert_port: "nothing",
  convert_quantize: "status",
  convert_write: "status",
  convert_check: "status",
  inspect_new: "size",
  inspect_step: "nothing",
  inspect_output_count: "size",
  inspect_value: "nothing",
});

const MAX_RANK = 8;
const MAX_GRAPH_BYTES = 3 * 2 ** 30;
const SHAPE_BYTES = 4 * (2 + MAX_RANK); // mite_import_shape
const SELF_TEST_SEED = 1;

/**
 * The simd core with all operators and the converter: numbers that it computes do not depend on the
 * engine's relaxed instructions.
 * @param {ConvertOptions["wasm"]} [wasm]
 * @returns {Promise<Compiled>}
 */
export async function compileConverter(wasm) {
  const [core, ...sides] = await Promise.all([
    compileRuntime(wasm, { build: "simd" }),
    compileSide("more", wasm),
    compileSide("convert", wasm),
  ]);
  return { ...core, sides, whole: true };
}

/** Node's, which is many times faster than C; a page's own takes no calls that wait for it. */
const createHash = isNode ? nodeModule("node:crypto").createHash : undefined;

/**
 * @param {Compiled} compiled
 * @param {Files} [files]
 */
export async function newConverter({ module, sides }, files) {
  /** @type {Record<string, import("./wasm.js").Call>} */
  const imports = {
    read_beside: (name, offset, to, bytes) => {
      const part = partOf(files, wasm.text(name >>> 0), offset, bytes >>> 0);
      if (part?.byteLength !== bytes >>> 0) return 0;
      wasm.bytes.set(part, to >>> 0);
      return 1;
    },
    sha256: (data, bytes, to) => {
      if (!createHash) return 0;
      const part = wasm.bytes.subarray(data >>> 0, (data >>> 0) + (bytes >>> 0));
      wasm.bytes.set(createHash("sha256").update(part).digest(), to >>> 0);
      return 1;
    },
  };
  const wasm = /** @type {Converter} */ (await instantiate(module, { sides, more: exports, imports }));
  return wasm;
}

/**
 * Bytes of a file that lies beside the source.
 * @param {Files | undefined} files
 * @param {string} name
 * @param {number} offset
 * @param {number} bytes
 * @returns {Uint8Array | undefined}
 */
function partOf(files, name, offset, bytes) {
  if (typeof files === "function") return files(name, offset, bytes);
  const file = files && Object.hasOwn(files, name) ? bytesOf(files[name]) : undefined;
  return file?.subarray(offset, offset + bytes);
}

/**
 * @param {ArrayBuffer | ArrayBufferView} source
 * @param {ConvertOptions} [options]
 * @returns {Promise<import("../convert.d.ts").Converted>}
 */
export async function convert(source, options = {}) {
  const bytes = bytesOf(source);
  if (!bytes) throw new MiteError("argument", "convert() wants the bytes of a model file");
  const compiled = await compileConverter(options.wasm);
  const conversion = new Conversion(await newConverter(compiled, options.files), options);
  conversion.read(bytes);
  const examples = await options.examples?.(conversion.ports(false));
  const samples = conversion.put(examples ?? []);
  if (examples) conversion.quantize(samples);
  const difference = options.check ? conversion.check(bytes, samples) : undefined;
  conversion.release(samples);
  const format = conversion.text("convert_format");
  const labels =
    format === "tflite" && !options.metadata?.labels
      ? await tfliteLabels(bytes, conversion.ports(true))
      : undefined;
  const metadata = {
    ...(labels && { labels }),
    ...options.metadata,
    ...(options.classMap && classMapMetadata(options.metadata, conversion.ports(true))),
    provenance: {
      ...options.metadata?.provenance,
      source: {
        format,
        sha256: conversion.sha256(bytes),
        bytes: bytes.length,
      },
      ...(examples && { quantization: conversion.quantization }),
    },
  };
  // Self-test and statistics are what this module computes from the finished file, so the file is
  // written twice: first to be run, then with what came out.
  const { statistics = true } = options;
  const examplesFor = typeof statistics === "function" ? statistics : () => (statistics && examples) || [];
  const outputs = conversion.ports(true);
  const isLarge = outputs.some(({ shape }) => Math.abs(shape.reduce((a, b) => a * b, 1)) > MOST_TESTED);
  const hasTest = options.selfTest !== false && !isLarge;
  const runs = hasTest || typeof statistics === "function" || (statistics && examples?.length);
  const wish = { metadata, hasTest, examplesFor };
  const more = runs && (await whatRunsTell(compiled, conversion.write(metadata), wish));
  return {
    bytes: conversion.write({ ...metadata, ...more }),
    format,
    inputs: conversion.ports(false),
    outputs,
    warnings: conversion.text("convert_warnings").split("\n").filter(Boolean),
    ...(difference && { difference }),
  };
}

const CLASS_MAP = "class_map"; // MITE_CLASS_MAP
const MOST_TESTED = 2 ** 25; // elements of an output; holding more several times over takes a gigabyte

/**
 * With the map there is more than one output, so the classes' own must be named.
 * @param {Metadata | undefined} metadata
 * @param {readonly SourcePort[]} outputs
 */
function classMapMetadata({ postprocess } = {}, outputs) {
  const others = outputs.filter(({ name }) => name !== CLASS_MAP);
  const named = postprocess && others.length === 1 && { output: others[0].name, ...postprocess };
  return { explain: { classMap: CLASS_MAP }, ...(named && { postprocess: named }) };
}

/** @typedef {{ list: number, count: number, addresses: number[] }} Samples */

/** One source on its way; its instance goes with it. */
class Conversion {
  #wasm;
  #handle;
  quantization = {};

  /**
   * @param {Converter} wasm
   * @param {ConvertOptions} options
   */
  constructor(wasm, options) {
    this.#wasm = wasm;
    const shapes = Object.entries(options.inputShapes ?? {});
    const records = wasm.alloc(SHAPE_BYTES * shapes.length + 4);
    shapes.forEach(([name, shape], i) => this.#putShape(records + SHAPE_BYTES * i, name, shape));
    this.#handle = wasm.calls.convert_new(
      options.maxBytes ?? MAX_GRAPH_BYTES,
      Number(Boolean(options.examples)),
      records,
      shapes.length,
      Number(options.optimise === false),
      Number(Boolean(options.classMap)),
    );
    if (!this.#handle) throw new MiteError("memory", "there is no memory to begin a conversion");
  }

  /**
   * @param {number} record
   * @param {string} name
   * @param {readonly number[]} shape
   */
  #putShape(record, name, shape) {
    if (shape.length > MAX_RANK || !shape.every((n) => Number.isInteger(n) && n >= 0)) {
      throw new MiteError("argument", `[${shape}] is no shape for input '${name}'`);
    }
    const text = new TextEncoder().encode(`${name}\0`);
    const at = this.#wasm.alloc(text.length);
    this.#wasm.bytes.set(text, at);
    const words = new Int32Array(this.#wasm.memory.buffer, record, SHAPE_BYTES / 4);
    words.set([at, shape.length, ...shape]);
  }

  /** @param {number} status */
  #check(status) {
    if (status < 0) throw errorOfStatus(status, this.text("convert_error"));
  }

  /** @param {"convert_error" | "convert_warnings" | "convert_format"} call */
  text(call) {
    return this.#wasm.text(this.#wasm.calls[call](this.#handle));
  }

  /** @param {Uint8Array} bytes */
  read(bytes) {
    this.#wasm.borrow(bytes.length + 1, (at) => {
      this.#wasm.bytes.set(bytes, at);
      this.#check(this.#wasm.calls.convert_read(this.#handle, at, bytes.length));
    });
  }

  /** @param {Uint8Array} bytes */
  sha256(bytes) {
    return this.#wasm.borrow(bytes.length + 32, (at) => {
      this.#wasm.bytes.set(bytes, at + 32);
      this.#wasm.calls.sha256(at + 32, bytes.length, at);
      return hexOf(this.#wasm.slice(at, 32));
    });
  }

  /**
   * @param {boolean} areOutputs
   * @returns {SourcePort[]}
   */
  ports(areOutputs) {
    const { calls } = this.#wasm;
    const count = calls.convert_port_count(this.#handle, Number(areOutputs));
    return this.#wasm.borrow(44, (record) =>
      Array.from({ length: count }, (_, index) => {
        calls.convert_port(this.#handle, Number(areOutputs), index, record);
        const words = new Int32Array(this.#wasm.memory.buffer, record, 11);
        const [name, code, rank, ...shape] = words;
        return {
          name: this.#wasm.text(name),
          dtype: dtypeOfCode(code),
          shape: shape.slice(0, rank),
        };
      }),
    );
  }

  /**
   * Examples in the module's memory: the address of a list of their values, input after input.
   * @param {readonly Example[]} examples
   * @returns {Samples}
   */
  put(examples) {
    const ports = this.ports(false);
    const addresses = examples.flatMap((example, i) =>
      ports.map(({ name, shape }) => {
        const values = example[name];
        if (!(values instanceof Float32Array) || values.length !== elementsOf(shape)) {
          throw new MiteError(
            "argument",
            `example ${i + 1} has no f32 [${shape}] for input '${name}'`,
          );
        }
        const at = this.#wasm.alloc(values.byteLength);
        this.#wasm.bytes.set(
          new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
          at,
        );
        return at;
      }),
    );
    const list = this.#wasm.alloc(4 * addresses.length + 4);
    new Uint32Array(this.#wasm.memory.buffer, list, addresses.length).set(addresses);
    return { list, count: examples.length, addresses: [...addresses, list] };
  }

  /** @param {Samples} samples */
  release({ addresses }) {
    for (const address of addresses) this.#wasm.calls.release(address);
  }

  /** @param {Samples} samples */
  quantize({ list, count }) {
    this.#check(this.#wasm.calls.convert_quantize(this.#handle, list, count, 0));
    this.quantization = {
      scheme:
        "int8: u8 activations per tensor, or per row in dense layers over many, " +
        "i8 weights per channel, pair-safe",
      examples: count,
    };
  }

  /**
   * On the samples, or where there are none on random numbers.
   * @param {Uint8Array} bytes
   * @param {Samples} samples
   */
  check(bytes, { list, count }) {
    return this.#wasm.borrow(bytes.length + 16, (at) => {
      this.#wasm.bytes.set(bytes, at + 16);
      const { calls } = this.#wasm;
      this.#check(calls.convert_check(this.#handle, at + 16, bytes.length, list, count, at));
      const view = new DataView(this.#wasm.memory.buffer, at, 16);
      return { largest: view.getFloat64(0, true), of: view.getFloat64(8, true) };
    });
  }

  /** @param {Metadata} metadata */
  write(metadata) {
    const json = new TextEncoder().encode(JSON.stringify(metadata));
    return this.#wasm.borrow(json.length + 8, (at) => {
      this.#wasm.bytes.set(json, at + 8);
      this.#check(this.#wasm.calls.convert_write(this.#handle, at + 8, json.length, at));
      const [address, length] = [this.#wasm.u32(at), this.#wasm.u32(at + 4)];
      const file = this.#wasm.slice(address, length);
      this.#wasm.calls.release(address);
      return file;
    });
  }
}

/**
 * What running the file tells: its self-test, if it is to have one, and the statistics of examples.
 * @param {Compiled} compiled
 * @param {Uint8Array} file
 * @param {object} wish
 * @param {Metadata} wish.metadata
 * @param {boolean} wish.hasTest
 * @param {Exclude<ConvertOptions["statistics"], boolean | undefined>} wish.examplesFor
 * @returns {Promise<Pick<Metadata, "selfTest" | "statistics">>}
 */
async function whatRunsTell(compiled, file, { metadata, hasTest, examplesFor }) {
  const source = await openSource(file);
  const runtime = { ...compiled, sides: compiled.sides?.slice(0, 1) }; // without the converter
  const engine = await LocalEngine.create({ compiled: runtime, source, threads: 1 });
  try {
    const test = hasTest && (await selfTest(engine, metadata));
    const examples = await examplesFor(engine.description.inputs);
    const statistics = examples.length > 0 && (await statisticsOf(engine, metadata, examples));
    return { ...(test && { selfTest: test }), ...(statistics && { statistics }) };
  } finally {
    engine.dispose();
  }
}

/**
 * The self-test of a model, by running it; undefined for models whose inputs a generator cannot
 * fill sensibly (indices, for example).
 * @param {LocalEngine} engine
 * @param {Metadata} metadata
 * @returns {Promise<import("../mite.d.ts").SelfTest | undefined>}
 */
async function selfTest(engine, { preprocess }) {
  const { inputs, outputs } = engine.description;
  if (inputs.some(({ dtype }) => dtype !== "f32" && dtype !== "u8")) return undefined;
  // Where inputs are pictures, noise over their own range.
  const low = preprocess ? -1 : 0;
  const test = { seed: SELF_TEST_SEED, low, high: 1 };
  const record = seededInputs(inputs, test);
  const tensors = inputs.map((port) => tensorFor(port, record[port.name]));
  // What is open may not be 1 in every model; then there is no test.
  const open = inputs.some(({ shape }) => shape.includes(-1));
  const result = await engine.run(tensors).catch((error) => {
    if (open) return undefined;
    throw error;
  });
  if (!result) return undefined;
  const expected = Object.fromEntries(
    outputs.map(({ name, dtype }, i) => [name, samplesOf({ ...result.outputs[i], dtype })]),
  );
  const largest = Math.max(...Object.values(expected).flat().map(Math.abs), 1e-3);
  if (!Number.isFinite(largest)) return undefined;
  // f32 builds may differ by fused multiply-add; integer ones do not.
  return { ...test, expected, tolerance: Number((1e-3 * Math.max(1, largest)).toPrecision(2)) };
}

/**
 * @param {LocalEngine} engine
 * @param {Metadata} metadata
 * @param {readonly StatisticsExample[]} examples
 * @returns {Promise<import("../mite.d.ts").Statistics>}
 */
async function statisticsOf(engine, metadata, examples) {
  const { inputs, outputs } = engine.description;
  const tensors = examples.map((example, i) =>
    inputs.map((port) => {
      if (Object.hasOwn(example, port.name)) return tensorFor(port, example[port.name]);
      throw new MiteError("argument", `example ${i + 1} for statistics has no input '${port.name}'`);
    }),
  );
  const classes = classesOf({ outputs, metadata });
  /** @type {number[]} */
  const tops = [];
  for (const example of classes ? tensors : []) {
    const { port, kind, index } = /** @type {NonNullable<typeof classes>} */ (classes);
    const [{ data }] = (await engine.run(example, undefined, [index])).outputs;
    tops.push(topProbability(data, port, kind));
  }
  return {
    examples: examples.length,
    inputs: inputStatistics(inputs, tensors, metadata),
    ...(tops.length > 0 && { confidence: confidenceStatistics(tops) }),
  };
}

/**
 * @param {ArrayBuffer | ArrayBufferView} file
 * @param {Pick<ConvertOptions, "wasm">} [options]
 * @returns {Promise<import("../convert.d.ts").Description>}
 */
export async function describe(file, { wasm: from } = {}) {
  const wasm = await newConverter(await compileConverter(from));
  const model = await receiveModel(wasm, await openSource(file), {});
  const { calls } = wasm;
  const session = calls.inspect_new(model);
  if (!session) throw new MiteError("memory", "there is no memory to look into the model");
  const inputs = portsOf(wasm, model, false);
  // A session that could not be made says why when it is run.
  if (wasm.text(calls.session_error(session))) {
    checkSession(wasm, session, calls.session_run(session));
  }
  // What bodies compute is known after a run, if the model goes through it on zeros.
  if (nodesOf(wasm, session).some(({ op }) => op === "if" || op === "loop" || op === "scan")) {
    inputs.forEach((_, index) => clearInput(wasm, session, index));
    calls.session_run(session);
  }
  const nodes = nodesOf(wasm, session).map(({ name, op, kernel, macs }, index) =>
    wasm.borrow(52, (record) => {
      calls.inspect_step(session, index, record);
      const [code, rank, ...words] = new Int32Array(wasm.memory.buffer, record, 13);
      const shape = words.slice(0, Math.max(0, rank)); // -1: only a run tells
      const [weightBytes, bytes] = words.slice(9);
      return { name, op, kernel, dtype: dtypeOfCode(code), shape, macs, weightBytes, bytes };
    }),
  );
  return {
    id: hexOf(wasm.slice(calls.model_id(model), 32)),
    fileBytes: calls.model_file_bytes(model),
    arenaBytes: calls.session_arena_bytes(session),
    inputs,
    outputs: portsOf(wasm, model, true),
    metadata: parseMetadata(
      wasm.text(calls.model_metadata(model), calls.model_metadata_bytes(model)),
    ),
    nodes,
  };
}

/**
 * @param {Converter} wasm
 * @param {number} session
 * @param {number} index
 */
function clearInput(wasm, session, index) {
  const { address, bytes } = sessionPort(wasm, session, false, index);
  wasm.bytes.fill(0, address, address + bytes);
}
