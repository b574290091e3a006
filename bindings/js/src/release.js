// SPDX-License-Identifier: Apache-2.0
// What tools/bundle.mjs puts in the place of this file; sources that are run as they are say this.

/** The package's version. */
export const version = "unreleased";

/**
 * The build whose WebAssembly modules belong to these scripts; undefined: any.
 * @type {string | undefined}
 */
export const build = undefined;
