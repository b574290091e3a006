// SPDX-License-Identifier: Apache-2.0
// Opens an address by way of what is kept on this device, and keeps what it downloads. A chunk of
// its own, which only pages fetch.
//
// A kept model is used without a question where `sha256` pins it or the server said how long it
// stays fresh; else the server is asked, and what is kept is used if it has not changed, or if the
// network fails. Whatever is read is verified as if it came from the network.
import { changedFile } from "./changed.js";
import { Keeping, cannotKeep } from "./keeping.js";
import { Kept } from "./kept.js";
import { recordOf } from "./record.js";
import { openStore } from "./store.js";
import { removeOthers } from "./writer.js";

export { estimate } from "./estimate.js";
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
 * @property {typeof import("../sniff.js").kindOfBytes} kindOfBytes
 * @property {typeof import("./lock.js").lock} lock
 * @property {typeof import("../source.js").openSource} openSource
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
  const { lock } = tools;
  const name = `${folder} ${key}`;
  // Pages that download the same model take turns, so that the second finds it kept. What a first
  // visit waits for is done side by side.
  const locking = early && !again ? lock(name, { ifAvailable: true }) : undefined;
  const store = await openStore(folder, cache);
  if (!store) {
    locking?.then((release) => release?.());
    if (cache !== "auto") throw cannotKeep(tools, "unsupported", `there is no ${cache} here`);
    const download = new tools.Download(address, { signal, retry, early });
    await download.begin();
    return download;
  }
  if (again === "anew") await store.remove(key);
  const kept = await recordOf(store, key, "kept");
  if (kept) {
    locking?.then((release) => release?.());
    drop(early);
    const usable = again === "kept" || isSettled(kept, sha256);
    const asking = { signal, kept: true };
    const changed = usable
      ? undefined
      : await changedFile(address, kept.identity, otherThan(kept, tools), tools, asking);
    if (!changed) return new Kept(store, key, kept, { sha256, tools });
    early = Promise.resolve(changed);
  }

  const locked = kept ? undefined : locking;
  let release = await (locked ?? lock(name, { ifAvailable: true }));
  if (!release) {
    drop(early); // another page downloads it
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
    const part = kept ? undefined : await recordOf(store, key, "part");
    if (part) {
      drop(early);
      early = undefined;
    }
    const asking = { signal, retry, early, kept: true };
    const { download, resumed } = await begin(address, asking, tools, part);
    const hasOld = kept !== undefined;
    if (part && !resumed) await removeOthers(store, key, kept?.generation ?? "");
    const record = resumed ?? newRecord(address, download.identity);
    const keeping = { store, key, record, hasOld, release: unlock, sha256, tools };
    const demanded = cache !== "auto";
    if (!demanded && !mayKeep(download)) {
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
 * What keeps a download that someone else reads and has the lock for; whatever was kept gives way to it.
 * @param {Download} download which has begun
 * @param {string} address
 * @param {KeepOptions & { release: () => void }} options
 * @param {Tools} tools
 * @returns {Promise<Keeping | undefined>} undefined where it is not to be kept
 */
export async function follow(download, address, { folder, key, sha256, release }, tools) {
  const store = mayKeep(download) && (await openStore(folder, "auto"));
  if (!store) return undefined;
  const record = newRecord(address, download.identity);
  return new Keeping(download, { store, key, record, hasOld: false, demanded: false, release, sha256, tools });
}

/** @param {Download} download */
const mayKeep = ({ header }) => !/\bno-store\b/.test(header("cache-control") ?? "");

/** @param {Promise<Answer> | undefined} early a request that is not needed */
function drop(early) {
  early?.then(({ cancel }) => cancel()).catch(() => {});
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
 * Whatever the server says of it, a model is told by its own beginning.
 * @param {KeptRecord} kept
 * @param {Tools} tools
 * @returns {(answer: Answer) => Promise<Answer | undefined>}
 */
const otherThan = ({ id }, { hexOf }) => async (answer) => {
  const { head, whole } = await readHead(answer);
  return hexOf(head.subarray(ID_AT, ID_END)) === id ? undefined : whole;
};

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
