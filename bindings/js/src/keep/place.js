// SPDX-License-Identifier: Apache-2.0
// Whether, and under which name, this device keeps anything. Small: the package's entry has it, too.

/** Of what is kept: a folder, a cache, locks. */
export const FOLDER = "mite-models";

/** Node can not, nor pages of insecure origin. */
export function canKeep() {
  const { crypto, navigator, caches } = globalThis;
  return !!crypto?.subtle && !!(navigator?.storage?.getDirectory ?? caches);
}
