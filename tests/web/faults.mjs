// SPDX-License-Identifier: Apache-2.0
// A server of models that fails as networks do: each address has a list of things to do with the
// requests that come, one after another; the last one lasts.
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * @typedef {object} Step
 * @property {Uint8Array} [bytes] the file, if it is another than before
 * @property {number} [status] refuses with it
 * @property {number} [cut] after so many bytes of the file the connection breaks
 * @property {number} [pause] milliseconds between pieces of 16 KiB
 * @property {boolean} [whole] ranges are ignored
 * @property {boolean} [anonymous] no ETag
 * @property {boolean} [hang] no answer at all
 * @property {Record<string, string>} [headers]
 */

export class Faults {
  /** @type {Map<string, { bytes: Uint8Array, steps: Step[] }>} */
  #files = new Map();
  /** @type {Record<"path" | "range" | "ifRange" | "ifNoneMatch" | "sent" | "status", any>[]} */
  log = [];

  /** @param {string} path @param {Uint8Array} bytes @param {Step[]} steps */
  plan(path, bytes, steps = [{}]) {
    this.#files.set(path, { bytes, steps: [...steps] });
    this.log = [];
  }

  /**
   * @param {import("node:http").IncomingMessage} request
   * @param {import("node:http").ServerResponse} response
   * @param {Record<string, string>} [common] headers of every answer
   * @returns {Promise<boolean>} false: not an address of this kind
   */
  async handle(request, response, common = {}) {
    const { headers, url: path } = request;
    const file = this.#files.get(path);
    if (!file) return false;
    const step = file.steps.length > 1 ? file.steps.shift() : file.steps[0];
    if (step.bytes) file.bytes = step.bytes;
    const { bytes } = file;
    const etag = `"${createHash("sha1").update(bytes).digest("hex")}"`;
    const { range, "if-range": ifRange, "if-none-match": ifNoneMatch } = headers;
    const entry = { path, range, ifRange, ifNoneMatch, sent: 0, status: 0 };
    this.log.push(entry);
    const end = (status, more = {}) => {
      entry.status = status;
      response.writeHead(status, { "accept-ranges": step.whole ? "none" : "bytes",
        "content-type": "application/octet-stream", "cache-control": "no-cache",
        ...(!step.anonymous && { etag }), ...common, ...more, ...step.headers });
    };
    if (step.hang) return true;
    if (step.status) return end(step.status), response.end("no"), true;
    if (ifNoneMatch === etag && !step.anonymous) return end(304), response.end(), true;
    const from = !step.whole && (!ifRange || ifRange === etag) && /^bytes=(\d+)-(\d*)$/.exec(range ?? "");
    const first = from ? Number(from[1]) : 0;
    const last = from?.[2] ? Math.min(Number(from[2]) + 1, bytes.length) : bytes.length;
    if (first >= bytes.length) return end(416), response.end(), true;
    end(from ? 206 : 200, {
      "content-length": String(last - first),
      ...(from && { "content-range": `bytes ${first}-${last - 1}/${bytes.length}` }),
    });
    const until = Math.min(last, step.cut ?? last);
    for (let at = first; at < until && !response.destroyed; at += 16384) {
      const piece = bytes.subarray(at, Math.min(until, at + 16384));
      await new Promise((resolve) => response.write(piece, resolve));
      entry.sent += piece.length;
      if (step.pause) await sleep(step.pause);
    }
    if (until < last) response.destroy();
    else response.end();
    return true;
  }
}
