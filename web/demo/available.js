// SPDX-License-Identifier: Apache-2.0
// What lies on this server beside the page: it differs, and the page offers nothing that is not here.

/** @typedef {{ path: string, bytes: number }} ServedFile */
/** @typedef {{ version: string, shell: ServedFile[], models: ServedFile[], peer: ServedFile[] }} Listing */

/** @type {Promise<Listing>} */
const listing = fetch("/files.json").then(
  (answer) => (answer.ok ? answer.json() : { shell: [], models: [], peer: [] }),
  () => ({ shell: [], models: [], peer: [] }),
);

/**
 * Bytes of a model's file, undefined if it is not here.
 * @param {string} path
 */
export async function bytesOfModel(path) {
  return (await listing).models.find((file) => file.path === path)?.bytes;
}

/** The files of onnxruntime-web, none if they are not here. */
export const peerFiles = async () => (await listing).peer;

/** What is to be downloaded to run models here: the modules and scripts that a page loads. */
export async function runtimeBytes(/** @type {string} */ build) {
  const { shell } = await listing;
  return shell
    .filter(({ path }) => new RegExp(`^/mite/dist/(mite-${build}\\.wasm|index\\.js|worker\\.js)$`).test(path))
    .reduce((sum, { bytes }) => sum + bytes, 0);
}
