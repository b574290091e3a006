// SPDX-License-Identifier: Apache-2.0
// What a device remembers of its models: small records by key, in IndexedDB where there is one, in a folder
// where Node is told to.
import { messageOf } from "../errors.js";
import { isNode, nodeModule } from "../platform.js";

/**
 * Records are values that can be written as JSON.
 * @typedef {object} Memory
 * @property {(key: string, change: (old: any) => unknown) => Promise<any>} update reads a record
 *   (undefined where there is none), writes what `change` makes of it at once, and resolves to that; no other
 *   update of the record comes between
 * @property {string} [note] why it lasts no longer than this page or process, a sentence
 */
/** @typedef {NonNullable<import("../../field.d.ts").FieldOptions["memory"]>} GivenMemory */

const DATABASE = "mite-field";
const STORE = "models";

/** @type {Map<string, unknown>} For this page or process alone. */
const here = new Map();

/**
 * @param {string} [note]
 * @returns {Memory}
 */
export function shortMemory(note) {
  return {
    note,
    async update(key, change) {
      const value = change(structuredClone(here.get(key)));
      here.set(key, structuredClone(value));
      return value;
    },
  };
}

/**
 * @param {GivenMemory} [given]
 * @returns {Promise<Memory>}
 */
export async function openMemory(given) {
  if (typeof given === "string") return inTurns(given, () => folderOf(given));
  if (given) return inTurns(given, () => given);
  if (isNode) return shortMemory();
  try {
    (await openDatabase()).close();
    return { update: updateInDatabase };
  } catch (error) {
    return shortMemory(`this browser grants no IndexedDB here (${messageOf(error)})`);
  }
}

/**
 * By what this device is told from others in roll-outs: made at random, and never sent.
 * @param {Memory} memory
 * @returns {Promise<string>}
 */
export async function clientIn(memory) {
  const made = crypto.randomUUID();
  try {
    return (await memory.update("device", (old) => ({ client: old?.client ?? made }))).client;
  } catch {
    return made; // for this time
  }
}

// --- IndexedDB -------------------------------------------------------------------------------

/**
 * Opened for every update, so that a page in the background keeps nobody from deleting it.
 * @type {Memory["update"]}
 */
async function updateInDatabase(key, change) {
  const database = await openDatabase();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, "readwrite", { durability: "strict" });
      const store = transaction.objectStore(STORE);
      const reading = store.get(key);
      /** @type {unknown} */
      let value;
      reading.onsuccess = () => {
        value = change(reading.result);
        store.put(value, key);
      };
      transaction.oncomplete = () => resolve(value);
      transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    database.close();
  }
}

/** @returns {Promise<IDBDatabase>} */
function openDatabase() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

// --- Others ----------------------------------------------------------------------------------

/** @type {Map<unknown, Memory>} Each takes its updates one after another, whoever opened it. */
const opened = new Map();

/**
 * @param {unknown} place
 * @param {() => Exclude<GivenMemory, string>} make
 * @returns {Memory}
 */
function inTurns(place, make) {
  const known = opened.get(place);
  if (known) return known;
  const store = make();
  /** @type {Promise<unknown>} */
  let last = Promise.resolve();
  /** @type {Memory} */
  const memory = {
    update(key, change) {
      const updating = last.then(async () => {
        const value = change(await store.read(key));
        await store.write(key, value);
        return value;
      });
      last = updating.catch(() => {});
      return updating;
    },
  };
  opened.set(place, memory);
  return memory;
}

/**
 * A file for each record, written beside and then renamed, so that it is there whole or not at all.
 * @param {string} folder
 * @returns {Exclude<GivenMemory, string>}
 */
function folderOf(folder) {
  const { mkdir, readFile, rename, writeFile } = nodeModule("node:fs/promises");
  const { createHash, randomUUID } = nodeModule("node:crypto");
  const { join } = nodeModule("node:path");
  const fileOf = (/** @type {string} */ key) =>
    join(folder, `${createHash("sha256").update(key).digest("hex").slice(0, 32)}.json`);
  return {
    async read(key) {
      try {
        return JSON.parse(await readFile(fileOf(key), "utf8"));
      } catch (error) {
        const { code, name } = /** @type {NodeJS.ErrnoException} */ (error);
        if (code === "ENOENT" || name === "SyntaxError") return undefined; // damaged counts as forgotten
        throw error;
      }
    },
    async write(key, value) {
      await mkdir(folder, { recursive: true });
      const beside = `${fileOf(key)}.${randomUUID()}`;
      await writeFile(beside, JSON.stringify(value));
      await rename(beside, fileOf(key));
    },
  };
}
