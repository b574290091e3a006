// SPDX-License-Identifier: Apache-2.0
// What a version must do on this device before it serves.
import { MiteError, messageOf } from "../errors.js";
import { untilAborted } from "../platform.js";

/** @typedef {import("../../field.d.ts").FieldEvent} FieldEvent */
/** @typedef {import("../../mite.d.ts").Model} Model */

/** A version that runs, and should not. */
class Rejection extends MiteError {
  /** @param {"self-test" | "not-accepted"} kind @param {string} message */
  constructor(kind, message) {
    super("unsupported", message);
    this.kind = kind;
  }
}

/**
 * Rejects if it fails the test that its file carries, or what the page asks of it. A file without a test has
 * the hash that was signed, and loads; that must do.
 * @param {Model} model
 * @param {import("../../field.d.ts").FieldOptions["accept"]} accept
 * @param {AbortSignal} signal
 */
export async function prove(model, accept, signal) {
  if (model.metadata.selfTest) {
    const { ok, maxDifference, tolerance } = await model.selfTest({ signal });
    const text = `its self-test differs by ${maxDifference} on this device, and ${tolerance} is allowed`;
    if (!ok) throw new Rejection("self-test", text);
  }
  if (accept && !(await untilAborted(verdictOf(accept, model), signal))) {
    throw new Rejection("not-accepted", "the page did not accept it (the option accept of openModel)");
  }
}

/**
 * @param {NonNullable<import("../../field.d.ts").FieldOptions["accept"]>} accept
 * @param {Model} model
 */
async function verdictOf(accept, model) {
  try {
    return await accept(model);
  } catch (error) {
    throw new Rejection("not-accepted", `the page did not accept it: ${messageOf(error)}`);
  }
}

/**
 * @param {unknown} error
 * @returns {Required<Pick<FieldEvent, "code" | "reason">>}
 */
export function aboutError(error) {
  const { kind, code } = /** @type {{ kind?: FieldEvent["code"], code?: unknown }} */ (error ?? {});
  const known = typeof code === "string" ? /** @type {FieldEvent["code"]} */ (code) : undefined;
  return { code: kind ?? known ?? "unknown", reason: messageOf(error) }; // exceptions of the DOM have numbers
}
