// SPDX-License-Identifier: Apache-2.0
// The bytes of an address, through interruptions: a request that fails for a passing reason is made
// again after a while, and one that breaks off is taken up where it did.
import { MiteError, messageOf } from "./errors.js";
import { untilAborted } from "./platform.js";
import { bytesOf, request } from "./source.js";

/** @typedef {import("./source.js").OpenSource} OpenSource */

/**
 * What tells one version of a file from another; what is unknown is left out.
 * @typedef {{ etag?: string, modified?: string, bytes?: number }} Identity
 */

/**
 * @typedef {object} Answer
 * @property {number} status 200: the whole; 206: from where it was asked for; 304: not changed
 * @property {Identity} identity
 * @property {boolean} encoded its bytes are counted otherwise than those that are read
 * @property {(name: string) => string | null} header
 * @property {string} reason what the server says beside the status
 * @property {() => Promise<{ done?: boolean, value?: any }>} read
 * @property {() => void} cancel
 */

/**
 * @typedef {object} DownloadOptions
 * @property {AbortSignal} [signal]
 * @property {number} [retry] failures in a row, without a byte in between, that are borne
 * @property {number} [at] bytes that are there already
 * @property {Identity} [identity] of the file that they are from
 * @property {boolean} [kept]
 * @property {Promise<Answer | undefined>} [early] a first request that is under way already
 */

const RETRIES = 3;
const FIRST_WAIT_MS = 500; // then twice as long each time, less up to a half by chance
const LONGEST_WAIT_MS = 30_000; // a server that asks for more is told no
const PASSING = [408, 425, 429, 500, 502, 503, 504];

/** @param {unknown} address */
export function isRemote(address) {
  return /^https?:/i.test(String(address));
}

/**
 * One request. Headers beyond the simplest are sent only where no other site is asked, which would
 * have to allow them: hashes and identities tell whether the right bytes came.
 * @param {string | URL} address
 * @param {{ signal?: AbortSignal, at?: number, until?: number, identity?: Identity,
 *   ifChanged?: boolean, kept?: boolean }} [options] kept: it will be, so that the browser need not
 *   store it as well
 * @returns {Promise<Answer>}
 */
export async function ask(address, { signal, at = 0, until, identity = {}, ...more } = {}) {
  const { ifChanged, kept } = more;
  /** @type {Record<string, string>} */
  const headers = {};
  const { etag, modified } = identity;
  const ours = !globalThis.location || new URL(address, location.href).origin === location.origin;
  const strong = etag?.startsWith('"') ? etag : undefined;
  if (at || until) headers.Range = `bytes=${at}-${until ? until - 1 : ""}`;
  if (at && ours && strong) headers["If-Range"] = strong;
  if (ifChanged && ours && etag) headers["If-None-Match"] = etag;
  else if (ifChanged && ours && modified) headers["If-Modified-Since"] = modified;
  const cache = headers.Range || kept ? "no-store" : "default";
  return answerOf(await request(address, { signal, headers, cache }));
}

/**
 * @param {Response} response
 * @returns {Answer}
 */
export function answerOf({ status, statusText, headers, body }) {
  const reader = body?.getReader();
  return {
    ...described(status, (name) => headers.get(name)),
    reason: statusText,
    read: async () => (reader ? reader.read() : { done: true }),
    cancel: () => void reader?.cancel().catch(() => {}), // a stream that failed says so again
  };
}

/**
 * Node's own way to ask, see plain-get.js; undefined where that does not serve.
 * @param {string | URL} address
 * @param {AbortSignal} [signal]
 * @returns {Promise<Answer | undefined>}
 */
export async function askPlainly(address, signal) {
  const { plainGet } = await import("./plain-get.js");
  const body = await plainGet(address, signal);
  return body && { ...body, ...described(body.status, (name) => body.headers[name] ?? null) };
}

/**
 * @param {number} status
 * @param {(name: string) => string | null} header
 */
function described(status, header) {
  const encoded = !/^(identity)?$/.test(header("content-encoding") ?? "");
  const range = /\/(\d+)$/.exec(header("content-range") ?? "")?.[1];
  const total = status === 206 ? range : header("content-length");
  /** @type {Identity} */
  const identity = {};
  if (header("etag")) identity.etag = /** @type {string} */ (header("etag"));
  if (header("last-modified")) identity.modified = /** @type {string} */ (header("last-modified"));
  if (total && !encoded) identity.bytes = Number(total);
  return { status, identity, encoded, header };
}

/**
 * Whether two answers may be about the same bytes; not knowing counts as yes, since every byte is
 * verified later.
 * @param {Identity} a
 * @param {Identity} b
 */
export function sameFile(a, b) {
  /** @param {keyof Identity} key */
  const agree = (key) => a[key] === undefined || b[key] === undefined || a[key] === b[key];
  return agree("bytes") && agree("etag") && (!!(a.etag && b.etag) || agree("modified"));
}

/**
 * The bytes from `at` on. `begin` waits until the server has agreed to send them.
 * @implements {OpenSource}
 */
export class Download {
  from = /** @type {const} */ ("network");
  what;
  identity;
  /** @type {(name: string) => string | null} Of the first answer. */
  header = () => null;
  /** The server has another file by now; the bytes so far are of no use. */
  changed = false;
  /** @type {Answer | undefined} That file, if it has begun to send it. */
  instead;
  #address;
  #signal;
  #retry;
  #at;
  #patched; // bytes may stem from several requests
  #kept;
  #early;
  #skip = 0; // bytes that a server sends once more
  #failures = 0;
  #final = false; // asking again would not help
  #afterMs = 0; // when the server wants to be asked again
  /** @type {Answer | undefined} */
  #answer;

  /**
   * @param {string | URL} address
   * @param {DownloadOptions} [options]
   */
  constructor(address, { signal, retry = RETRIES, at = 0, identity = {}, kept, early } = {}) {
    this.what = String(address);
    this.identity = identity;
    this.#patched = at > 0;
    this.#address = address;
    this.#signal = signal;
    this.#retry = isRemote(address) ? retry : 0;
    this.#at = at;
    this.#kept = kept;
    this.#early = early;
  }

  begin() {
    return this.#persist(async () => {});
  }

  /** @returns {Promise<Uint8Array | undefined>} */
  read() {
    return this.#persist((answer) => this.#readFrom(answer));
  }

  cancel() {
    this.#final = true;
    this.#answer?.cancel();
    this.instead?.cancel();
  }

  /** @param {import("./source.js").Outcome} outcome */
  async settle(outcome) {
    const wrong = "error" in outcome && isWrong(outcome.error);
    return this.changed || (wrong && this.#patched) ? /** @type {const} */ ("anew") : undefined;
  }

  /**
   * @template T
   * @param {(answer: Answer) => Promise<T>} use
   * @returns {Promise<T>}
   */
  async #persist(use) {
    for (;;) {
      try {
        this.#answer ??= await this.#open();
        return await use(this.#answer);
      } catch (error) {
        this.#answer?.cancel();
        this.#answer = undefined;
        this.#signal?.throwIfAborted();
        if (this.#final || this.#failures >= this.#retry) throw error;
        const wait = FIRST_WAIT_MS * 2 ** this.#failures++ * (1 - Math.random() / 2);
        await sleep(Math.max(wait, this.#afterMs), this.#signal);
        this.#afterMs = 0;
      }
    }
  }

  async #open() {
    const { identity } = this;
    const early = this.#early;
    this.#early = undefined;
    const at = this.#at;
    const options = { signal: this.#signal, at, identity, kept: this.#kept };
    const answer = (await early) ?? (await ask(this.#address, options));
    this.#check(answer);
    this.identity = { ...answer.identity, ...identity };
    if (at) this.#patched = true;
    else this.header = answer.header;
    this.#skip = answer.status === 206 ? 0 : at;
    return answer;
  }

  /** @param {Answer} answer */
  #check(answer) {
    const { status, reason, header, identity } = answer;
    const at = this.#at;
    const range = status === 206 && header("content-range");
    const misplaced = range && !range.startsWith(`bytes ${at}-`);
    this.changed = at > 0 && (status === 416 || misplaced || !sameFile(this.identity, identity));
    if (!this.changed && (status === 200 || status === 206)) return;
    if (this.changed && status === 200) this.instead = answer;
    else answer.cancel();
    this.#afterMs = millisecondsOf(header("retry-after"));
    this.#final = this.changed || !PASSING.includes(status) || this.#afterMs > LONGEST_WAIT_MS;
    throw new MiteError(
      "network",
      this.changed
        ? `${this.what} was changed on the server while it was being downloaded; load it again`
        : `the server answered ${status}${reason ? ` (${reason})` : ""} for ${this.what}`,
    );
  }

  /**
   * @param {Answer} answer
   * @returns {Promise<Uint8Array | undefined>}
   */
  async #readFrom(answer) {
    for (;;) {
      const { done, value } = await answer.read().catch((error) => {
        throw this.#brokenOff(messageOf(error), error);
      });
      const { bytes } = this.identity;
      if (done && !answer.encoded && bytes !== undefined && this.#at < bytes) {
        throw this.#brokenOff(`${bytes} were promised`);
      }
      if (done) return undefined;
      const piece = /** @type {Uint8Array} */ (bytesOf(value));
      const news = piece.subarray(Math.min(this.#skip, piece.length));
      this.#skip -= piece.length - news.length;
      if (!news.length) continue;
      this.#at += news.length;
      this.#failures = 0;
      return news;
    }
  }

  /**
   * @param {string} why
   * @param {unknown} [cause]
   */
  #brokenOff(why, cause) {
    const text = `${this.what} broke off after ${this.#at} bytes: ${why}`;
    return new MiteError("network", text, { cause });
  }
}

/**
 * Whether what came is not the model that it should be.
 * @param {unknown} error
 */
export function isWrong(error) {
  return error instanceof MiteError && error.code === "format";
}

/**
 * Of a Retry-After header: seconds, or a date.
 * @param {string | null} text
 */
function millisecondsOf(text) {
  const ms = /^\d+$/.test(text ?? "") ? 1000 * Number(text) : Date.parse(text ?? "") - Date.now();
  return ms > 0 ? ms : 0;
}

/**
 * @param {number} ms
 * @param {AbortSignal} [signal]
 */
function sleep(ms, signal) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const slept = new Promise((resolve) => (timer = setTimeout(resolve, ms)));
  return untilAborted(slept, signal).finally(() => clearTimeout(timer));
}
