// SPDX-License-Identifier: Apache-2.0
// Streams a .mite file to its final place in WebAssembly memory and has every chunk verified as
// it comes.
import { MiteError, errorOfStatus } from "./errors.js";
import { kindOfBytes } from "./sniff.js";
import { hexOf } from "./wasm.js";

/** @typedef {import("./wasm.js").Wasm} Wasm */
/** @typedef {import("./source.js").OpenSource} OpenSource */

const MINOR_AT = 10; // in the file: mite_file_header
const FRAME_MS = 16;
const MAX_PENDING_DIGESTS = 8; // each holds a copy of its chunk (256 KiB) inside the engine

/** @typedef {(state: "downloading" | "verifying", loaded: number, total?: number) => void} ReceiveProgress */

/** The engine's own SHA-256; absent on pages of insecure origin, where C computes it. */
const subtle = globalThis.crypto?.subtle;

/**
 * @param {Wasm} wasm
 * @param {OpenSource} source
 * @param {{ sha256?: string, onProgress?: ReceiveProgress }} options
 * @returns {Promise<number>} the model's handle: whole and verified
 */
export async function receiveModel(wasm, source, { sha256, onProgress }) {
  const model = wasm.calls.model_new(0, subtle ? 1 : 0);
  if (!model) {
    throw new MiteError(
      "memory",
      "there is no memory for another model; dispose models that are not needed",
    );
  }
  const receiver = new Receiver(wasm, model, source.what);
  let reported = -Infinity;
  /** @type {Uint8Array | undefined} */
  let piece;
  while ((piece = await source.read())) {
    receiver.place(piece);
    await receiver.digestsBelow(MAX_PENDING_DIGESTS);
    if (performance.now() - reported >= FRAME_MS) {
      reported = performance.now();
      onProgress?.("downloading", receiver.received, receiver.total);
    }
  }
  onProgress?.("verifying", receiver.received, receiver.total);
  await receiver.digestsBelow(1);
  receiver.finish();
  if (sha256 !== undefined) await receiver.checkWhole(sha256);
  return model;
}

/**
 * Reads the version in the file's header ahead of the rest, which is then read as if nothing had
 * been taken.
 * @param {OpenSource} source
 * @returns {Promise<{ opened: OpenSource, source: OpenSource, needsWhole: boolean }>} whether the
 *   model has operators that only mite-more.wasm has (a minor version of 1 or more,
 *   docs/format.md)
 */
export async function peekModel(source) {
  /** @type {Uint8Array | undefined} */
  let head = new Uint8Array(0);
  /** @type {Uint8Array | undefined} */
  let piece;
  while (head.length < MINOR_AT + 2 && (piece = await source.read())) {
    head = head.length ? joined(head, piece) : piece;
  }
  const minor = (head[MINOR_AT] ?? 0) | ((head[MINOR_AT + 1] ?? 0) << 8);
  const needsWhole = kindOfBytes(head) === "a .mite file" && minor > 0;
  const read = async () => {
    if (!head?.length) return source.read();
    const first = head;
    head = undefined;
    return first;
  };
  return { opened: source, source: { what: source.what, read, cancel() {} }, needsWhole };
}

class Receiver {
  #wasm;
  #model;
  #what;
  received = 0;
  /** The first bytes, to say what arrived if it is no model. */
  #head = new Uint8Array(0);
  /** Where the file begins in memory, once its header is there. */
  #file = 0;
  #nextChunk = 0;
  /** @type {Set<Promise<void>>} */
  #digests = new Set();
  /** @type {unknown} */
  #failure;

  /**
   * @param {Wasm} wasm
   * @param {number} model
   * @param {string} what
   */
  constructor(wasm, model, what) {
    this.#wasm = wasm;
    this.#model = model;
    this.#what = what;
  }

  get total() {
    return this.#wasm.calls.model_file_bytes(this.#model) || undefined;
  }

  /** @param {Uint8Array} piece */
  place(piece) {
    const { calls } = this.#wasm;
    while (piece.length) {
      if (this.#failure) throw this.#failure;
      if (this.#head.length < 64) this.#head = joined(this.#head, piece.subarray(0, 64));
      const wanted = calls.model_want(this.#model);
      if (!wanted) throw this.#tooLong();
      const at = calls.model_want_at(this.#model);
      if (this.total) this.#file = at - this.received;
      const part = piece.subarray(0, wanted);
      this.#wasm.bytes.set(part, at);
      this.received += part.length;
      this.#check(calls.model_got(this.#model, part.length));
      if (subtle) this.#digestFinishedChunks();
      piece = piece.subarray(part.length);
    }
  }

  #digestFinishedChunks() {
    const { calls } = this.#wasm;
    let at;
    while ((at = calls.model_chunk(this.#model, this.#nextChunk))) {
      const index = this.#nextChunk++;
      const bytes = calls.model_chunk_bytes(this.#model, index);
      const digest = this.#digest(at, bytes)
        .then((hash) => this.#acceptDigest(index, hash))
        .catch((error) => (this.#failure ??= error))
        .finally(() => this.#digests.delete(digest));
      this.#digests.add(digest);
    }
  }

  /**
   * The engine copies the bytes before it returns, so that memory may grow meanwhile.
   * @param {number} at
   * @param {number} bytes
   */
  async #digest(at, bytes) {
    const { memory } = this.#wasm;
    const shared = !(memory.buffer instanceof ArrayBuffer); // shared memory cannot be digested
    const data = shared ? this.#wasm.slice(at, bytes) : new Uint8Array(memory.buffer, at, bytes);
    return new Uint8Array(await subtle.digest("SHA-256", /** @type {BufferSource} */ (data)));
  }

  /**
   * @param {number} index
   * @param {Uint8Array} hash
   */
  #acceptDigest(index, hash) {
    this.#wasm.borrow(hash.length, (address) => {
      this.#wasm.bytes.set(hash, address);
      this.#check(this.#wasm.calls.model_digest(this.#model, index, address));
    });
  }

  /**
   * Waits until fewer than `count` digests are under way; throws if one was wrong.
   * @param {number} count
   */
  async digestsBelow(count) {
    while (this.#digests.size >= count) await Promise.race(this.#digests);
    if (this.#failure) throw this.#failure;
  }

  finish() {
    if (this.#wasm.calls.model_want(this.#model)) {
      if (!this.#looksRight()) throw this.#foreign();
      const missing = this.total ? ` of ${this.total}` : "";
      throw new MiteError(
        "format",
        `${this.#what} ended after ${this.received}${missing} bytes; the download was cut short, or the file is: fetch it again`,
      );
    }
    this.#check(this.#wasm.calls.model_status(this.#model));
  }

  /**
   * The hash of the whole file, which lies in one piece.
   * @param {string} expected
   */
  async checkWhole(expected) {
    const actual = subtle ? await this.#digest(this.#file, this.received) : this.#digestInC();
    const hex = hexOf(actual);
    if (hex === expected.toLowerCase()) return;
    throw new MiteError(
      "format",
      `${this.#what} is not the file that was asked for: its SHA-256 is ${hex}, wanted is ${expected.toLowerCase()}`,
    );
  }

  #digestInC() {
    return this.#wasm.borrow(32, (address) => {
      this.#wasm.calls.sha256(this.#file, this.received, address);
      return this.#wasm.slice(address, 32);
    });
  }

  /** @param {number} status */
  #check(status) {
    if (status >= 0) return;
    if (!this.#looksRight()) throw this.#foreign();
    throw errorOfStatus(
      status,
      `${this.#what}: ${this.#wasm.text(this.#wasm.calls.model_error(this.#model))}`,
    );
  }

  #looksRight() {
    return kindOfBytes(this.#head) === "a .mite file";
  }

  #foreign() {
    const kind = this.received ? (kindOfBytes(this.#head) ?? "something else") : "nothing at all";
    const advice = /ONNX|TensorFlow|PyTorch|safetensors/.test(kind)
      ? "convert it with `mite convert`"
      : "check the address and what the server sends for it";
    return new MiteError(
      "format",
      `got ${kind} from ${this.#what} where a .mite model was expected; ${advice}`,
    );
  }

  #tooLong() {
    return new MiteError(
      "format",
      `${this.#what} goes on after the ${this.total} bytes that its header promises; fetch or convert it again`,
    );
  }
}

/**
 * @param {Uint8Array} a
 * @param {Uint8Array} b
 */
function joined(a, b) {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
