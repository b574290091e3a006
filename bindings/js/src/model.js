// SPDX-License-Identifier: Apache-2.0
// The model as callers see it: checks what they give, queues their calls, ranks classes.
import { disposedError } from "./engine.js";
import { MiteError, messageOf } from "./errors.js";
import { newJournal } from "./journal.js";
import { parseMetadata, pictureSpec, portNamed } from "./metadata.js";
import { closePicture, portablePicture } from "./picture.js";
import { untilAborted } from "./platform.js";
import { runSelfTest } from "./self-test.js";
import { isTensor, tensorFor } from "./tensors.js";

/** @typedef {import("../mite.d.ts").Classification} Classification */
/** @typedef {import("../mite.d.ts").ClassifyOptions} ClassifyOptions */
/** @typedef {import("../mite.d.ts").ImageInput} ImageInput */
/** @typedef {import("../mite.d.ts").Model} PublicModel */
/** @typedef {import("../mite.d.ts").RunOptions} RunOptions */
/** @typedef {import("../mite.d.ts").Tensor} Tensor */
/** @typedef {import("../mite.d.ts").TensorInput} TensorInput */
/** @typedef {import("./engine.js").Data} Data */
/** @typedef {import("./engine.js").Engine} Engine */
/** @typedef {import("./engine.js").Input} Input */

/** apart: from what the page asks of the model.
 * @typedef {RunOptions & { apart?: boolean }} OwnOptions */

/** @implements {PublicModel} */
export class Model {
  #engine;
  #disposed = false;
  #lastHeld = 0;
  #calls = 0; // under way or waiting
  /** @type {Promise<unknown>} Settles when the last of them is done. */
  #idle = Promise.resolve();

  /**
   * @param {Engine} engine
   * @param {import("./journal.js").LoadNotes} notes
   */
  constructor(engine, notes) {
    this.#engine = engine;
    this.journal = newJournal(notes); // no part of the interface: another bundle of the package reads it
    const { inputs, outputs, metadata, id } = engine.description;
    this.inputs = inputs;
    this.outputs = outputs;
    this.metadata = parseMetadata(metadata);
    this.id = id;
  }

  get runtime() {
    return this.#engine.description.runtime;
  }

  /**
   * @template {TensorInput | Readonly<Record<string, TensorInput>>} I
   * @param {I} input
   * @param {RunOptions} [options]
   * @returns {Promise<any>} a tensor for a tensor, a record for a record
   */
  async run(input, options = {}) {
    const alone = isTensor(input);
    const [output, another] = options.outputs ?? this.#usualOutputs;
    if (alone && (this.inputs.length !== 1 || another !== undefined)) {
      throw new MiteError(
        "argument",
        `this model has inputs ${names(this.inputs)} and outputs ${names(this.outputs)}; give run() a record of inputs by name`,
      );
    }
    const tensors = await this.#runRecord(
      alone ? { [this.inputs[0].name]: input } : input,
      options,
    );
    return alone ? tensors[output] : tensors;
  }

  /**
   * @param {Readonly<Record<string, TensorInput>>} record
   * @param {OwnOptions} options
   */
  async #runRecord(record, { signal, transfer, outputs: wanted, apart }) {
    if (record === null || typeof record !== "object") {
      throw new MiteError(
        "argument",
        `run() was given ${String(record)}; give it a tensor, or a record of tensors by input name`,
      );
    }
    const unknown = Object.keys(record).find(
      (key) => !this.inputs.some(({ name }) => name === key),
    );
    if (unknown !== undefined) {
      throw new MiteError(
        "argument",
        `the model has no input '${unknown}'; it has ${names(this.inputs)}`,
      );
    }
    const indices = this.#indicesOf(wanted);
    const data = this.inputs.map((port) => {
      if (Object.hasOwn(record, port.name)) return tensorFor(port, record[port.name]);
      throw new MiteError(
        "argument",
        `input '${port.name}' is missing; the model has ${names(this.inputs)}`,
      );
    });
    // What is the caller's may change as soon as this returns, and what a worker is sent is moved.
    const copy = this.runtime.worker || this.#calls > 0;
    const taken = takenTensors(data, transfer, copy);
    const { outputs } = await this.#compute(taken, indices, { apart }, signal);
    return this.#named(outputs, indices);
  }

  /** All but the class map, which only explanations need. */
  get #usualOutputs() {
    const extra = this.metadata.explain?.classMap;
    return this.outputs.map(({ name }) => name).filter((name) => name !== extra);
  }

  /**
   * @param {readonly string[]} [wanted]
   * @returns {number[]} of these outputs
   */
  #indicesOf(wanted = this.#usualOutputs) {
    return wanted.map((name) => {
      const index = this.outputs.findIndex((port) => port.name === name);
      if (index >= 0) return index;
      throw new MiteError(
        "argument",
        `the model has no output '${name}'; it has ${names(this.outputs)}`,
      );
    });
  }

  /**
   * @param {import("./engine.js").Elements[]} elements
   * @param {number[]} indices of the outputs that they are
   */
  #named(elements, indices) {
    /** @type {Record<string, Tensor>} */
    const tensors = {};
    indices.forEach((index, i) => {
      const { name, dtype } = this.outputs[index];
      tensors[name] = { ...elements[i], dtype };
    });
    return tensors;
  }

  /**
   * @param {ImageInput} image
   * @param {import("../mite.d.ts").ImageOptions} [options]
   * @returns {Promise<import("../mite.d.ts").ImageRun>}
   */
  async runImage(image, options = {}) {
    return this.#runImage(image, options);
  }

  /**
   * @param {ImageInput} image
   * @param {import("../mite.d.ts").ImageOptions} [options]
   * @returns {Promise<import("../mite.d.ts").HeldImage>}
   */
  async holdImage(image, options = {}) {
    const held = ++this.#lastHeld;
    const first = await this.#runImage(image, options, held);
    return {
      ...first,
      run: async (mask, { signal, outputs: wanted } = {}) => {
        const indices = this.#indicesOf(wanted);
        const { outputs, ms } = await this.#compute([{ held, mask }], indices, { apart: true }, signal);
        return { outputs: this.#named(outputs, indices), ms };
      },
      release: () => void this.#enqueue(() => this.#engine.letGo(held)).catch(() => {}),
    };
  }

  /**
   * @param {ImageInput} image
   * @param {import("../mite.d.ts").ImageOptions} options
   * @param {number} [hold]
   * @param {boolean} [ranked] the caller ranks the classes
   * @returns {Promise<import("../mite.d.ts").ImageRun>}
   */
  async #runImage(image, { preprocess = this.metadata.preprocess, ...options }, hold, ranked) {
    const { signal, transfer } = options;
    if (!preprocess || this.inputs.length !== 1) {
      throw new MiteError(
        "unsupported",
        "this model does not say how it takes pictures (metadata.preprocess); pass { preprocess }, or use run()",
      );
    }
    const input = portNamed(this.inputs, preprocess.input, "preprocess.input");
    const spec = pictureSpec(preprocess, this.inputs[input]);
    const indices = this.#indicesOf(options.outputs);
    const begin = performance.now();
    const picture = await portablePicture(moved(image, transfer), signal);
    const fetched = performance.now() - begin;
    const ours = !!transfer?.length || picture !== image;
    const { outputs, ms, seen } = await this.#compute(
      [{ picture, spec, ours, hold }],
      indices,
      { ranked },
      signal,
      begin,
      () => ours && closePicture(picture),
    );
    return {
      outputs: this.#named(outputs, indices),
      picture: /** @type {import("../mite.d.ts").SeenPicture} */ (seen),
      ms: { ...ms, decode: fetched + ms.decode },
    };
  }

  /**
   * @param {ImageInput} image
   * @param {ClassifyOptions} [options]
   * @returns {Promise<Classification>}
   */
  async classify(image, { topK = 5, ...options } = {}) {
    const { preprocess, postprocess, labels } = this.metadata;
    const kind = postprocess?.kind;
    if (!preprocess || (kind !== "logits" && kind !== "probabilities")) {
      throw new MiteError(
        "unsupported",
        "this model does not say how it classifies pictures (metadata.preprocess and postprocess); use run()",
      );
    }
    if (!(Number.isInteger(topK) && topK > 0)) {
      throw new MiteError("argument", `topK must be a whole number above 0, but is ${topK}`);
    }
    const output = this.outputs[portNamed(this.outputs, postprocess?.output, "postprocess.output")];
    const wanted = { ...options, outputs: [output.name] };
    const { outputs, ms } = await this.#runImage(image, wanted, undefined, true);
    const probabilities = probabilitiesOf(outputs[output.name].data, output, kind);
    const top = ranked(probabilities, topK).map((index) => ({
      index,
      label: labels?.[index] ?? `class ${index}`,
      probability: probabilities[index],
    }));
    this.journal.add({ top: top[0]?.probability });
    return { top, ms };
  }

  profile() {
    return this.#enqueue(() => this.#engine.profile());
  }

  /** @param {RunOptions} [options] */
  async selfTest(options) {
    const outputs = this.outputs.map(({ name }) => name);
    const test = await runSelfTest(this, /** @type {OwnOptions} */ ({ outputs, ...options, apart: true }));
    this.journal.add({ test });
    return test;
  }

  async metrics() {
    const { watch } = await import("./metrics.js");
    return watch(this).read();
  }

  async dispose() {
    this.#disposed = true;
    this.journal.add({ disposed: true });
    await this.#engine.dispose();
  }

  // Engines without these symbols lack `using`, too; there the methods get a name nobody calls.
  [Symbol.asyncDispose]() {
    return this.dispose();
  }

  [Symbol.dispose]() {
    this.dispose();
  }

  /**
   * Queues a run, and notes what becomes of it.
   * @param {Input[]} inputs
   * @param {number[]} indices of the outputs
   * @param {import("./journal.js").Note} note
   * @param {AbortSignal} [signal]
   * @param {number} [begin] when the caller began to wait
   * @param {() => unknown} [done] called when the engine needs the inputs no more
   */
  #compute(inputs, indices, note, signal, begin = performance.now(), done = undefined) {
    const { journal } = this;
    const look = () => (note.apart ? undefined : journal.sample?.());
    const work = () => this.#engine.run(inputs, signal, indices, look()).finally(done);
    const running = this.#enqueue(work, signal);
    running.then(
      (result) => journal.add({ ...note, ms: result.ms, call: performance.now() - begin }, result, indices),
      (error) => journal.add({ ...note, error }),
    );
    return running;
  }

  /**
   * Does `work` once the calls before it are done: at once if there are none. The caller hears of
   * an abort at once, the next call waits until the engine has really stopped.
   * @template T
   * @param {() => Promise<T>} work
   * @param {AbortSignal} [signal]
   * @returns {Promise<T>}
   */
  #enqueue(work, signal) {
    const begin = async () => {
      if (this.#disposed) throw disposedError();
      signal?.throwIfAborted();
      return work();
    };
    const done = this.#calls++ ? this.#idle.then(begin) : begin();
    this.#idle = done.catch(() => {}).finally(() => this.#calls--);
    return untilAborted(done, signal);
  }
}

/**
 * The tensors of a call: those in transferred buffers are moved, the others copied if so asked.
 * @param {import("./engine.js").Elements[]} tensors
 * @param {readonly Transferable[]} [transfer]
 * @param {boolean} [copy]
 * @returns {import("./engine.js").Elements[]}
 */
function takenTensors(tensors, transfer = [], copy = false) {
  const buffers = new Set(/** @type {readonly unknown[]} */ (transfer));
  const going = tensors.map(({ data }) => (buffers.has(data.buffer) ? data : undefined));
  const gone = moved(going, transfer);
  return tensors.map(({ data, shape }, i) => ({
    data: gone[i] ?? (copy ? copied(data) : data),
    shape,
  }));
}

/**
 * A Buffer's own slice would be no copy.
 * @param {Data} data
 * @returns {Data}
 */
function copied(data) {
  return Reflect.apply(Uint8Array.prototype.slice, data, []);
}

/**
 * The value with what `transfer` lists taken from its owner, as postMessage would.
 * @template T
 * @param {T} value
 * @param {readonly Transferable[]} [transfer]
 * @returns {T}
 */
function moved(value, transfer) {
  if (!transfer?.length) return value;
  try {
    return structuredClone(value, { transfer: [...transfer] });
  } catch (error) {
    throw new MiteError("argument", `what should be transferred cannot be: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** @param {readonly { name: string }[]} ports */
function names(ports) {
  return ports.map(({ name }) => `'${name}'`).join(", ");
}

/**
 * @param {Data} data of an output with one number a class
 * @param {import("../mite.d.ts").Port} port
 * @param {"logits" | "probabilities"} kind
 */
export function probabilitiesOf(data, port, kind) {
  const scores = realNumbers(data, port);
  return kind === "logits" ? softmax(scores) : scores;
}

/**
 * @param {Data} data
 * @param {import("../mite.d.ts").Port} port
 */
function realNumbers(data, { quantization }) {
  const { scale, zeroPoint } = quantization ?? { scale: 1, zeroPoint: 0 };
  return Float64Array.from(
    /** @type {Iterable<number>} */ (data),
    (q) => scale * (Number(q) - zeroPoint),
  );
}

/** @param {Float64Array} logits */
function softmax(logits) {
  const max = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = logits.map((x) => Math.exp(x - max));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((x) => x / sum);
}

/**
 * Indices of the `count` largest numbers, largest first; of equal ones the first comes first.
 * @param {Float64Array} numbers
 * @param {number} count
 */
function ranked(numbers, count) {
  return Array.from(numbers.keys())
    .sort((a, b) => numbers[b] - numbers[a] || a - b)
    .slice(0, count);
}
