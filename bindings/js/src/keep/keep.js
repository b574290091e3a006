// SPDX-License-Identifier: Apache-2.0
// Opens an address by way of what is kept on this device, and keeps what it downloads. A chunk of
// its own, which only pages fetch.
//
// A kept model is used without a question where `sha256` pins it or the server said how long it
// stays fresh; else the server is asked, and what is kept is used if it has not changed, or if the
// network fails. Whatever is read is verified as if it came from the network.
import { recordOf, writeRecord } from "./record.js";
import { openStore } from "./store.js";
import { Writer, removeOthers } from "./writer.js";

export * from "./models.js";

/** @typedef {import("../download.js").Answer} Answer */
/** @typedef {import("../download.js").Download} Download */
/** Given, not imported, so that the package's entry is not cut up for this chunk's sake.
 * @typedef {object} Tools
 * @property {typeof import("../download.js").Download} Download
 * @property {typeof import("../download.js").ask} ask
 * @property {typeof import("../download.js").isWrong} isWrong
 * @property {typeof import("../errors.js").MiteError} MiteError
 * @property {typeof import("../wasm.js").hexOf} hexOf
 */
/** @typedef {import("../source.js").OpenSource} OpenSource */
/** @typedef {import("./record.js").KeptRecord} KeptRecord */
/** @typedef {import("./store.js").Store} Store */

/**
 * @typedef {object} KeepOptions
 * @property {string} folder of all that mite keeps
 * @property {string} key of the address
 * @property {import("./store.js").StoreKind | "auto"} cache
 * @property {AbortSignal} [signal]
 * @property {number} [retry]
 * @property {string} [sha256]
 * @property {import("../source.js").Again} [again]
 * @property {Promise<Answer>} [early] a request for it that is under way already
 */

const PATIENCE_MS = 3000; // with a server that is asked whether a kept model has changed
const ID_AT = 96; // head_digest in a file, docs/format.md
const ID_END = 128;

/**
 * @param {string} address
 * @param {KeepOptions} options
 * @param {Tools} tools
 * @returns {Promise<OpenSource>}
 */
export async function openKept(address, options, tools) {
  const { folder, key, cache, signal, retry, sha256, again } = options;
  let { early } = options;
  const store = await openStore(folder, cache);
  if (!store) {
    if (cache !== "auto") throw cannotKeep(tools, "unsupported", `there is no ${cache} here`);
    const download = new tools.Download(address, { signal, retry, early });
    await download.begin();
    return download;
  }
  if (again === "anew") await store.remove(key);
  const kept = await recordOf(store, key, "kept");
  if (kept) {
    const usable = again === "kept" || isSettled(kept, sha256);
    const changed = usable ? undefined : await changedFile(address, kept, tools, signal);
    if (!changed) return new Kept(store, key, kept, { sha256, tools });
    early = Promise.resolve(changed);
  }

  const name = `${folder} ${key}`;
  let release = await lock(name, { ifAvailable: true });
  if (!release) {
    early?.then(({ cancel }) => cancel()).catch(() => {}); // another page downloads it
    early = undefined;
    release = /** @type {() => void} */ (await lock(name, { signal }));
    const theirs = await recordOf(store, key, "kept");
    if (theirs && theirs.generation !== kept?.generation) {
      release();
      return new Kept(store, key, theirs, { sha256, tools });
    }
  }
  const unlock = release;
  try {
    const part = early ? undefined : await recordOf(store, key, "part");
    const { download, resumed } = await begin(address, { signal, retry, early, kept: true }, tools, part);
    const hasOld = kept !== undefined;
    if (!resumed) await removeOthers(store, key, kept?.generation ?? "");
    const record = resumed ?? newRecord(address, download.identity);
    const keeping = { store, key, record, hasOld, release: unlock, sha256, tools };
    const demanded = cache !== "auto";
    if (!demanded && /\bno-store\b/.test(download.header("cache-control") ?? "")) {
      unlock();
      return download;
    }
    return new Keeping(download, { ...keeping, demanded });
  } catch (error) {
    unlock();
    throw error;
  }
}

/**
 * Goes on with a part where there is one and the server still has that file.
 * @param {string} address
 * @param {import("../download.js").DownloadOptions} options
 * @param {Tools} tools
 * @param {KeptRecord} [part]
 */
async function begin(address, options, { Download }, part) {
  if (part) {
    const { bytes: at, identity } = part;
    const download = new Download(address, { ...options, at, identity });
    try {
      await download.begin();
      return { download, resumed: part };
    } catch (error) {
      if (!download.changed) throw error;
      options.early = download.instead && Promise.resolve(download.instead);
    }
  }
  const download = new Download(address, options);
  await download.begin();
  return { download };
}

/**
 * @param {string} address
 * @param {import("../download.js").Identity} identity
 * @returns {KeptRecord}
 */
function newRecord(address, identity) {
  const generation = Math.random().toString(36).slice(2, 10);
  return { address, generation, identity, sizes: [], bytes: 0, keptAt: 0, freshUntil: 0 };
}

/**
 * Whether the server need not be asked. A hash that is asked for is verified if it never was.
 * @param {KeptRecord} kept
 * @param {string} [sha256]
 */
function isSettled(kept, sha256) {
  if (sha256) return !kept.sha256 || kept.sha256 === sha256.toLowerCase();
  return Date.now() < kept.freshUntil || navigator.onLine === false;
}

/**
 * Asks the server; undefined where what is kept is to be used.
 * @param {string} address
 * @param {KeptRecord} kept
 * @param {Tools} tools
 * @param {AbortSignal} [signal]
 * @returns {Promise<Answer | undefined>} the other file that the server has now
 */
async function changedFile(address, { identity, id }, { ask, MiteError, hexOf }, signal) {
  const impatience = new AbortController();
  const stop = () => impatience.abort();
  const asking = { ifChanged: true, kept: true };
  /** @type {Answer} */
  let answer;
  const timer = setTimeout(stop, PATIENCE_MS);
  signal?.addEventListener("abort", stop, { once: true });
  try {
    answer = await ask(address, { ...asking, signal: impatience.signal, identity });
    if (answer.status === 200) {
      // Whatever the server says of it, a file is told by its own beginning.
      const { head, whole } = await readHead(answer);
      if (hexOf(head.subarray(ID_AT, ID_END)) !== id) return whole;
    }
  } catch {
    signal?.throwIfAborted();
    return undefined; // no network, or none to speak of
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
  answer.cancel();
  const { status, reason } = answer;
  if (status < 400 || status === 408 || status === 429 || status >= 500) return undefined;
  const said = `${status}${reason ? ` (${reason})` : ""}`;
  throw new MiteError("network", `the server answered ${said} for ${address}`);
}

/**
 * @param {Tools} tools
 * @param {"unsupported" | "quota"} code
 * @param {string} why
 * @param {unknown} [cause]
 */
function cannotKeep({ MiteError }, code, why, cause) {
  const text = `the model cannot be kept on this device: ${why}; with the option cache: "auto" it is loaded all the same`;
  return new MiteError(code, text, { cause });
}

/**
 * The first bytes of an answer, and the answer as if they had not been read.
 * @param {Answer} answer
 */
async function readHead(answer) {
  /** @type {Uint8Array[]} */
  const pieces = [];
  let head = new Uint8Array(0);
  while (head.length < ID_END) {
    const { done, value } = await answer.read();
    if (done) break;
    pieces.push(value);
    head = new Uint8Array(await new Blob(/** @type {BlobPart[]} */ (pieces)).arrayBuffer());
  }
  const read = async () => (pieces.length ? { value: pieces.shift() } : answer.read());
  return { head, whole: { ...answer, read } };
}

/**
 * Pages that download the same model take turns, so that the second finds it kept.
 * @param {string} name
 * @param {LockOptions} options
 * @returns {Promise<(() => void) | undefined>} lets go of it; undefined if it was not available
 */
function lock(name, options) {
  if (!navigator.locks) return Promise.resolve(() => {});
  return new Promise((resolve, reject) => {
    navigator.locks
      .request(name, options, (held) => {
        if (!held) return resolve(undefined);
        return new Promise((release) => resolve(() => release(undefined)));
      })
      .catch(reject);
  });
}

/** A model that is kept. @implements {OpenSource} */
class Kept {
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
async function readFile(store, key, { generation, sizes, address }, index, { MiteError }) {
  const file = await store.read(key, `${generation}-${index}`);
  if (file?.size !== sizes[index]) {
    throw new MiteError("network", `what was kept of ${address} is damaged; load it again`);
  }
  return new Uint8Array(await file.arrayBuffer());
}

/**
 * A download that is kept, perhaps after a part that is.
 * @implements {OpenSource}
 */
class Keeping {
  /** @type {"network" | "cache"} */
  from = "network";
  what;
  /** @type {string | undefined} */
  note;
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
    if (piece) await this.#writer.add(piece);
    return piece;
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
    const writing = this.#writer.commit({ id, sha256, freshUntil }).finally(this.#release);
    if (!this.#demanded) {
      await this.#writer.ready();
      this.note = this.#refusal()?.message; // what is found out later is not waited for
      return undefined;
    }
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

/**
 * Until when the server need not be asked again.
 * @param {(name: string) => string | null} header
 */
function freshness(header) {
  const control = header("cache-control") ?? "";
  if (/\bno-cache\b/.test(control)) return 0;
  const seconds = Number(/\bmax-age=(\d+)/.exec(control)?.[1] ?? 0) - Number(header("age") ?? 0);
  return seconds > 0 ? Date.now() + 1000 * seconds : 0;
}
