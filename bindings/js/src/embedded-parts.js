// SPDX-License-Identifier: Apache-2.0
// What tools/bundle.mjs puts in the place of this file, each by gzip and base64; sources that are run as
// they are have files.

/** mite-simd.wasm. */
export const simd = "";
/** How mite-relaxed.wasm is made from it: both share most of their code. */
export const relaxed = "";
/** workers.js with all that it imports. */
export const workers = "";
