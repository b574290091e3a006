// SPDX-License-Identifier: Apache-2.0
// Node loads its fetch on first use, which takes longer than to fetch a small model; http is there.
import { isNode, nodeModule } from "./platform.js";

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
 * The body of an ordinary answer to an ordinary request, or undefined: pages, and everything else
 * (connections that fail, redirects, encodings, other schemes), are left to fetch, whose words for it
 * are known.
 * @param {string | URL} address
 * @param {AbortSignal} [signal]
 * @returns {Promise<Body | undefined>}
 */
export async function plainGet(address, signal) {
  const scheme = /^(https?):/i.exec(String(address))?.[1].toLowerCase();
  if (!isNode || !scheme) return undefined;
  const { get } = nodeModule(`node:${scheme}`);
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
