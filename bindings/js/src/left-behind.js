// SPDX-License-Identifier: Apache-2.0
// Some bundlers (esbuild, Rollup) take scripts elsewhere and leave the files behind that these name
// relative to themselves. Others put an address of their own in the place of such a name.

/** This file's name in the package; tools/bundle.mjs puts the one that it gives it. */
const SCRIPT = "left-behind.js";

const here = import.meta.url; // kept apart: bundlers do not look for this form, so it says where we are

/** Whether this script was moved and such names lead nowhere. */
export function isLeftBehind() {
  if (!here) return true; // formats without import.meta
  if (new URL(here).pathname.endsWith(`/${SCRIPT}`)) return false;
  const named = new URL("../dist/mite-simd.wasm.gz", import.meta.url);
  return named.href === new URL("../dist/mite-simd.wasm.gz", here).href;
}

/** The words for it. @param {string} what */
export function wasLeftBehind(what) {
  return `the bundler of this page left ${what} behind`;
}
