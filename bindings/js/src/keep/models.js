// SPDX-License-Identifier: Apache-2.0
// The models that are kept on this device, for pages to show and to delete.
import { recordOf } from "./record.js";
import { openStores } from "./store.js";

/** @typedef {import("../../mite.d.ts").KeptModel} KeptModel */

/**
 * @param {string} folder
 * @returns {Promise<KeptModel[]>}
 */
export async function list(folder) {
  /** @type {KeptModel[]} */
  const models = [];
  for (const store of await openStores(folder)) {
    for (const key of await store.keys()) {
      const record = await recordOf(store, key, "kept");
      if (!record?.bytes) continue;
      const { address, id = "", bytes, keptAt } = record;
      models.push({ address, id, bytes, keptAt: new Date(keptAt), store: store.kind });
    }
  }
  return models;
}

/**
 * Deletes what stems from one address, or all, whole or begun.
 * @param {string} folder
 * @param {{ key: string, address: string }} [one] key: of the model that lies at the address; others
 *   may have been converted from it
 * @returns {Promise<number>} of models deleted
 */
export async function remove(folder, one) {
  let count = 0;
  if (!one) globalThis.localStorage?.removeItem(folder);
  for (const store of await openStores(folder)) {
    for (const key of await store.keys()) {
      const record = await recordOf(store, key, "kept");
      if (one && key !== one.key && record?.address !== one.address) continue;
      await store.remove(key);
      if (record?.bytes !== 0) count++; // a note that a source is converted by shape
    }
  }
  return count;
}

/** @param {string} folder */
export async function storage(folder) {
  const { storage } = globalThis.navigator ?? {};
  const { quota = 0, usage = 0 } = (await storage?.estimate?.()) ?? {};
  const bytes = (await list(folder)).reduce((sum, model) => sum + model.bytes, 0);
  return { bytes, usage, quota, persistent: (await storage?.persisted?.()) ?? false };
}

export async function persist() {
  return (await globalThis.navigator?.storage?.persist?.()) ?? false;
}
