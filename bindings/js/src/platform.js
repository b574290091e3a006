// SPDX-License-Identifier: Apache-2.0
// What differs between a page and Node, in one place.

const { process } = globalThis; // a free name would make some bundlers add a stand-in for pages

/** Deno and Bun, too, which have what is needed of Node. */
export const isNode = typeof process?.versions?.node === "string";

/**
 * Whether workers are those of a page. Deno and Bun have these too, but they would keep the process
 * alive; in Node some packages (onnxruntime-web) put Node's own under that name.
 */
export function hasPageWorkers() {
  const { deno, bun } = process?.versions ?? {};
  return !!globalThis.Worker?.prototype?.addEventListener && !(deno ?? bun);
}

/**
 * One of Node's own modules, asked for in a way that bundlers for pages do not follow: an import()
 * of a name that only a variable has makes them warn.
 * @param {string} name
 * @returns {any}
 */
export function nodeModule(name) {
  return process.getBuiltinModule(name);
}

/**
 * The path of a file that Node should read itself, or null for an address to fetch. On Windows a
 * drive letter is no scheme.
 * @param {string | URL} address
 * @returns {Promise<string | null>}
 */
export async function filePath(address) {
  if (!isNode) return null;
  const text = String(address);
  if (/^file:/i.test(text)) {
    const { fileURLToPath } = nodeModule("node:url");
    return fileURLToPath(text);
  }
  return address instanceof URL || /^(https?|data|blob):/i.test(text) ? null : text;
}

/** Lets waiting events (a click, an abort, a message) be handled before the next slice of work. */
export function letEventsIn() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve(undefined);
    };
    port2.postMessage(null);
  });
}

/**
 * The promise, or a rejection with the signal's reason as soon as it aborts.
 * @template T
 * @param {Promise<T>} promise
 * @param {AbortSignal} [signal]
 * @returns {Promise<T>}
 */
export function untilAborted(promise, signal) {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
