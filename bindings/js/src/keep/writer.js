// SPDX-License-Identifier: Apache-2.0
// Writes a download down while it is passed on, in files of a few megabytes, each whole or absent;
// only when all of them are verified does a record make them a kept model.
import { recordOf, writeRecord } from "./record.js";

/** @typedef {import("./record.js").KeptRecord} KeptRecord */
/** @typedef {import("./store.js").Store} Store */

const FILE_BYTES = 8 << 20; // more than most models have, which are then written when they are loaded
const MOST_WAITING = 3 * FILE_BYTES; // bytes in memory, beyond which the download waits

export class Writer {
  #store;
  #key;
  #record;
  /** @type {Uint8Array[]} Not written yet. */
  #pieces = [];
  #gathered = 0; // bytes of these
  #waiting = 0; // bytes on their way to the disk, these not included
  /** @type {Promise<void>} */
  #writing;
  #room;
  /** @type {{ why: string, cause?: unknown } | undefined} Why nothing is kept. */
  failure;

  /**
   * @param {Store} store
   * @param {string} key
   * @param {KeptRecord} record of what is there already
   */
  constructor(store, key, record) {
    this.#store = store;
    this.#key = key;
    this.#record = record;
    this.#room = this.#checkRoom();
    this.#writing = this.#room;
  }

  async #checkRoom() {
    const { bytes = 0 } = this.#record.identity;
    const { quota, usage = 0 } = (await navigator.storage?.estimate?.().catch(() => {})) ?? {};
    const needed = bytes - this.#record.bytes;
    if (quota && needed > quota - usage) {
      await this.#fail(`it takes ${needed} bytes, and the browser grants ${quota - usage} more`);
    }
  }

  /** Resolves once it is known whether there is room. */
  ready() {
    return this.#room;
  }

  /** @param {Uint8Array} piece which nobody changes any more */
  async add(piece) {
    if (this.failure) return;
    this.#pieces.push(piece);
    this.#gathered += piece.length;
    if (this.#gathered >= FILE_BYTES) this.#flush(true);
    if (this.#waiting > MOST_WAITING) await this.#writing;
  }

  /** @param {boolean} [noted] so that a page that is closed before the end need not begin anew */
  #flush(noted = false) {
    const size = this.#gathered;
    if (!size) return;
    const content = new Uint8Array(size);
    let at = 0;
    for (const piece of this.#pieces) {
      content.set(piece, at);
      at += piece.length;
    }
    this.#pieces = [];
    this.#gathered = 0;
    this.#waiting += size;
    this.#writing = this.#writing
      .then(() => this.#write(content, noted))
      .catch((error) => this.#failToWrite(error))
      .finally(() => (this.#waiting -= size));
  }

  /** @param {Uint8Array<ArrayBuffer>} content @param {boolean} noted */
  async #write(content, noted) {
    if (this.failure) return;
    const { generation, sizes } = this.#record;
    await this.#store.write(this.#key, `${generation}-${sizes.length}`, content);
    sizes.push(content.length);
    this.#record.bytes += content.length;
    if (noted) await writeRecord(this.#store, this.#key, "part", this.#record);
  }

  /**
   * Browsers name what they do when space runs out in more than one way.
   * @param {unknown} error
   */
  #failToWrite(error) {
    return this.#fail(`a write failed, as it does where the quota is used up (${String(error)})`, error);
  }

  /**
   * @param {string} why
   * @param {unknown} [cause]
   */
  async #fail(why, cause) {
    this.failure ??= { why, cause };
    this.#pieces = [];
    await this.drop().catch(() => {}); // some other time
  }

  /**
   * All of the model has come, and was verified.
   * @param {Pick<KeptRecord, "id" | "sha256" | "freshUntil">} known
   */
  async commit(known) {
    this.#flush();
    await this.#writing;
    if (this.failure) return;
    const record = { ...this.#record, ...known, keptAt: Date.now() };
    await writeRecord(this.#store, this.#key, "kept", record).catch((error) =>
      this.#failToWrite(error),
    );
    if (!this.failure) await removeOthers(this.#store, this.#key, record.generation);
  }

  /** The download ended early; what has come is kept for the next one. */
  async leave() {
    this.#flush();
    await this.#writing;
    if (this.failure || !this.#record.bytes) return;
    const writing = writeRecord(this.#store, this.#key, "part", this.#record);
    await writing.catch((error) => this.#failToWrite(error));
  }

  /** Nothing of it is to be kept. */
  async drop() {
    const kept = await recordOf(this.#store, this.#key, "kept");
    if (kept) await removeOthers(this.#store, this.#key, kept.generation);
    else await this.#store.remove(this.#key).catch(() => {}); // in use: some other time
  }
}

/**
 * Removes the files of other generations than that of the kept model, and the record of a part.
 * @param {Store} store
 * @param {string} key
 * @param {string} generation
 */
export async function removeOthers(store, key, generation) {
  for (const name of await store.names(key)) {
    if (name === "kept.json" || name.startsWith(`${generation}-`)) continue;
    await store.remove(key, name).catch(() => {}); // in use: some other time
  }
}
