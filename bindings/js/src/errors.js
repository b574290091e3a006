// SPDX-License-Identifier: Apache-2.0
// The one error class, and how errors of the C runtime become it.

/** @typedef {import("../mite.d.ts").ErrorCode} ErrorCode */
/** @typedef {{ name: string, op: string }} NodeName */

export class MiteError extends Error {
  /**
   * @param {ErrorCode} code
   * @param {string} message
   * @param {{ node?: NodeName, cause?: unknown }} [details]
   */
  constructor(code, message, { node, cause } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = /** @type {const} */ ("MiteError");
    this.code = code;
    this.node = node;
  }
}

/** mite_status of runtime/mite.h. */
export const STATUS = /** @type {const} */ ({ ok: 0, more: 1, unsupported: -5 });

/** @type {Record<number, ErrorCode>} */
const codes = {
  [-1]: "argument",
  [-2]: "memory",
  [-3]: "format",
  [-4]: "version",
  [-5]: "unsupported",
};

/**
 * The error for a failed status. The runtime begins a sentence about a node with "conv2d 'name': ".
 * @param {number} status
 * @param {string} sentence
 */
export function errorOfStatus(status, sentence) {
  const match = /^(\w+) '(.*?)': /.exec(sentence);
  const node = match ? { op: match[1], name: match[2] } : undefined;
  return new MiteError(codes[status] ?? "crashed", sentence, { node });
}

/** @param {unknown} error */
export function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}

/**
 * The error for a module that the page's policy does not let in: most engines say so when they
 * compile it, WebKit when it is instantiated. Undefined for any other error.
 * @param {unknown} error
 */
export function refusedByPolicy(error) {
  if (!/content.security|\bCSP\b|unsafe-eval/i.test(messageOf(error))) return undefined;
  return new MiteError(
    "unsupported",
    "the page's Content-Security-Policy forbids WebAssembly; add 'wasm-unsafe-eval' to its script-src",
    { cause: error },
  );
}

/** @typedef {{ code?: ErrorCode, message: string, node?: NodeName }} PlainError */

/**
 * What is left of an error on its way through postMessage, which drops an error's own fields.
 * @param {unknown} error
 * @returns {PlainError}
 */
export function toPlain(error) {
  const { name, code, message, node } = /** @type {MiteError} */ (error ?? {});
  // By its name: modules that are bundled apart have a class of their own.
  return name === "MiteError" ? { code, message, node } : { message: messageOf(error) };
}

/** @param {PlainError} plain */
export function fromPlain({ code, message, node }) {
  return code ? new MiteError(code, message, { node }) : new Error(message);
}
