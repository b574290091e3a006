// SPDX-License-Identifier: Apache-2.0
// A model that is kept, read file by file.
import { writeRecord } from "./record.js";

/** @typedef {import("../source.js").OpenSource} OpenSource */
/** @typedef {import("./keep.js").Tools} Tools */
/** @typedef {import("./record.js").KeptRecord} KeptRecord */
/** @typedef {import("./store.js").Store} Store */

/** @implements {OpenSource} */
export class Kept {
  from = /** @type {const} */ ("cache");
  what;
  #store;
  #key;
  #record;
  #sha256;
  #tools;
  #next = 0;
  /** @type {Promise<Uint8Array> | undefined} Read ahead. */
  #coming;
  #damaged = false;

  /**
   * @param {Store} store
   * @param {string} key
   * @param {KeptRecord} record
   * @param {{ sha256?: string, tools: Tools }} options
   */
  constructor(store, key, record, { sha256, tools }) {
    this.what = record.address;
    this.#store = store;
    this.#key = key;
    this.#record = record;
    this.#sha256 = sha256;
    this.#tools = tools;
  }

  async read() {
    try {
      const piece = await (this.#coming ?? this.#take());
      this.#coming = this.#take();
      this.#coming?.catch(() => {}); // heard of when it is asked for
      return piece;
    } catch (error) {
      this.#damaged = true;
      throw error;
    }
  }

  #take() {
    const { sizes } = this.#record;
    if (this.#next === sizes.length) return undefined;
    return readFile(this.#store, this.#key, this.#record, this.#next++, this.#tools);
  }

  cancel() {}

  /** @param {import("../source.js").Outcome} outcome */
  async settle(outcome) {
    if ("error" in outcome) {
      const spoiled = this.#damaged || this.#tools.isWrong(outcome.error);
      return spoiled ? /** @type {const} */ ("anew") : undefined;
    }
    if (this.#sha256 && !this.#record.sha256) {
      const record = { ...this.#record, sha256: this.#sha256.toLowerCase() };
      await writeRecord(this.#store, this.#key, "kept", record).catch(() => {}); // verified again then
    }
    return undefined;
  }
}

/**
 * @param {Store} store
 * @param {string} key
 * @param {KeptRecord} record
 * @param {number} index
 * @param {Tools} tools
 */
export async function readFile(store, key, { generation, sizes, address }, index, { MiteError }) {
  const file = await store.read(key, `${generation}-${index}`);
  if (file?.size !== sizes[index]) {
    throw new MiteError("network", `what was kept of ${address} is damaged; load it again`);
  }
  return new Uint8Array(await file.arrayBuffer());
}
