// SPDX-License-Identifier: Apache-2.0
// The core as a script: for bundlers that leave files behind, and for mite/inline. It is the build for
// plain SIMD, which every engine runs; both would make the package larger by a tenth.
import { simd } from "./core.js";

/** The module's bytes, still compressed. @returns {Uint8Array<ArrayBuffer>} */
export function embeddedCore() {
  const text = atob(simd);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
