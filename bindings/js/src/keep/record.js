// SPDX-License-Identifier: Apache-2.0
// What is written down about a model that is kept, or was begun.

/** @typedef {import("./store.js").Store} Store */

/**
 * @typedef {object} KeptRecord
 * @property {string} address
 * @property {string} generation its files are GENERATION-0, GENERATION-1, …
 * @property {import("../download.js").Identity} identity what the server said about it
 * @property {number[]} sizes of the files, in bytes
 * @property {number} bytes of all together
 * @property {number} keptAt milliseconds since 1970, as `freshUntil`
 * @property {number} freshUntil the server need not be asked before
 * @property {string} [id] the model's; of one that is whole
 * @property {string} [sha256] of the whole file, where it was verified
 */

/**
 * "kept": whole and verified; "part": as far as a download came.
 * @param {Store} store
 * @param {string} key
 * @param {"kept" | "part"} name
 * @returns {Promise<KeptRecord | undefined>}
 */
export async function recordOf(store, key, name) {
  try {
    const text = await (await store.read(key, `${name}.json`))?.text();
    const record = text ? JSON.parse(text) : undefined;
    return record?.version === 1 ? record : undefined;
  } catch {
    return undefined; // as good as none
  }
}

/**
 * @param {Store} store
 * @param {string} key
 * @param {"kept" | "part"} name
 * @param {KeptRecord} record
 */
export function writeRecord(store, key, name, record) {
  const text = JSON.stringify({ version: 1, ...record });
  return store.write(key, `${name}.json`, new TextEncoder().encode(text));
}
