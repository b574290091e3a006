// SPDX-License-Identifier: Apache-2.0
// Where downloaded models are kept: the origin's private file system, or where there is none the
// Cache API, or where there is neither (private windows, insecure origins) nowhere. A model has a
// folder; a file in it is written whole or not at all.

/**
 * @typedef {object} Store
 * @property {StoreKind} kind
 * @property {() => Promise<string[]>} keys of the models
 * @property {(key: string) => Promise<string[]>} names of a model's files
 * @property {(key: string, name: string) => Promise<Blob | undefined>} read
 * @property {(key: string, name: string, content: Uint8Array<ArrayBuffer>) => Promise<void>} write
 * @property {(key: string, name?: string) => Promise<void>} remove a file, or all of a model
 */

/** @typedef {"opfs" | "cache-api"} StoreKind */

/** @type {Record<StoreKind, (folder: string) => Promise<Store>>} */
const kinds = {
  opfs: async (folder) => {
    // Engines that write there only in workers are left to the Cache API.
    if (!("createWritable" in FileSystemFileHandle.prototype)) throw new Error();
    const root = await navigator.storage.getDirectory();
    return new FileStore(await root.getDirectoryHandle(folder, { create: true }));
  },
  "cache-api": async (folder) => new CacheStore(await caches.open(folder)),
};

/**
 * @param {string} folder
 * @param {StoreKind | "auto"} wish
 * @returns {Promise<Store | undefined>}
 */
export async function openStore(folder, wish) {
  for (const kind of wish === "auto" ? order : [wish]) {
    const store = await kinds[kind](folder).catch(() => undefined);
    if (store) return store;
  }
  return undefined;
}

const order = /** @type {StoreKind[]} */ (["opfs", "cache-api"]);

/**
 * All that there are, for they may have been used in turn.
 * @param {string} folder
 */
export async function openStores(folder) {
  const stores = await Promise.all(order.map((kind) => kinds[kind](folder).catch(() => undefined)));
  return stores.filter((store) => store !== undefined);
}

/** @implements {Store} */
class FileStore {
  kind = /** @type {const} */ ("opfs");
  #folder;

  /** @param {FileSystemDirectoryHandle} folder */
  constructor(folder) {
    this.#folder = folder;
  }

  keys() {
    return namesIn(this.#folder);
  }

  /** @param {string} key */
  async names(key) {
    const folder = await found(this.#folder.getDirectoryHandle(key));
    return folder ? namesIn(folder) : [];
  }

  /** @param {string} key @param {string} name */
  async read(key, name) {
    const folder = await found(this.#folder.getDirectoryHandle(key));
    const file = await found(folder?.getFileHandle(name));
    return file?.getFile();
  }

  /** @param {string} key @param {string} name @param {Uint8Array<ArrayBuffer>} content */
  async write(key, name, content) {
    const folder = await this.#folder.getDirectoryHandle(key, { create: true });
    const file = await folder.getFileHandle(name, { create: true });
    const stream = await file.createWritable(); // into a copy, which takes the file's place at the end
    try {
      await stream.write(content);
      await stream.close();
    } catch (error) {
      await folder.removeEntry(name).catch(() => {}); // was empty until now
      throw error;
    }
  }

  /** @param {string} key @param {string} [name] */
  async remove(key, name) {
    if (name === undefined) return found(this.#folder.removeEntry(key, { recursive: true }));
    const folder = await found(this.#folder.getDirectoryHandle(key));
    await found(folder?.removeEntry(name));
  }
}

/** @param {FileSystemDirectoryHandle} folder */
async function namesIn(folder) {
  const names = [];
  for await (const name of folder.keys()) names.push(name);
  return names;
}

/**
 * What may be missing.
 * @template T
 * @param {Promise<T> | undefined} promise
 * @returns {Promise<T | undefined>}
 */
async function found(promise) {
  try {
    return await promise;
  } catch (error) {
    if (/** @type {Error} */ (error).name === "NotFoundError") return undefined;
    throw error;
  }
}

/** @implements {Store} */
class CacheStore {
  kind = /** @type {const} */ ("cache-api");
  #cache;

  /** @param {Cache} cache */
  constructor(cache) {
    this.#cache = cache;
  }

  /** @returns {Promise<string[][]>} key and name of every file */
  async #files() {
    const requests = await this.#cache.keys();
    return requests.map(({ url }) => new URL(url).pathname.split("/").slice(-2));
  }

  async keys() {
    return [...new Set((await this.#files()).map(([key]) => key))];
  }

  /** @param {string} key */
  async names(key) {
    return (await this.#files()).filter(([of]) => of === key).map(([, name]) => name);
  }

  /** @param {string} key @param {string} name */
  async read(key, name) {
    return (await this.#cache.match(addressOf(key, name)))?.blob();
  }

  /** @param {string} key @param {string} name @param {Uint8Array<ArrayBuffer>} content */
  write(key, name, content) {
    return this.#cache.put(addressOf(key, name), new Response(content));
  }

  /** @param {string} key @param {string} [name] */
  async remove(key, name) {
    const names = name === undefined ? await this.names(key) : [name];
    for (const each of names) await this.#cache.delete(addressOf(key, each));
  }
}

/**
 * Never fetched: the Cache API wants addresses for names.
 * @param {string} key
 * @param {string} name
 */
function addressOf(key, name) {
  return new URL(`/mite/${key}/${name}`, location.href);
}
