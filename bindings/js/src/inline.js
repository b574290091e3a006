// SPDX-License-Identifier: Apache-2.0
// mite/inline: `load` with the core embedded; ../inline.d.ts documents it.
import { embeddedCore } from "./embedded.js";
import { load as loadFrom } from "./index.js";

export { MiteError, estimate, features, models } from "./index.js";

/** @type {typeof import("../mite.d.ts").load} */
export function load(source, options) {
  return loadFrom(source, /** @type {any} */ ({ wasm: { core: embeddedCore }, ...options }));
}
