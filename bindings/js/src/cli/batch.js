// SPDX-License-Identifier: Apache-2.0
// mite batch: converts and runs one model after another, asked over standard input. The work is
// done in a worker, which is ended where a model takes too long and begun anew where it broke.
import { createInterface } from "node:readline";
import { Worker } from "node:worker_threads";
import { messageOf } from "../errors.js";
import { UsageError, wholeNumber } from "./usage.js";

/**
 * @typedef {object} Request
 * @property {string} model path of a model file
 * @property {Record<string, string>} [inputs] paths of .npy files by input name
 * @property {string} outputs_dir
 * @property {string[]} [output_names] which outputs to write; default: all
 */
/** @typedef {{ ok: true, outputs: Record<string, string> } | { ok: false, error: string }} Reply */

const SECONDS = "50";
const BYTES = String(1.25 * 2 ** 30);

/** @type {import("./main.js").Command} */
export default {
  summary: "convert and run models on request, in JSON lines",
  help: `usage: mite batch [--timeout SECONDS] [--max-bytes BYTES]

Reads one request a line from standard input and answers each in one line:

  {"model":"m.onnx","inputs":{"x":"x.npy"},"outputs_dir":"out","output_names":["y"]}
  {"ok":true,"outputs":{"y":"out/o0.npy"}}   or   {"ok":false,"error":"…"}

Every model is converted in memory for the shapes of its inputs, then run once. Tensors that an
ONNX model keeps in files of their own are read from the model's folder and from nowhere else.
Lines that do not begin with { are left alone.

  --timeout SECONDS   for one request (${SECONDS})
  --max-bytes BYTES   for a model's graph; half as many for its activations (${BYTES})`,
  options: {
    timeout: { type: "string", default: SECONDS },
    "max-bytes": { type: "string", default: BYTES },
  },
  async run({ timeout, "max-bytes": bytes }, others) {
    if (others.length) throw new UsageError("batch takes its requests from standard input");
    const workshop = new Workshop(
      wholeNumber(timeout, "--timeout"),
      wholeNumber(bytes, "--max-bytes"),
    );
    for await (const line of createInterface({ input: process.stdin })) {
      if (!line.trimStart().startsWith("{")) continue;
      process.stdout.write(`${JSON.stringify(await workshop.answer(line))}\n`);
    }
    await workshop.close();
    return 0;
  },
};

/** The worker, made when it is needed. */
class Workshop {
  #seconds;
  #maxBytes;
  /** @type {Worker | undefined} */
  #worker;

  /**
   * @param {number} seconds
   * @param {number} maxBytes
   */
  constructor(seconds, maxBytes) {
    this.#seconds = seconds;
    this.#maxBytes = maxBytes;
  }

  /**
   * @param {string} line
   * @returns {Promise<Reply>}
   */
  async answer(line) {
    /** @type {Request} */
    let request;
    try {
      request = JSON.parse(line);
    } catch (error) {
      return { ok: false, error: `the request is no JSON: ${messageOf(error)}` };
    }
    const worker = (this.#worker ??= new Worker(new URL("batch-worker.js", import.meta.url)));
    const reply = await this.#ask(worker, request);
    if (reply.done) return reply.done;
    this.#worker = undefined;
    await worker.terminate();
    return { ok: false, error: reply.broken };
  }

  /**
   * @param {Worker} worker
   * @param {Request} request
   * @returns {Promise<{ done: Reply } | { done?: undefined, broken: string }>}
   */
  #ask(worker, request) {
    return new Promise((resolve) => {
      /** @param {Parameters<typeof resolve>[0]} result */
      const finish = (result) => {
        clearTimeout(timer);
        worker.off("message", done).off("error", failed).off("exit", ended);
        resolve(result);
      };
      const timer = setTimeout(
        () => finish({ broken: `not done after ${this.#seconds} s; allow more with --timeout` }),
        this.#seconds * 1000,
      );
      const done = (/** @type {Reply} */ reply) => finish({ done: reply });
      const failed = (/** @type {unknown} */ error) => finish({ broken: messageOf(error) });
      const ended = (/** @type {number} */ code) =>
        finish({ broken: `the worker ended with code ${code}` });
      worker.on("message", done).on("error", failed).on("exit", ended);
      worker.postMessage({ ...request, maxBytes: this.#maxBytes });
    });
  }

  async close() {
    await this.#worker?.terminate();
  }
}
