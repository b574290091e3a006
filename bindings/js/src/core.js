// SPDX-License-Identifier: Apache-2.0
// What tools/bundle.mjs puts in the place of this file; sources that are run as they are have files.

/** mite-simd.wasm, by gzip and base64. */
export const simd = "";
