// SPDX-License-Identifier: Apache-2.0
// An inference session as onnxruntime-web has them, around a model of mite's.
import { MiteError, load } from "../index.js";
import { ModelByShape } from "./by-shape.js";
import { Conversions } from "./conversions.js";
import { say } from "./env.js";
import { planOf } from "./options.js";
import { Profile } from "./profile.js";
import { modelSource } from "./source.js";
import { Tensor, isTensor } from "./tensor.js";
import { elementType, typeOfDtype } from "./types.js";
import { namesOf, shown } from "./words.js";

/** @typedef {import("../../ort.d.ts").SessionModel} Model */
/** @typedef {import("../../mite.d.ts").Port} Port */
/** @typedef {import("../../ort.d.ts").InferenceSession.ValueMetadata} ValueMetadata */
/** @typedef {import("./onnx.js").Declared} Declared */
/** @typedef {import("./onnx.js").DeclaredPort} DeclaredPort */
/** @typedef {import("./options.js").Plan} Plan */
/** @typedef {{ type: string, dims: readonly number[], data: any }} TensorLike */
/** @typedef {Record<string, TensorLike | null>} Fetches by output name: where the result goes, or null */

export class InferenceSession {
  /**
   * @param {Model} model
   * @param {Plan} plan
   * @param {Declared} [declared]
   */
  constructor(model, { profiling, severity, notes }, declared) {
    this.model = model;
    this.notes = notes;
    this.inputNames = model.inputs.map(({ name }) => name);
    this.outputNames = model.outputs.map(({ name }) => name);
    this.inputMetadata = model.inputs.map((port) => metadataOf(port, declared?.inputs));
    this.outputMetadata = model.outputs.map((port) => metadataOf(port, declared?.outputs));
    /** @type {Profile | undefined} */
    this.profile = profiling ? new Profile() : undefined;
    // The way that transformers.js 3 ends a session.
    this.handler = { dispose: () => this.release() };
    for (const note of notes) say(note, severity);
  }

  /**
   * @param {any} model an address, in Node also a path; bytes; a Blob
   * @param {any[]} rest options; of an ArrayBuffer, perhaps an offset and a length before them
   */
  static async create(model, ...rest) {
    const { source, converted, options } = modelSource(model, rest);
    const plan = planOf(options);
    if (converted) return new InferenceSession(await load(source, plan.load), plan);
    const { beside, fixed, optimise, load: how } = plan;
    const wasm = /** @type {string | URL | undefined} */ (how.wasm);
    const request = { model: source, beside, fixed, optimise, wasm };
    const conversions = new Conversions(request, how, (note) => {
      plan.notes.push(note);
      say(note, plan.severity);
    });
    const { model: opened, declared, warnings } = await conversions.open();
    plan.notes.push(...warnings);
    if (opened) return new InferenceSession(opened, plan, declared);
    /** @param {import("./by-shape.js").Shapes} shapes */
    const make = async (shapes) =>
      /** @type {import("../../mite.d.ts").Model} */ ((await conversions.open(shapes)).model);
    const ports = {
      inputs: (declared?.inputs ?? []).map((port) => openPort(port, fixed)),
      outputs: (declared?.outputs ?? []).map((port) => openPort(port, {})),
    };
    return new InferenceSession(new ModelByShape(ports, make), plan, declared);
  }

  /**
   * @param {Record<string, any>} feeds
   * @param {any} [fetchesOrOptions]
   * @param {any} [maybeOptions]
   * @returns {Promise<Record<string, any>>} tensors by output name
   */
  async run(feeds, fetchesOrOptions, maybeOptions) {
    const { fetches, options } = runArguments(this.model.outputs, fetchesOrOptions, maybeOptions);
    if (options.terminate) {
      throw new MiteError("argument", "the run was asked to terminate before it began (terminate: true)");
    }
    const begin = performance.now();
    const outputs = await this.model.run(inputsOf(this.model, feeds), {
      signal: options.signal,
      outputs: Object.keys(fetches),
    });
    if (this.profile) {
      this.profile.add(begin, performance.now() - begin, await this.model.profile());
    }
    /** @type {Record<string, any>} */
    const results = {};
    for (const [name, given] of Object.entries(fetches)) {
      const { data, shape, dtype } = outputs[name];
      const result = new Tensor(typeOfDtype(dtype), data, shape);
      results[name] = given ? written(given, result, name) : result;
    }
    return results;
  }

  async release() {
    await this.model.dispose();
  }

  startProfiling() {
    this.profile ??= new Profile();
  }

  /** As onnxruntime-web: to the console, for want of files. */
  endProfiling() {
    if (this.profile) console.log(JSON.stringify(this.profile));
    this.profile = undefined;
  }
}

/**
 * @param {Port} port
 * @param {readonly DeclaredPort[]} [declared]
 * @returns {ValueMetadata}
 */
function metadataOf({ name, dtype, shape }, declared) {
  const said = declared?.find((one) => one.name === name)?.dims;
  // Where mite itself knows only after a run, it has no rank.
  const dims = said && said.length !== shape.length ? said : shape;
  return {
    name,
    isTensor: true,
    type: typeOfDtype(dtype),
    shape: dims.map((size, i) => (size === -1 ? (said?.[i] ?? -1) : size)),
  };
}

/**
 * @param {DeclaredPort} declared
 * @param {Plan["fixed"]} fixed
 * @returns {Port}
 */
function openPort({ name, type, dims = [] }, fixed) {
  const shape = dims.map((dim) => (typeof dim === "number" ? dim : (fixed[dim] ?? -1)));
  return { name, dtype: elementType(type ?? "of no tensor").dtype, shape };
}

/**
 * @param {readonly Port[]} outputs
 * @param {any} first fetches or options
 * @param {any} second
 * @returns {{ fetches: Fetches, options: import("../../ort.d.ts").InferenceSession.RunOptions }}
 */
function runArguments(outputs, first, second) {
  if (isTensor(first)) {
    throw new MiteError("argument", "fetches are names of outputs, or tensors by name, and no tensor itself");
  }
  const outputNames = outputs.map(({ name }) => name);
  const isFetches =
    Array.isArray(first) ||
    outputNames.some((name) => first?.[name] === null || isTensor(first?.[name]));
  const options = (isFetches ? second : (first ?? second)) ?? {};
  if (typeof options !== "object") {
    throw new MiteError("argument", `run() was given a ${typeof options} where options were expected`);
  }
  // As in onnxruntime, an object may name what the model has not, and a list may not.
  const names = Array.isArray(first) ? first : outputNames.filter((name) => !isFetches || name in first);
  const unknown = names.find((name) => !outputNames.includes(name));
  if (unknown !== undefined || !names.length) {
    throw new MiteError(
      "argument",
      `the model has no output '${unknown ?? ""}'; it has ${namesOf(outputs)}`,
    );
  }
  const given = /** @type {Fetches} */ (isFetches && !Array.isArray(first) ? first : {});
  return { fetches: Object.fromEntries(names.map((name) => [name, given[name] ?? null])), options };
}

/**
 * What the model takes for what onnxruntime's users give; names are the model's to check.
 * @param {Model} model
 * @param {Record<string, any>} feeds
 * @returns {Parameters<Model["run"]>[0]}
 */
function inputsOf(model, feeds) {
  if (feeds === null || typeof feeds !== "object" || isTensor(feeds) || Array.isArray(feeds)) {
    throw new MiteError("argument", "feeds must be an object with a tensor for every input name");
  }
  return Object.fromEntries(
    Object.entries(feeds).map(([name, tensor]) => {
      const port = model.inputs.find((one) => one.name === name);
      if (!port) return [name, []];
      const wanted = typeOfDtype(port.dtype);
      if (!isTensor(tensor) || tensor.type !== wanted) {
        const got = isTensor(tensor) ? `one of ${tensor.type} ${shown(tensor.dims)}` : typeof tensor;
        throw new MiteError(
          "argument",
          `input '${name}' wants a tensor of ${wanted} ${shown(port.shape)}, but was given ${got}`,
        );
      }
      return [name, { data: plainData(tensor), shape: tensor.dims }];
    }),
  );
}

/** mite takes halves as their bits. @param {TensorLike} tensor */
function plainData({ type, data }) {
  return type === "float16" && data?.buffer
    ? new Uint16Array(data.buffer, data.byteOffset, data.length)
    : data;
}

/**
 * A result in the tensor that the caller has for it.
 * @param {TensorLike} given
 * @param {TensorLike} result
 * @param {string} name
 */
function written(given, result, name) {
  const same = given.type === result.type && String(given.dims) === String(result.dims);
  if (!same) {
    throw new MiteError(
      "argument",
      `output '${name}' is ${result.type} ${shown(result.dims)}, but the tensor given for it is ${given.type} ${shown(given.dims)}`,
    );
  }
  given.data.set(elementType(result.type).array.from(result.data));
  return given;
}
