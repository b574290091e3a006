// SPDX-License-Identifier: Apache-2.0
// Node loads its fetch on first use, which takes longer than to fetch a small model; http is there.
// Imported on demand and in Node alone: pages have no use for it. By itself, without platform.js, which
// would become a file of its own for pages, too.

/**
 * A started body, read like a stream's.
 * @typedef {object} Body
 * @property {number} status
 * @property {string} reason what the server says beside it
 * @property {Record<string, any>} headers
 * @property {() => Promise<{ done?: boolean, value?: any }>} read
 * @property {() => void} cancel
 */

/**
 * The body of an ordinary answer to an ordinary request, or undefined: everything else (connections
 * that fail, redirects, encodings, other schemes) is left to fetch, whose words for it are known.
 * @param {string | URL} address
 * @param {AbortSignal} [signal]
 * @returns {Promise<Body | undefined>}
 */
export async function plainGet(address, signal) {
  const scheme = /^(https?):/i.exec(String(address))?.[1].toLowerCase();
  if (!scheme) return undefined;
  /** @type {any} */
  const { get } = globalThis.process.getBuiltinModule(`node:${scheme}`);
  return new Promise((resolve) => {
    const options = { signal, headers: { "accept-encoding": "identity" } };
    /** @param {import("node:http").IncomingMessage} response */
    const take = (response) => {
      const { headers, statusCode: status = 0, statusMessage: reason = "" } = response;
      if (status < 200 || (status >= 300 && status < 400) || headers["content-encoding"]) {
        response.destroy();
        return resolve(undefined);
      }
      const pieces = response[Symbol.asyncIterator]();
      const cancel = () => void response.destroy();
      resolve({ status, reason, headers, read: () => pieces.next(), cancel });
    };
    try {
      get(String(address), options, take).on("error", () => resolve(undefined));
    } catch {
      resolve(undefined); // no address at all
    }
  });
}

/**
 * All bytes of such an answer; undefined where it is none or no success.
 * @param {string | URL} address
 */
export async function plainBytes(address) {
  const body = await plainGet(address);
  if (body?.status !== 200) return body?.cancel();
  const pieces = [];
  for (let piece; !(piece = await body.read()).done; ) pieces.push(piece.value);
  return new Uint8Array(await new Blob(pieces).arrayBuffer());
}
