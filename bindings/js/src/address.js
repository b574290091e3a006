// SPDX-License-Identifier: Apache-2.0
// Opens a model by its address: straight from the network in Node, in pages by way of what is kept
// on the device (keep/, fetched only there).
import { Download, ask, askPlainly, isRemote, isWrong } from "./download.js";
import { MiteError } from "./errors.js";
import { lock } from "./keep/lock.js";
import { passedOn } from "./keep/passed-on.js";
import { FOLDER, canKeep } from "./keep/place.js";
import { filePath, isNode } from "./platform.js";
import { kindOfBytes } from "./sniff.js";
import { openSource } from "./source.js";
import { hexOf } from "./wasm.js";

/**
 * @typedef {object} AddressOptions
 * @property {AbortSignal} [signal]
 * @property {number} [retry]
 * @property {"auto" | "opfs" | "cache-api" | false} [cache]
 * @property {string} [sha256]
 * @property {import("./source.js").Again} [again]
 */

const tools = { Download, ask, isWrong, MiteError, hexOf, kindOfBytes, lock, openSource };

/** What is needed only where models are kept. */
const keeping = () => import("./keep/keep.js");

/**
 * The address as a page means it, without a fragment, which servers do not see.
 * @param {string | URL} address
 */
function fullAddress(address) {
  try {
    const url = new URL(address, globalThis.location?.href);
    url.hash = "";
    return url.href;
  } catch (error) {
    throw new MiteError("argument", `${address} is no address`, { cause: error });
  }
}

/**
 * What a model is kept under: a digest, for addresses may be longer than names of files.
 * @param {string | URL} address
 */
async function keyOf(address) {
  const bytes = new TextEncoder().encode(fullAddress(address));
  return hexOf(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes), 0, 16));
}

/**
 * @param {string | URL} address
 * @param {AddressOptions} options
 * @returns {Promise<import("./source.js").OpenSource>}
 */
export async function openAddress(address, options) {
  if ((await filePath(address)) !== null) return openSource(address, options.signal);
  const full = fullAddress(address);
  const { signal, retry, cache = "auto" } = options;
  if (cache && cache !== "auto" && !canKeep()) {
    throw new MiteError("unsupported", `there is no ${cache} here to keep the model; ${OR_AUTO}`);
  }
  let early;
  if (cache && canKeep() && isRemote(full)) {
    const importing = keeping().catch(() => undefined); // service workers cannot import
    const first = !mayBeKept();
    if (first) early = ask(full, { signal, kept: true });
    early?.catch(() => {}); // heard of where it is awaited
    const key = await keyOf(full);
    const keepOptions = { ...options, folder: FOLDER, cache, key, early };
    // A first visit waits for nothing of all this but the answer; pages that begin together take turns.
    const free = { ifAvailable: true };
    const release = first && cache === "auto" && (await lock(`${FOLDER} ${key}`, free));
    if (release) {
      const download = new Download(full, { signal, retry, early, kept: true });
      const begun = download.begin();
      const keeper = Promise.all([importing, begun]).then(([keep]) =>
        keep?.follow(download, full, { ...keepOptions, release }, tools),
      );
      const source = passedOn(download, keeper, release);
      await begun;
      return source;
    }
    const keep = await importing;
    if (keep) return keep.openKept(full, keepOptions, tools);
  } else if (isNode) {
    early = askPlainly(full, signal);
  }
  const download = new Download(full, { signal, retry, early });
  await download.begin();
  return download;
}

const OR_AUTO = 'with the option cache: "auto" it is loaded all the same';

/**
 * Whether anything was before, or is being downloaded by another page, as far as can be told without
 * waiting: who asks this first leaves a note. Where it is wrong, a request is made too many, or late.
 */
function mayBeKept() {
  try {
    const noted = localStorage.getItem(FOLDER) !== null;
    if (!noted) localStorage.setItem(FOLDER, "kept");
    return noted;
  } catch {
    return true; // a worker
  }
}

/** @type {typeof import("../mite.d.ts").models} */
export const models = {
  list: async () => (await keeping()).list(FOLDER),
  delete: async (address) => {
    const all = address === undefined;
    const one = all ? undefined : { key: await keyOf(address), address: fullAddress(address) };
    return (await keeping()).remove(FOLDER, one);
  },
  storage: async () => (await keeping()).storage(FOLDER),
  persist: async () => (await keeping()).persist(),
};

/** @type {typeof import("../mite.d.ts").estimate} */
export async function estimate(source, options = {}) {
  const isAddress = typeof source === "string" || source instanceof URL;
  const address = isAddress && !(await filePath(source)) ? fullAddress(source) : undefined;
  const key = address && canKeep() ? await keyOf(address) : undefined;
  const { estimate: made } = await keeping();
  return made(source, options, { address, key, folder: FOLDER, tools });
}
