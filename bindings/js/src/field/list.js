// SPDX-License-Identifier: Apache-2.0
// Where a site's list of models lies, how it is read, and what of it a device should have.
import { MiteError } from "../errors.js";
import { filePath, nodeModule } from "../platform.js";
import { cannotRead, checkResponse, request } from "../source.js";
import { version as runtime } from "../release.js";
import { chooseVersion, compareVersions, isVersion, parseManifest, verifyManifest } from "./manifest.js";
import { isBad } from "./record.js";

/** @typedef {import("./manifest.js").Entry} Entry */
/** @typedef {import("./manifest.js").Manifest} Manifest */
/** @typedef {import("./record.js").Candidate} Candidate */
/** @typedef {import("./record.js").DeviceRecord} DeviceRecord */

const PATIENCE_MS = 10_000; // with the server of the list; models have their own

/**
 * @param {string | URL} manifest
 * @returns {string} its full address, or, in Node, the path of a file
 */
export function addressOf(manifest) {
  const base = globalThis.document?.baseURI ?? globalThis.location?.href;
  try {
    return base ? new URL(manifest, base).href : String(manifest);
  } catch (error) {
    throw new MiteError("argument", `${String(manifest)} is no address of a list of models`, { cause: error });
  }
}

/**
 * @param {string} list its address
 * @param {string} file as the list names it
 */
async function addressOfFile(list, file) {
  const isPath = (await filePath(list)) !== null && !/^file:/i.test(list);
  return isPath ? list.replace(/[^/\\]*$/, "") + file : new URL(file, list).href;
}

/**
 * @param {string} address
 * @param {object} options
 * @param {readonly string[]} options.publicKeys
 * @param {boolean} options.unsigned
 * @param {AbortSignal} options.signal
 * @returns {Promise<{ manifest: Manifest, key?: string }>} the list, and the name of the trusted key that has
 *   signed it, if that is asked for
 */
export async function readList(address, { publicKeys, unsigned, signal }) {
  const path = await filePath(address);
  const text = path === null ? await fetchText(address, signal) : await readText(path);
  const manifest = parseManifest(text);
  return unsigned ? { manifest } : { manifest, key: await verifyManifest(manifest, publicKeys) };
}

/**
 * @param {Manifest} manifest
 * @param {string} [wanted] may be left out where there is one
 * @returns {{ name: string, entry: Entry }}
 */
export function entryOf({ models }, wanted) {
  const names = Object.keys(models);
  const name = wanted ?? (names.length === 1 ? names[0] : "");
  if (Object.hasOwn(models, name)) return { name, entry: models[name] };
  throw new MiteError("argument", `pass the name of a model of the list, which has ${names.join(", ") || "none"}`);
}

/**
 * @typedef {object} Wish
 * @property {string} list address of the list
 * @property {string} name of the model
 * @property {string} client
 * @property {string} channel
 * @property {string} [version] pinned
 * @property {string} [key] that has signed the list
 */

/**
 * @param {Entry} entry
 * @param {Wish} wish
 * @param {DeviceRecord} record
 * @param {(sha256: string) => boolean} hasFailed just now
 * @returns {Promise<Candidate | undefined>}
 */
export async function candidateFor(entry, { list, key, ...wish }, record, hasFailed) {
  const version = await chooseVersion(entry, {
    ...wish,
    runtime,
    isBad: ({ sha256 }) => isBad(record, sha256) || hasFailed(sha256),
  });
  if (version === undefined) return undefined;
  const { file, sha256, added } = entry.versions[version];
  return { version, sha256, added, key, address: await addressOfFile(list, file) };
}

/**
 * The error where there is no candidate.
 * @param {Entry} entry
 * @param {Wish} wish
 * @param {DeviceRecord} record
 */
export function nothingWorks(entry, { name, channel, version: pinned }, record) {
  const { version, otherwise } = pinned === undefined ? entry.channels[channel] : { version: pinned };
  const reasons = [...new Set([version, ...(otherwise === undefined ? [] : [otherwise])])].map((one) => {
    const { sha256, runtime: least } = entry.versions[one];
    if (isBad(record, sha256)) return `${one}: ${record.faults[sha256].why}`;
    const isTooNew = isVersion(runtime) && compareVersions(least, runtime) > 0;
    return isTooNew ? `${one} needs mite ${least}, and this is ${runtime}` : `${one} goes to other devices`;
  });
  return new MiteError("unsupported", `no version of model ${name} is for this device: ${reasons.join("; ")}`);
}

/** @param {string} path */
async function readText(path) {
  const { readFile } = nodeModule("node:fs/promises");
  return readFile(path, "utf8").catch((/** @type {NodeJS.ErrnoException} */ error) => {
    throw cannotRead(path, error);
  });
}

/**
 * @param {string} address
 * @param {AbortSignal} signal
 */
async function fetchText(address, signal) {
  const stop = new AbortController();
  const abort = () => stop.abort(signal.reason);
  const giveUp = () =>
    stop.abort(new MiteError("network", `${address} was not there within ${PATIENCE_MS / 1000} s`));
  const timer = setTimeout(giveUp, PATIENCE_MS);
  signal.addEventListener("abort", abort, { once: true });
  try {
    signal.throwIfAborted();
    const response = await request(address, { cache: "no-cache", signal: stop.signal });
    checkResponse(response);
    return await response.text();
  } catch (error) {
    stop.signal.throwIfAborted();
    if (error instanceof MiteError) throw error;
    throw new MiteError("network", `${address} broke off: ${String(error)}`, { cause: error });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}
