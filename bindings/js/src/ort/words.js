// SPDX-License-Identifier: Apache-2.0
// Pieces of sentences.

/** @param {readonly { name: string }[]} ports */
export const namesOf = (ports) => ports.map(({ name }) => `'${name}'`).join(", ");

/** @param {readonly number[]} shape */
export const shown = (shape) => `[${shape.join(", ")}]`;
