// SPDX-License-Identifier: Apache-2.0
// A model on the calling thread: one WebAssembly instance, one session.
import { Crew } from "./crew.js";
import { MiteError, STATUS, errorOfStatus } from "./errors.js";
import { covered } from "./mask.js";
import { PictureReader } from "./picture.js";
import { letEventsIn } from "./platform.js";
import { receiveModel } from "./receive.js";
import { sampleOf } from "./sample.js";
import { dtypeOfCode, types } from "./tensors.js";
import { hexOf, instantiate } from "./wasm.js";

/** @typedef {import("../mite.d.ts").Data} Data */
/** @typedef {import("../mite.d.ts").NodeProfile} NodeProfile */
/** @typedef {import("../mite.d.ts").Port} Port */
/** @typedef {import("../mite.d.ts").Progress} Progress */
/** @typedef {import("./picture.js").PictureInput} PictureInput */
/** @typedef {import("./sample.js").SamplePlan} SamplePlan */
/** @typedef {import("./wasm.js").Wasm} Wasm */

/**
 * What an owner of a model may ask, here or across a worker's border (worker-client.js). Calls do
 * not overlap; all but `dispose` reject once the model is disposed or has crashed. `run` across a
 * border takes the inputs' buffers away; here it has read them when it returns.
 * @typedef {object} Engine
 * @property {Description} description
 * @property {(i: Input[], s?: AbortSignal, o?: number[], l?: SamplePlan[]) => Promise<RunResult>} run inputs,
 *   signal, the indices of the outputs to compute (all by default), and what to tell of each input
 * @property {(key: number) => Promise<unknown>} letGo of a picture that is held by that number
 * @property {() => Promise<NodeProfile[]>} profile
 * @property {() => Promise<void>} dispose
 */

/**
 * @typedef {object} Description
 * @property {Port[]} inputs
 * @property {Port[]} outputs
 * @property {string} metadata JSON
 * @property {string} id
 * @property {import("../mite.d.ts").Runtime} runtime
 */

/** @typedef {{ data: Data, shape: readonly number[] }} Elements */

/** A value for an input: its elements, or a picture and how to turn it into them, which may be held (by a
 * number), or a held one with parts covered.
 * @typedef {Elements | PictureInput | HeldInput} Input */
/** @typedef {{ held: number, mask?: import("../mite.d.ts").Mask }} HeldInput */

/** Milliseconds of each step; decode and preprocess are 0 where no picture was given.
 * @typedef {{ decode: number, preprocess: number, run: number }} Times */

/** memory: as it is after the run; seen: of the last picture among the inputs; samples: of each input.
 * @typedef {object} RunResult
 * @property {Elements[]} outputs
 * @property {Times} ms
 * @property {{ bytes: number, arenaBytes: number }} memory
 * @property {import("../mite.d.ts").SeenPicture} [seen]
 * @property {(import("./sample.js").Sample | 0)[]} [samples] */

/**
 * @typedef {object} EngineOptions
 * @property {import("./compile.js").Compiled} compiled
 * @property {import("./source.js").OpenSource} source
 * @property {number} threads
 * @property {Promise<import("./start-worker.js").Thread>[]} [helpers] where somebody else starts them
 * @property {string} [sha256]
 * @property {(progress: Progress) => void} [onProgress]
 */

const MOST_HELD = 4;
const PORT_BYTES = 60; // 15 words, see put_port in runtime/wasm.c
const NODE_BYTES = 32;
const SLICE_MS = 8; // how long an abort may go unheard, if no node takes longer

/** @implements {Engine} */
export class LocalEngine {
  #wasm;
  #session;
  #crew;
  #pictures;
  /** @type {Map<number, import("./mask.js").Prepared>} */
  #held = new Map();
  #disposed = false;
  description;

  /**
   * @param {EngineOptions} options
   * @returns {Promise<LocalEngine>}
   */
  static async create({ compiled, source, threads, helpers, sha256, onProgress }) {
    const crew = new Crew(compiled.shared ? threads - 1 : 0, helpers); // starts while the model arrives
    try {
      const wasm = await instantiate(compiled.module, compiled);
      const model = await receiveModel(wasm, source, {
        sha256,
        onProgress: (state, loaded, total) => onProgress?.({ state, loaded, total }),
      });
      const total = wasm.calls.model_file_bytes(model);
      onProgress?.({ state: "compiling", loaded: total, total });
      const session = newSession(wasm, model, 1 + (await crew.size()));
      await crew.join(wasm, compiled, session);
      const description = describeModel(wasm, model, session, compiled);
      return new LocalEngine({ wasm, session, crew, compiled, description });
    } catch (error) {
      await crew.end();
      throw error;
    }
  }

  /**
   * @param {object} parts
   * @param {Wasm} parts.wasm
   * @param {number} parts.session
   * @param {Crew} parts.crew
   * @param {import("./compile.js").Compiled} parts.compiled
   * @param {Description} parts.description
   */
  constructor({ wasm, session, crew, compiled, description }) {
    this.#wasm = wasm;
    this.#session = session;
    this.#crew = crew;
    const { shared } = compiled;
    this.#pictures = new PictureReader(compiled.module, (module) => instantiate(module, { shared }));
    this.description = description;
  }

  /**
   * @param {Input[]} inputs
   * @param {AbortSignal} [signal]
   * @param {number[]} [wanted]
   * @param {SamplePlan[]} [look]
   * @returns {Promise<RunResult>}
   */
  async run(inputs, signal, wanted = [...this.description.outputs.keys()], look) {
    this.#checkUsable(signal);
    const ms = { decode: 0, preprocess: 0, run: 0 };
    /** @type {Elements[]} */
    const tensors = [];
    /** @type {import("../mite.d.ts").SeenPicture | undefined} */
    let seen;
    for (const [index, input] of inputs.entries()) {
      const port = this.description.inputs[index];
      if ("data" in input) {
        tensors.push(input);
        continue;
      }
      if ("held" in input) {
        tensors.push(this.#heldTensor(input));
        continue;
      }
      const read = await this.#pictures.read(input, port);
      this.#checkUsable(signal);
      if (input.hold !== undefined) {
        this.#hold(input.hold, { ...read, channelsFirst: input.spec.channelsFirst });
      }
      ms.decode += read.ms.decode;
      ms.preprocess += read.ms.preprocess;
      tensors.push({ data: read.data, shape: read.shape });
      seen = read.seen;
    }
    this.#fill(tensors);
    const samples = look?.map((plan, i) => plan.step && sampleOf(tensors[i], plan));
    this.#want(wanted);
    const begin = performance.now();
    if (signal) await this.#runInSlices(signal);
    else this.#check(this.#wasm.calls.session_run(this.#session));
    ms.run = performance.now() - begin;
    const outputs = wanted.map((index) => {
      const { address, bytes, shape } = this.#port(true, index);
      const { dtype } = this.description.outputs[index];
      return { data: new types[dtype].array(this.#wasm.slice(address, bytes).buffer), shape };
    });
    const memory = memoryOf(this.#wasm, this.#session);
    this.description.runtime = { ...this.description.runtime, ...memory };
    return { outputs, ms, memory, seen, samples };
  }

  /**
   * Gives the session the shapes of this run where the model leaves them open, then the elements.
   * @param {Elements[]} tensors
   */
  #fill(tensors) {
    const { calls } = this.#wasm;
    const { inputs } = this.description;
    if (inputs.some(({ shape }) => shape.includes(-1))) {
      tensors.forEach(({ shape }, index) =>
        this.#wasm.borrow(4 * shape.length, (address) => {
          new Int32Array(this.#wasm.memory.buffer, address, shape.length).set(shape);
          this.#check(calls.session_resize(this.#session, index, shape.length, address));
        }),
      );
      this.#check(calls.session_plan(this.#session));
    }
    tensors.forEach(({ data: { buffer, byteOffset, byteLength } }, index) => {
      const { address } = this.#port(false, index);
      this.#wasm.bytes.set(new Uint8Array(buffer, byteOffset, byteLength), address);
    });
  }

  /**
   * @param {number} key
   * @param {import("./mask.js").Prepared} prepared
   */
  #hold(key, prepared) {
    this.#held.set(key, prepared);
    for (const oldest of this.#held.keys()) {
      if (this.#held.size > MOST_HELD) this.#held.delete(oldest);
    }
  }

  /** @param {HeldInput} input */
  #heldTensor({ held, mask }) {
    const prepared = this.#held.get(held);
    if (!prepared) {
      throw new MiteError(
        "argument",
        `this picture is not held any more: it was released, or ${MOST_HELD} others were held after it`,
      );
    }
    return { data: mask ? covered(prepared, mask) : prepared.data, shape: prepared.shape };
  }

  /** @param {number} key */
  async letGo(key) {
    this.#held?.delete(key);
  }

  /** @param {number[]} outputs */
  #want(outputs) {
    for (const index of this.description.outputs.keys()) {
      const wanted = Number(outputs.includes(index));
      this.#check(this.#wasm.calls.session_want(this.#session, index, wanted));
    }
  }

  /** @param {AbortSignal} signal */
  async #runInSlices(signal) {
    while (
      this.#check(this.#wasm.calls.session_run_step(this.#session, SLICE_MS)) === STATUS.more
    ) {
      await letEventsIn();
      if (signal.aborted && !this.#disposed) this.#wasm.calls.session_cancel(this.#session);
      this.#checkUsable(signal);
    }
  }

  async profile() {
    this.#checkUsable();
    return nodesOf(this.#wasm, this.#session);
  }

  /** Ends the other threads and lets go of the instance; its whole memory is garbage then. */
  async dispose() {
    this.#disposed = true;
    this.#wasm = /** @type {any} */ (undefined);
    this.#pictures = /** @type {any} */ (undefined);
    this.#held.clear();
    await this.#crew.end();
  }

  /**
   * @param {boolean} isOutput
   * @param {number} index
   */
  #port(isOutput, index) {
    return sessionPort(this.#wasm, this.#session, isOutput, index);
  }

  /** @param {number} status */
  #check(status) {
    return checkSession(this.#wasm, this.#session, status);
  }

  /** @param {AbortSignal} [signal] */
  #checkUsable(signal) {
    if (this.#disposed) throw disposedError();
    signal?.throwIfAborted();
  }
}

export function disposedError() {
  return new MiteError("disposed", "the model was disposed; load it again to use it");
}

/**
 * @param {Wasm} wasm
 * @param {number} model
 * @param {number} threads
 * @param {number} [maxBytes] for activations; 0: as many as there are
 */
export function newSession(wasm, model, threads, maxBytes = 0) {
  const session = wasm.calls.session_new(model, threads, 1, 0, maxBytes);
  if (!session) {
    throw new MiteError(
      "memory",
      "there is no memory to run the model; dispose models that are not needed",
    );
  }
  // A session that could not be made refuses to run, with the status that says why.
  if (wasm.text(wasm.calls.session_error(session))) {
    checkSession(wasm, session, wasm.calls.session_run(session));
  }
  return session;
}

/**
 * @param {Wasm} wasm
 * @param {number} session
 * @param {number} status
 */
export function checkSession(wasm, session, status) {
  if (status < 0) throw errorOfStatus(status, wasm.text(wasm.calls.session_error(session)));
  return status;
}

/**
 * @param {Wasm} wasm
 * @param {number} session
 * @returns {NodeProfile[]}
 */
export function nodesOf(wasm, session) {
  return wasm.borrow(NODE_BYTES, (record) =>
    Array.from({ length: wasm.calls.session_node_count(session) }, (_, index) => {
      wasm.calls.session_node(session, index, record);
      const view = new DataView(wasm.memory.buffer, record, NODE_BYTES);
      return {
        name: wasm.text(view.getUint32(0, true)),
        op: wasm.text(view.getUint32(4, true)),
        kernel: wasm.text(view.getUint32(8, true)),
        ms: view.getFloat64(16, true),
        macs: view.getFloat64(24, true),
      };
    }),
  );
}

/**
 * @param {Wasm} wasm
 * @param {number} model
 * @param {boolean} isOutput
 * @returns {Port[]}
 */
export function portsOf(wasm, model, isOutput) {
  const { calls } = wasm;
  const count = isOutput ? calls.model_output_count(model) : calls.model_input_count(model);
  return wasm.borrow(PORT_BYTES, (record) =>
    Array.from({ length: count }, (_, index) => {
      calls.model_port(model, Number(isOutput), index, record);
      return portAt(wasm, record);
    }),
  );
}

/**
 * A port as it is in a session, with its shape as it now is, and where its elements lie.
 * @param {Wasm} wasm
 * @param {number} session
 * @param {boolean} isOutput
 * @param {number} index
 * @returns {Port & { address: number, bytes: number }}
 */
export function sessionPort(wasm, session, isOutput, index) {
  return wasm.borrow(PORT_BYTES, (record) => {
    wasm.calls.session_port(session, Number(isOutput), index, record);
    const [address, bytes] = [wasm.u32(record + 4), wasm.u32(record + 8)];
    return { ...portAt(wasm, record), address, bytes };
  });
}

/**
 * @param {Wasm} wasm
 * @param {number} record see put_port in runtime/wasm.c
 * @returns {Port}
 */
function portAt(wasm, record) {
  const view = new DataView(wasm.memory.buffer, record, PORT_BYTES);
  const rank = Math.max(0, view.getInt32(16, true)); // -1: only a run tells
  const scale = view.getFloat32(52, true);
  return {
    name: wasm.text(view.getUint32(0, true)),
    dtype: dtypeOfCode(view.getUint32(12, true)),
    shape: Array.from({ length: rank }, (_, i) => view.getInt32(20 + 4 * i, true)),
    ...(scale && { quantization: { scale, zeroPoint: view.getInt32(56, true) } }),
  };
}

/**
 * @param {Wasm} wasm
 * @param {number} session
 */
function memoryOf({ memory, calls }, session) {
  return { bytes: memory.buffer.byteLength, arenaBytes: calls.session_arena_bytes(session) };
}

/**
 * @param {Wasm} wasm
 * @param {number} model
 * @param {number} session
 * @param {import("./compile.js").Compiled} compiled
 * @returns {Description}
 */
function describeModel(wasm, model, session, { build, whole = false }) {
  const { calls } = wasm;
  const isa = /** @type {const} */ (["plain", "plain", "simd128", "relaxed"])[
    calls.session_isa(session)
  ];
  return {
    inputs: portsOf(wasm, model, false),
    outputs: portsOf(wasm, model, true),
    metadata: wasm.text(calls.model_metadata(model), calls.model_metadata_bytes(model)),
    id: hexOf(wasm.slice(calls.model_id(model), 32)),
    runtime: {
      build: build ?? (isa === "relaxed" ? "relaxed" : "simd"), // a module of the caller's
      isa,
      whole,
      threads: calls.session_threads(session),
      ...memoryOf(wasm, session),
      worker: false,
    },
  };
}
