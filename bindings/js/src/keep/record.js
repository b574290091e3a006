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
 * @property {Converted} [converted] of one that was made on this device
 */

/**
 * What a model was converted from, and by what.
 * @typedef {object} Converted
 * @property {string} [build] of the converter
 * @property {string} group the same for all shapes that one source was converted for
 * @property {(FetchedSource | null)[]} sources of files that were fetched: how to know them again
 * @property {import("../ort/onnx.js").Declared} [declared]
 * @property {readonly string[]} warnings
 */

/** @typedef {Pick<KeptRecord, "identity" | "freshUntil"> & { sha256: string }} FetchedSource */

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

/**
 * Until when the server need not be asked again.
 * @param {(name: string) => string | null} header
 */
export function freshness(header) {
  const control = header("cache-control") ?? "";
  if (/\bno-cache\b/.test(control)) return 0;
  const seconds = Number(/\bmax-age=(\d+)/.exec(control)?.[1] ?? 0) - Number(header("age") ?? 0);
  return seconds > 0 ? Date.now() + 1000 * seconds : 0;
}
