// SPDX-License-Identifier: Apache-2.0
// Turns whatever may stand for a model file into one thing: bytes that are asked for piece by
// piece, so that the receiver's pace is the sender's.
import { MiteError, messageOf } from "./errors.js";
import { filePath, nodeModule } from "./platform.js";

const PIECE = 1 << 20;

/**
 * @typedef {object} OpenSource
 * @property {() => Promise<Uint8Array | undefined>} read the next piece; undefined at the end
 * @property {(reason?: unknown) => void} cancel ends it early; a read that waits ends too
 * @property {string} what for sentences: an address, "the given bytes", …
 * @property {"network" | "cache"} [from] where the last piece came from; not of bytes that were given
 * @property {(outcome: Outcome) => Promise<Again | undefined>} [settle] says how the load ended
 * @property {Promise<string | undefined>} [noted] what was wished for and not done, a sentence; known
 *   some time after the load
 */

/**
 * A model that was loaded, or why it was not.
 * @typedef {{ id: string } | { error: unknown }} Outcome
 */

/**
 * How to load once more after a failure: with nothing that was kept, or without asking the server.
 * @typedef {"anew" | "kept"} Again
 */

/**
 * @param {import("../mite.d.ts").Source} source
 * @param {AbortSignal} [signal]
 * @returns {Promise<OpenSource>}
 */
export async function openSource(source, signal) {
  if (typeof source === "string" || source instanceof URL) {
    const path = await filePath(source);
    if (path === null) return openResponse(await request(source, { signal }));
    return openStream(await fileStream(path), path);
  }
  if (source instanceof Request) return openResponse(await request(source, { signal }));
  if (source instanceof Response) return openResponse(source);
  if (source instanceof Blob) {
    const name = "name" in source ? String(source.name) : "the given Blob";
    return openStream(source.stream(), name);
  }
  if (source instanceof ReadableStream) return openStream(source, "the given stream");
  const bytes = bytesOf(source);
  if (bytes) return openStream(pieces(bytes), "the given bytes");
  throw new MiteError(
    "argument",
    `load() was given ${describe(source)}; give it a URL, a Request, a Response, a stream, a Blob or bytes`,
  );
}

/**
 * The bytes of a buffer or view; undefined for anything else.
 * @param {unknown} value
 */
export function bytesOf(value) {
  if (ArrayBuffer.isView(value)) {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  }
  const shared = typeof SharedArrayBuffer === "function" && value instanceof SharedArrayBuffer;
  return shared || value instanceof ArrayBuffer ? new Uint8Array(value) : undefined;
}

/**
 * @param {unknown} value
 * @returns {string}
 */
export function describe(value) {
  if (value === null || typeof value !== "object") return String(value);
  const name = value.constructor?.name;
  return name && name !== "Object" ? `a value of type ${name}` : "a plain object";
}

/**
 * @param {string | URL | Request} target
 * @param {RequestInit} [init]
 */
export async function request(target, init) {
  try {
    return await fetch(target, init);
  } catch (error) {
    init?.signal?.throwIfAborted();
    const url = target instanceof Request ? target.url : String(target);
    // Node keeps the telling part (connection refused, host unknown) in the cause.
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    throw new MiteError("network", `${url} could not be fetched: ${messageOf(cause)}`, {
      cause: error,
    });
  }
}

/** @param {Response} response */
export function checkResponse(response) {
  if (response.ok) return;
  const said = response.type === "opaque" ? "no-cors: nobody may read it" : response.statusText;
  const reason = said ? ` (${said})` : "";
  throw new MiteError(
    "network",
    `the server answered ${response.status}${reason} for ${response.url || "this request"}`,
  );
}

/** @param {Response} response */
function openResponse(response) {
  checkResponse(response);
  if (response.bodyUsed) {
    throw new MiteError(
      "argument",
      "the body of the Response given to load() was read before; pass it unread or a clone",
    );
  }
  const { body, url } = response;
  return openStream(body ?? pieces(new Uint8Array(0)), url || "the given Response");
}

/**
 * @param {ReadableStream<Uint8Array>} stream
 * @param {string} what
 * @returns {OpenSource}
 */
function openStream(stream, what) {
  if (stream.locked) {
    throw new MiteError(
      "argument",
      `${what} is being read by someone else; pass a stream that is not locked`,
    );
  }
  const reader = stream.getReader();
  let received = 0;
  return {
    what,
    async read() {
      const { done, value } = await reader.read().catch((error) => {
        throw new MiteError(
          "network",
          `${what} broke off after ${received} bytes: ${messageOf(error)}`,
          { cause: error },
        );
      });
      if (done) return undefined;
      const bytes = bytesOf(value);
      if (!bytes) {
        throw new MiteError(
          "argument",
          `${what} gave ${describe(value)} where bytes were expected`,
        );
      }
      received += bytes.length;
      return bytes;
    },
    cancel(reason) {
      reader.cancel(reason).catch(() => {}); // a stream that failed says so again
    },
  };
}

/**
 * @param {Uint8Array} bytes
 * @returns {ReadableStream<Uint8Array>}
 */
function pieces(bytes) {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at < bytes.length) controller.enqueue(bytes.subarray(at, (at += PIECE)));
      else controller.close();
    },
  });
}

/**
 * @param {string} path
 * @returns {Promise<ReadableStream<Uint8Array>>}
 */
async function fileStream(path) {
  const { open } = nodeModule("node:fs/promises");
  const file = await open(path).catch((/** @type {NodeJS.ErrnoException} */ error) => {
    throw cannotRead(path, error);
  });
  return new ReadableStream({
    async pull(controller) {
      const { bytesRead, buffer } = await file
        .read(new Uint8Array(PIECE))
        .catch((/** @type {NodeJS.ErrnoException} */ error) => {
          throw cannotRead(path, error);
        });
      if (bytesRead) return controller.enqueue(buffer.subarray(0, bytesRead));
      await file.close();
      controller.close();
    },
    cancel: () => file.close(),
  });
}

/**
 * @param {string} path
 * @param {NodeJS.ErrnoException} error
 */
export function cannotRead(path, error) {
  const reasons = /** @type {Record<string, string>} */ ({
    ENOENT: "there is no such file",
    EACCES: "permission denied",
    EISDIR: "it is a folder",
  });
  return new MiteError(
    "network",
    `${path} cannot be read: ${reasons[error.code ?? ""] ?? error.message}`,
    { cause: error },
  );
}
