// SPDX-License-Identifier: Apache-2.0
// The arguments of InferenceSession.create: what is a model, what are options.
import { MiteError } from "../index.js";
import { isNode } from "../platform.js";

/**
 * @param {any} model
 * @param {any[]} rest
 * @returns {{ source: any, converted: boolean, options: import("./options.js").SessionOptions }}
 */
export function modelSource(model, rest) {
  const bytes = isBuffer(model) ? partOf(model, rest) : bytesOf(model);
  const numbers = isBuffer(model) ? rest.findIndex((argument) => typeof argument !== "number") : 0;
  const options = rest[numbers] ?? {};
  if (typeof options !== "object") {
    throw new MiteError("argument", `create() was given a ${typeof options} where options were expected`);
  }
  if (bytes) return { source: bytes, converted: isMite(bytes), options };
  if (model instanceof Blob) return { source: model, converted: false, options };
  if (typeof model === "string" || model instanceof URL) {
    const source = absolute(String(model));
    return { source, converted: /\.mite([?#]|$)/i.test(source), options };
  }
  throw new MiteError(
    "argument",
    "create() wants the address of a model (in Node also a path), its bytes, or a Blob",
  );
}

/** @param {unknown} value @returns {value is ArrayBuffer} */
function isBuffer(value) {
  const shared = typeof SharedArrayBuffer === "function" && value instanceof SharedArrayBuffer;
  return shared || value instanceof ArrayBuffer;
}

/**
 * The bytes of a buffer or view; undefined for anything else.
 * @param {unknown} value
 */
export function bytesOf(value) {
  if (isBuffer(value)) return new Uint8Array(value);
  if (!ArrayBuffer.isView(value)) return undefined;
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

/**
 * @param {ArrayBuffer} buffer
 * @param {any[]} rest
 */
function partOf(buffer, rest) {
  const numbers = rest.filter((argument) => typeof argument === "number");
  const [offset = 0, length = buffer.byteLength - offset] = numbers;
  const inside =
    Number.isSafeInteger(offset) &&
    Number.isSafeInteger(length) &&
    offset >= 0 &&
    length > 0 &&
    offset + length <= buffer.byteLength;
  if (inside) return new Uint8Array(buffer, offset, length);
  throw new MiteError(
    "argument",
    `${length} bytes at ${offset} are no part of a buffer of ${buffer.byteLength} bytes`,
  );
}

/** @param {Uint8Array} bytes */
const isMite = (bytes) => String.fromCharCode(...bytes.subarray(0, 4)) === "MITE";

/** Workers have another base than the page. @param {string} address */
export function absolute(address) {
  if (isNode) return address;
  const base = typeof document === "undefined" ? location.href : document.baseURI;
  return new URL(address, base).href;
}
