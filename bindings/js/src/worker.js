// SPDX-License-Identifier: Apache-2.0
// The worker that owns one model. It runs in a page's module worker and in Node's worker thread.
//
//   client → worker                             worker → client
//                                               { event: "ready" }
//                                               { event: "alive", lock }     held until it ends
//   { id, call: "load", args: [options] }       { event: "pull" }        wants the next piece
//   { piece } | { end } | { error }             { event: "progress", progress }
//   { helper: number or undefined }, as many     { event: "helper", helper: number, message }
//     as options.lent                            is to be passed on to that helper
//                                               { id, value: Description }
//   { id, call: "run", args: [inputs, abortable, outputs, look] }
//   { abort: id }                               { id, value: RunResult }
//   { id, call: "letGo", args: [key] }
//   { id, call: "profile", args: [] }           { id, value: NodeProfile[] }
//                                               { id, error: PlainError }    for any call
//
// The client sends one call at a time. Ending the worker is the client's business.
import { lentHelper } from "./crew.js";
import { LocalEngine } from "./engine.js";
import { fromPlain, toPlain } from "./errors.js";
import { closePicture } from "./picture.js";
import { isNode, nodeModule } from "./platform.js";

/** @typedef {import("./engine.js").Input} Input */
/** @typedef {{ post: (message: unknown, transfer?: Transferable[]) => void }} Port */

/**
 * @typedef {object} LoadMessage
 * @property {import("./compile.js").Compiled} compiled
 * @property {string} what
 * @property {number} threads
 * @property {number} [lent] so many further threads the client starts
 * @property {string} [sha256]
 */

/** @typedef {{ piece?: Uint8Array, end?: true, error?: import("./errors.js").PlainError }} Piece */

/** @type {LocalEngine} */
let engine;
/** @type {(piece: Piece) => void} The read that waits for the client's next piece. */
let takePiece = () => {};
/** @type {((helper?: number) => void)[]} Those that wait for a helper. */
const takeHelpers = [];
/** @type {Map<number, AbortController>} */
const running = new Map();

const calls = {
  /** @param {LoadMessage} message */
  async load({ compiled, what, threads, lent, sha256 }) {
    if (!isNode) holdLock();
    const source = { what, read: readFromClient, cancel() {} };
    /** @param {import("../mite.d.ts").Progress} progress */
    const onProgress = (progress) => port.post({ event: "progress", progress });
    const helpers = lent === undefined ? undefined : Array.from({ length: lent }, helperFromClient);
    engine = await LocalEngine.create({ compiled, source, threads, helpers, sha256, onProgress });
    return { value: engine.description };
  },

  /**
   * @param {Input[]} inputs
   * @param {boolean} abortable
   * @param {number[] | undefined} outputs
   * @param {import("./engine.js").SamplePlan[] | undefined} look
   * @param {number} id
   */
  async run(inputs, abortable, outputs, look, id) {
    const controller = new AbortController();
    running.set(id, controller);
    try {
      const value = await engine.run(inputs, abortable ? controller.signal : undefined, outputs, look);
      return { value, transfer: value.outputs.map(({ data }) => data.buffer) };
    } finally {
      running.delete(id);
      for (const input of inputs) if ("picture" in input) closePicture(input.picture);
    }
  },

  /** @param {number} key */
  async letGo(key) {
    return { value: await engine.letGo(key) };
  },

  async profile() {
    return { value: await engine.profile() };
  },
};

/** A page is not told when its worker is ended for want of memory, but locks of the dead are free. */
function holdLock() {
  const lock = `mite worker ${Math.random()} ${performance.timeOrigin}`;
  const forLife = () => {
    port.post({ event: "alive", lock });
    return new Promise(() => {});
  };
  navigator.locks?.request(lock, forLife).catch(() => {}); // where storage is forbidden
}

/** @returns {Promise<import("./start-worker.js").Thread>} */
function helperFromClient() {
  return new Promise((resolve, reject) => {
    takeHelpers.push((helper) => {
      if (helper === undefined) return reject(new Error("it did not start"));
      resolve(lentHelper((message) => port.post({ event: "helper", helper, message })));
    });
  });
}

/** @returns {Promise<Uint8Array | undefined>} */
function readFromClient() {
  return new Promise((resolve, reject) => {
    takePiece = ({ piece, error }) => (error ? reject(fromPlain(error)) : resolve(piece));
    port.post({ event: "pull" });
  });
}

/** @param {any} message */
async function receive(message) {
  if ("abort" in message) return running.get(message.abort)?.abort();
  if ("helper" in message) return takeHelpers.shift()?.(message.helper);
  if (!("call" in message)) return takePiece(message);
  const { id, call, args } = message;
  try {
    /** @type {(...args: any[]) => Promise<{ value: unknown, transfer?: ArrayBufferLike[] }>} */
    const handler = calls[/** @type {keyof typeof calls} */ (call)];
    const { value, transfer } = await handler(...args, id);
    port.post({ id, value }, /** @type {Transferable[]} */ (transfer ?? []));
  } catch (error) {
    port.post({ id, error: toPlain(error) });
  }
}

/** @returns {Port} */
function connect() {
  if (isNode) {
    const { parentPort } = nodeModule("node:worker_threads");
    parentPort.on("message", receive);
    return { post: (message, transfer) => parentPort.postMessage(message, transfer) };
  }
  addEventListener("message", ({ data }) => receive(data));
  return { post: (message, transfer) => postMessage(message, { transfer }) };
}

const port = connect(); // without await: bundlers may make this a classic script
port.post({ event: "ready" });
