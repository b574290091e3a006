// SPDX-License-Identifier: Apache-2.0
// The list of a site's models: which versions there are, which of them a channel serves, and who says so.
// docs/registry.md specifies it; the command `mite registry` writes it, `openModel` (mite/field) reads it.
import { MiteError, messageOf } from "../errors.js";

/**
 * @typedef {object} Version
 * @property {string} file a path relative to the list's own address, not above its folder
 * @property {string} sha256 of the whole file
 * @property {number} bytes
 * @property {string} runtime the least version of mite that can run it
 * @property {string} added ISO 8601; of two versions the later one is the newer
 */
/**
 * @typedef {object} Channel
 * @property {string} version
 * @property {number} percent of the devices that get it
 * @property {string} [otherwise] what the others get, and those that cannot run `version` or on which it
 *   failed; required below 100 percent
 */
/**
 * @typedef {object} Change
 * @property {string} at ISO 8601
 * @property {string} what
 * @property {string} version
 * @property {string} [channel]
 * @property {number} [percent]
 * @property {string} [before]
 */
/**
 * @typedef {object} Entry
 * @property {Record<string, Version>} versions
 * @property {Record<string, Channel>} channels
 * @property {Change[]} history oldest first
 */
/** @typedef {{ key: string, value: string }} Signature base64 of 64 bytes by the key of that name */
/**
 * @typedef {object} Manifest
 * @property {"mite-models"} format
 * @property {1} formatVersion
 * @property {number} serial grows with every change (also with one that goes back to an earlier version), so
 *   that an old list cannot be passed off as a new one
 * @property {Record<string, Entry>} models
 * @property {Signature[]} [signatures]
 */

export const FORMAT = "mite-models";
const MAX_DEPTH = 32; // of a list's values: far more than it has, and no stack runs out
const encoder = new TextEncoder();

/** @param {string} sentence @returns {never} */
function refuse(sentence) {
  throw new MiteError("format", `the list of models cannot be used: ${sentence}`);
}

/** @param {unknown} value @returns {value is Record<string, any>} */
const isRecord = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
/** @param {unknown} value */
const isCount = (value) => Number.isSafeInteger(value) && Number(value) >= 0;
/** @param {unknown} value */
const isDate = (value) => typeof value === "string" && !Number.isNaN(Date.parse(value));

/**
 * @param {string} text
 * @returns {Manifest} checked in every part
 */
export function parseManifest(text) {
  let json;
  try {
    json = JSON.parse(text);
  } catch (error) {
    refuse(/^\s*</.test(text) ? "a web page came in its place" : messageOf(error));
  }
  if (!isRecord(json) || json.format !== FORMAT) refuse(`its format is not "${FORMAT}"`);
  if (json.formatVersion !== 1) {
    throw new MiteError(
      "version",
      `the list of models has format version ${String(json.formatVersion)}, this mite reads 1; update mite`,
    );
  }
  if (!isCount(json.serial)) refuse("serial is no whole number");
  if (!isRecord(json.models)) refuse("models is missing");
  for (const [name, entry] of Object.entries(json.models)) checkEntry(name, entry);
  const { signatures = [] } = json;
  if (!Array.isArray(signatures) || !signatures.every(isSignature)) {
    refuse("signatures are not of the form { key, value } with 64 bytes in base64");
  }
  return /** @type {Manifest} */ (json);
}

/** @param {unknown} value */
const isSignature = (value) =>
  isRecord(value) && typeof value.key === "string" && /^[A-Za-z0-9+/]{86}==$/.test(String(value.value));

/**
 * @param {string} name
 * @param {unknown} entry
 */
function checkEntry(name, entry) {
  if (!isRecord(entry) || !isRecord(entry.versions) || !isRecord(entry.channels)) {
    refuse(`model ${name} lacks versions or channels`);
  }
  const { history } = entry;
  if (!Array.isArray(history) || !history.every(isChange)) refuse(`model ${name} lacks its history`);
  for (const [version, about] of Object.entries(entry.versions)) {
    const fault = isRecord(about) ? faultOfVersion(about) : "is no object";
    if (fault) refuse(`version ${version} of ${name} ${fault}`);
  }
  for (const [channel, about] of Object.entries(entry.channels)) {
    const fault = isRecord(about) ? faultOfChannel(about, entry.versions) : "is no object";
    if (fault) refuse(`channel ${channel} of ${name} ${fault}`);
  }
}

/** @param {unknown} value */
const isChange = (value) =>
  isRecord(value) && isDate(value.at) && [value.what, value.version].every((text) => typeof text === "string");

/** @param {Record<string, unknown>} version */
function faultOfVersion({ file, sha256, bytes, runtime, added }) {
  if (!isInside(file)) return `has file ${String(file)}, which is no path below the list's folder`;
  if (!/^[0-9a-f]{64}$/.test(String(sha256))) return "lacks its sha256 (64 lower-case hexadecimal digits)";
  if (!isCount(bytes)) return "lacks its number of bytes";
  if (!isVersion(runtime)) return `has runtime ${String(runtime)}, which is no version such as 0.1.0`;
  if (!isDate(added)) return "lacks the date on which it was added";
  return undefined;
}

/** @param {Record<string, unknown>} channel @param {Record<string, unknown>} versions */
function faultOfChannel({ version, percent, otherwise }, versions) {
  for (const one of otherwise === undefined ? [version] : [version, otherwise]) {
    if (typeof one !== "string" || !Object.hasOwn(versions, one)) {
      return `names version ${String(one)}, which is not there`;
    }
  }
  if (typeof percent !== "number" || !(percent >= 0 && percent <= 100)) {
    return `has percent ${String(percent)}, which is not from 0 to 100`;
  }
  if (percent < 100 && otherwise === undefined) {
    return `goes to ${percent} % of the devices and names no version for the others (otherwise)`;
  }
  return undefined;
}

/**
 * A path that means the same as a URL and as a file's, and stays in its folder.
 * @param {unknown} path
 */
function isInside(path) {
  if (typeof path !== "string" || !/^[\w.+@-]+(\/[\w.+@-]+)*$/.test(path)) return false;
  return path.split("/").every((part) => !/^\.+$/.test(part));
}

// --- Versions of mite ------------------------------------------------------------------------

/** @param {unknown} text */
export const isVersion = (text) => /^\d+\.\d+\.\d+(?:-[\w.-]+)?(?:\+[\w.-]+)?$/.test(String(text));

/**
 * Semantic Versioning 2.0.0, section 11.
 * @param {string} a
 * @param {string} b
 * @returns {number} below 0 if a comes first
 */
export function compareVersions(a, b) {
  const [[plainA, preA = ""], [plainB, preB = ""]] = [a, b].map((one) => one.split("+")[0].split(/-(.*)/s));
  const order = compareParts(plainA, plainB);
  if (order || preA === preB) return order;
  return preA && preB ? compareParts(preA, preB) : Number(!preA) - Number(!preB);
}

/** @param {string} a @param {string} b */
function compareParts(a, b) {
  const [partsA, partsB] = [a, b].map((one) => one.split("."));
  for (let i = 0; i < Math.max(partsA.length, partsB.length); i++) {
    const [x, y] = [partsA[i], partsB[i]];
    if (x === y) continue;
    if (x === undefined || y === undefined) return x === undefined ? -1 : 1;
    const [isX, isY] = [x, y].map((part) => /^\d+$/.test(part));
    if (isX && isY) return Number(x) - Number(y);
    if (isX !== isY) return isX ? -1 : 1; // numbers come before words
    return x < y ? -1 : 1;
  }
  return 0;
}

// --- Signatures ------------------------------------------------------------------------------

/**
 * One text for one value, as RFC 8785 has it: keys in order, no white space.
 * @param {any} value
 * @param {number} [depth]
 * @returns {string}
 */
function canonical(value, depth = 0) {
  if (depth > MAX_DEPTH) refuse(`its values are nested more than ${MAX_DEPTH} deep`);
  if (Array.isArray(value)) return `[${value.map((one) => canonical(one, depth + 1)).join(",")}]`;
  if (!isRecord(value)) return JSON.stringify(value);
  const fields = Object.keys(value)
    .filter((key) => value[key] !== undefined)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonical(value[key], depth + 1)}`);
  return `{${fields.join(",")}}`;
}

/**
 * What is signed: a line that says what it is, then all but the signatures.
 * @param {Manifest} manifest
 */
export function signedBytes({ signatures: _, ...rest }) {
  return encoder.encode(`${FORMAT}\n${canonical(rest)}`);
}

/** @param {Uint8Array} bytes */
const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
/** @param {Uint8Array} bytes */
export const toBase64 = (bytes) => btoa(String.fromCharCode(...bytes));

/** @param {string} text */
export function fromBase64(text) {
  try {
    return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  } catch {
    throw new MiteError("argument", `${text} is no base64`);
  }
}

/**
 * @param {Uint8Array<ArrayBuffer>} data
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
export async function sha256(data) {
  const { subtle } = globalThis.crypto ?? {};
  if (!subtle) {
    throw new MiteError("unsupported", "lists of models need WebCrypto, which this page has not: serve it by https");
  }
  return new Uint8Array(await subtle.digest("SHA-256", data));
}

/** @param {string} text of a public key */
export function rawKey(text) {
  const raw = fromBase64(text);
  if (raw.length === 32) return raw;
  throw new MiteError("argument", `the public key ${text} has ${raw.length} bytes, not the 32 of Ed25519`);
}

/**
 * A key's name: the first 16 digits of the SHA-256 of the raw public key.
 * @param {Uint8Array<ArrayBuffer>} raw
 */
export const keyName = async (raw) => hex((await sha256(raw)).subarray(0, 8));

/**
 * @param {Manifest} manifest
 * @param {readonly string[]} publicKeys raw Ed25519 keys (32 bytes) in base64, of which one must have signed
 * @returns {Promise<string>} the name of the key that did
 */
export async function verifyManifest(manifest, publicKeys) {
  const { signatures = [] } = manifest;
  const data = signedBytes(manifest);
  for (const text of publicKeys) {
    const raw = rawKey(text);
    const name = await keyName(raw);
    for (const { key, value } of signatures) {
      if (key === name && (await verifies(raw, data, fromBase64(value)))) return name;
    }
  }
  const has = signatures.map(({ key }) => key).join(", ") || "none";
  throw new MiteError(
    "format",
    `the list of models is not signed by a key that this page trusts (its signatures: ${has}); nothing of it is used`,
  );
}

/**
 * Engines that know no Ed25519 (Chromium before 137, Firefox before 129, Safari before 17) fetch what does.
 * @param {Uint8Array<ArrayBuffer>} raw
 * @param {Uint8Array<ArrayBuffer>} data
 * @param {Uint8Array<ArrayBuffer>} signature
 * @returns {Promise<boolean>}
 */
async function verifies(raw, data, signature) {
  const { subtle } = crypto;
  let key;
  try {
    key = await subtle.importKey("raw", raw, "Ed25519", false, ["verify"]);
  } catch (error) {
    if (/** @type {Error} */ (error).name !== "NotSupportedError") {
      throw new MiteError("argument", `${toBase64(raw)} is no public key: ${messageOf(error)}`, { cause: error });
    }
    const { verify } = await import("./ed25519.js");
    return verify(signature, data, raw);
  }
  return subtle.verify("Ed25519", key, signature, data);
}

// --- Choosing --------------------------------------------------------------------------------

/**
 * Where a device stands among all, 0 to 100: the same for one version at every visit, another for the next
 * one, so that it is not always the same devices that go first.
 * @param {string} client
 * @param {string} name
 * @param {string} version
 */
async function standing(client, name, version) {
  const digest = await sha256(encoder.encode(`${client}\n${name}\n${version}`));
  return (new DataView(digest.buffer).getUint32(0) / 2 ** 32) * 100;
}

/**
 * @param {Entry} entry
 * @param {object} wish
 * @param {string} wish.client by which devices are told apart
 * @param {string} wish.name of the model
 * @param {string} wish.channel
 * @param {string} [wish.version] pinned: this one or none, whatever the channel says
 * @param {string} wish.runtime of this mite; sources that are run as they are have none and run all
 * @param {(version: Version) => boolean} wish.isBad
 * @returns {Promise<string | undefined>} the version that this device should have; undefined where all that it
 *   could have are bad or need a newer mite
 */
export async function chooseVersion(entry, { client, name, channel, version, runtime, isBad }) {
  const fits = (/** @type {string} */ one) => {
    const { runtime: least } = entry.versions[one];
    const runs = !isVersion(runtime) || compareVersions(least, runtime) <= 0;
    return runs && !isBad(entry.versions[one]);
  };
  if (version !== undefined) {
    if (Object.hasOwn(entry.versions, version)) return fits(version) ? version : undefined;
    throw new MiteError("argument", `model ${name} has no version ${version}; it has ${namesIn(entry.versions)}`);
  }
  if (!Object.hasOwn(entry.channels, channel)) {
    throw new MiteError("argument", `model ${name} has no channel ${channel}; it has ${namesIn(entry.channels)}`);
  }
  const { version: newest, otherwise, percent } = entry.channels[channel];
  const isChosen = (await standing(client, name, newest)) < percent;
  return (isChosen ? [newest, otherwise] : [otherwise]).find((one) => one !== undefined && fits(one));
}

/** @param {object} record */
const namesIn = (record) => Object.keys(record).join(", ") || "none";
