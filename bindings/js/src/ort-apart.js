// SPDX-License-Identifier: Apache-2.0
// Has a model prepared beside the calling thread, in a worker that ends with it; on the calling
// thread where no worker can be had.
import { MiteError } from "./index.js";
import { untilAborted } from "./platform.js";
import { startWorker } from "./start-worker.js";

/** @typedef {import("./ort-convert.js").Request} Request */
/** @typedef {import("./ort-convert.js").Prepared} Prepared */

// Written out for bundlers, which look for exactly this form.
const makeWorker = () => new Worker(new URL("./ort-worker.js", import.meta.url), { type: "module" });

/**
 * @param {Request} request with bytes that are the caller's: a worker is sent copies
 * @param {{ worker?: boolean, signal?: AbortSignal }} options
 * @returns {Promise<Prepared>}
 */
export async function prepareApart(request, { worker = true, signal }) {
  signal?.throwIfAborted();
  const thread = worker && (await startWorker("./ort-worker.js", makeWorker).catch(() => undefined));
  if (!thread) return prepareHere(request);
  /** @type {Promise<Prepared>} */
  const prepared = new Promise((resolve, reject) => {
    thread.onMessage = ({ prepared, error }) => (error ? reject(ownError(error)) : resolve(prepared));
    thread.onFailure = (reason) =>
      reject(new MiteError("crashed", `the worker that converts the model crashed: ${reason}`));
    send(thread, request);
  });
  try {
    return await untilAborted(prepared, signal);
  } finally {
    thread.onFailure = () => {};
    thread.end();
  }
}

/** @param {Request} request */
async function prepareHere(request) {
  const { prepare } = await import("./ort-convert.js");
  return prepare(request).catch((error) => {
    throw ownError(error);
  });
}

/**
 * @param {import("./start-worker.js").Thread} thread
 * @param {Request} request
 */
function send(thread, request) {
  /** @type {ArrayBuffer[]} */
  const transfer = [];
  /** A view would take the whole of its buffer along. @param {any} data */
  const copied = (data) => {
    if (!(data instanceof Uint8Array)) return data;
    const copy = new Uint8Array(data);
    transfer.push(copy.buffer);
    return copy;
  };
  const message = {
    ...request,
    model: copied(request.model),
    beside: request.beside.map(({ name, data }) => ({ name, data: copied(data) })),
  };
  thread.post(message, transfer);
}

/**
 * An error of another thread or bundle as the class that callers know.
 * @param {any} error
 */
function ownError({ code, message, node }) {
  return code ? new MiteError(code, message, { node }) : new Error(message);
}
