// SPDX-License-Identifier: Apache-2.0
// A download that is kept: what comes is passed on and written down.
import { readFile } from "./kept.js";
import { freshness } from "./record.js";
import { Writer } from "./writer.js";

/** @typedef {import("../download.js").Download} Download */
/** @typedef {import("../source.js").OpenSource} OpenSource */
/** @typedef {import("./keep.js").Tools} Tools */
/** @typedef {import("./record.js").KeptRecord} KeptRecord */
/** @typedef {import("./store.js").Store} Store */

/**
 * @param {Pick<Tools, "MiteError">} tools
 * @param {"unsupported" | "quota"} code
 * @param {string} why
 * @param {unknown} [cause]
 */
export function cannotKeep({ MiteError }, code, why, cause) {
  const text = `the model cannot be kept on this device: ${why}; with the option cache: "auto" it is loaded all the same`;
  return new MiteError(code, text, { cause });
}

/**
 * Perhaps after a part that is kept already.
 * @implements {OpenSource}
 */
export class Keeping {
  /** @type {"network" | "cache"} */
  from = "network";
  what;
  /** @type {Promise<string | undefined> | undefined} */
  noted;
  #download;
  #writer;
  #store;
  #key;
  #record;
  #part; // files of it
  #next = 0;
  #hasOld;
  #demanded;
  #sha256;
  #release;
  #tools;
  #damaged = false;

  /**
   * @param {Download} download
   * @param {{ store: Store, key: string, record: KeptRecord, hasOld: boolean, demanded: boolean,
   *   release: () => void, sha256?: string, tools: Tools }} parts hasOld: another version is kept
   */
  constructor(download, { store, key, record, hasOld, demanded, release, sha256, tools }) {
    this.what = download.what;
    this.#download = download;
    this.#writer = new Writer(store, key, record);
    this.#store = store;
    this.#key = key;
    this.#record = record;
    this.#part = record.sizes.length;
    this.#hasOld = hasOld;
    this.#demanded = demanded;
    this.#sha256 = sha256;
    this.#release = release;
    this.#tools = tools;
  }

  #refusal() {
    const { failure } = this.#writer;
    return failure && cannotKeep(this.#tools, "quota", failure.why, failure.cause);
  }

  async read() {
    if (this.#demanded) {
      await this.#writer.ready();
      if (this.#writer.failure) throw this.#refusal();
    }
    if (this.#next < this.#part) {
      this.from = "cache";
      const file = this.#next++;
      return readFile(this.#store, this.#key, this.#record, file, this.#tools).catch((error) => {
        this.#damaged = true;
        throw error;
      });
    }
    this.from = "network";
    const piece = await this.#download.read();
    if (piece) await this.add(piece);
    return piece;
  }

  /** @param {Uint8Array} piece that was read of the download, by whom ever */
  add(piece) {
    return this.#writer.add(piece);
  }

  cancel() {
    this.#download.cancel();
  }

  /** @param {import("../source.js").Outcome} outcome */
  async settle(outcome) {
    return "id" in outcome ? this.#finish(outcome.id) : this.#fail(outcome.error);
  }

  /** @param {string} id */
  async #finish(id) {
    const sha256 = this.#sha256?.toLowerCase();
    const freshUntil = freshness(this.#download.header);
    const known = { id, sha256, freshUntil };
    const committing = this.#writer.commit(known).catch(() => {}); // tidying up can wait
    const writing = committing.finally(this.#release);
    this.noted = writing.then(() => this.#refusal()?.message);
    if (!this.#demanded) return undefined; // not waited for
    await writing;
    if (this.#writer.failure) throw this.#refusal();
    return undefined;
  }

  /**
   * @param {unknown} error
   * @returns {Promise<import("../source.js").Again | undefined>}
   */
  async #fail(error) {
    const wrong = this.#tools.isWrong(error);
    const anew = this.#damaged ? "anew" : await this.#download.settle({ error });
    const spoiled = wrong || anew;
    const ending = spoiled ? this.#writer.drop() : this.#writer.leave();
    await ending.catch(() => {}).finally(this.#release);
    // If what came is no model (a login page, perhaps): better the one before.
    return anew ?? (wrong && this.#hasOld ? "kept" : undefined);
  }
}
