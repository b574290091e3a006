// SPDX-License-Identifier: Apache-2.0
// The entry `mite/field`; ../field.d.ts documents it.
import { MiteError } from "./errors.js";
import { FieldModel } from "./field/model.js";

export { MiteError } from "./errors.js";

const UPDATES = ["background", "wait", "never"];

/**
 * @param {string | URL} list
 * @param {import("../field.d.ts").FieldOptions} options
 * @returns {Promise<import("../field.d.ts").FieldModel>}
 */
export async function openModel(list, options) {
  const { publicKeys = [], unsigned = false, channel = "stable", update = "background" } = options ?? {};
  if (!publicKeys.length && !unsigned) {
    throw new MiteError(
      "argument",
      "openModel() needs publicKeys, by which the list of models must be signed (mite registry keygen), or unsigned: true",
    );
  }
  if (!UPDATES.includes(update)) {
    throw new MiteError("argument", `update must be one of ${UPDATES.join(", ")}, but is ${String(update)}`);
  }
  const { bad = 3, of = 20 } = options.report ?? {};
  if (!(Number.isInteger(bad) && Number.isInteger(of) && bad > 0 && of >= bad)) {
    throw new MiteError("argument", `report wants whole numbers 0 < bad ≤ of, not ${bad} of ${of}`);
  }
  if (!globalThis.crypto?.subtle) {
    throw new MiteError("unsupported", "openModel() needs WebCrypto, which this page has not: serve it by https");
  }
  return FieldModel.open(list, { ...options, publicKeys, unsigned, channel, update, report: { bad, of } });
}
