// SPDX-License-Identifier: Apache-2.0
// The models of a session, converted from its source: one, or one for each combination of shapes. In
// pages they are kept as models are (../keep/), so that the next visit fetches no converter and
// converts nothing. A kept one is found by its source, the options and the build of the converter.
import { ask, isRemote } from "../download.js";
import { MiteError, load } from "../index.js";
import { changedFile } from "../keep/changed.js";
import { cannotKeep } from "../keep/keeping.js";
import { lock } from "../keep/lock.js";
import { FOLDER, canKeep } from "../keep/place.js";
import { recordOf, writeRecord } from "../keep/record.js";
import { openStore } from "../keep/store.js";
import { Writer } from "../keep/writer.js";
import { prepareApart } from "../ort-apart.js";
import { isNode } from "../platform.js";
import { build } from "../release.js";
import { hexOf } from "../wasm.js";
import { bytesOf } from "./source.js";

/** @typedef {import("../../mite.d.ts").LoadOptions} LoadOptions */
/** @typedef {import("../../mite.d.ts").Model} Model */
/** @typedef {import("../download.js").Answer} Answer */
/** @typedef {import("../download.js").Identity} Identity */
/** @typedef {import("../keep/record.js").Converted} Converted */
/** @typedef {import("../keep/record.js").FetchedSource} FetchedSource */
/** @typedef {import("../keep/record.js").KeptRecord} KeptRecord */
/** @typedef {import("../keep/store.js").Store} Store */
/** @typedef {import("../ort-convert.js").Prepared} Prepared */
/** @typedef {import("../ort-convert.js").Request} Request */
/** @typedef {import("./by-shape.js").Shapes} Shapes */
/** @typedef {Pick<Prepared, "declared" | "warnings"> & { model?: Model }} Opened none: shapes come first */

/**
 * Where what comes of one conversion is kept.
 * @typedef {object} Place
 * @property {Store} store
 * @property {string} key
 * @property {string} group the same for all shapes
 * @property {string} address to list it under
 * @property {KeptRecord & { converted: Converted }} [record] of an earlier visit
 */

const tools = { ask, MiteError };

/** Of one source; each has weights of its own. What was kept longest ago goes first. */
const MOST_SHAPES = 4;
const PIECE = 8 << 20;

export class Conversions {
  #request;
  #how;
  #say;
  /** @type {Promise<Store | undefined>} */
  #store;
  /** @type {Promise<string[]> | undefined} Of each file, the model's first: its address, or its hash. */
  #names;
  /** @type {Prepared["sources"]} The files as they are now on their servers, as far as it is known. */
  #sources;

  /**
   * @param {Request} request
   * @param {LoadOptions} how
   * @param {(note: string) => void} say is told, some time after, if nothing could be kept
   */
  constructor(request, how, say) {
    this.#request = request;
    this.#how = how;
    this.#say = say;
    this.#store = openStoreFor(how);
    this.#store.catch(() => {}); // heard of where it is awaited
  }

  /**
   * @param {Shapes} [shapes]
   * @returns {Promise<Opened>}
   */
  async open(shapes) {
    const place = await this.#placeOf(shapes);
    const { record } = place ?? {};
    if (place && record) {
      const current = await this.#isCurrent(record);
      const opened = current && (await openKept(place, record, this.#how));
      if (opened) return opened;
      // Perhaps the server only cannot say so.
      if (!current) return this.#convertOr(place, record, shapes);
    }
    return this.#convert(place, shapes);
  }

  /**
   * Fetches the files, and converts them if they are not those that were converted before.
   * @param {Place} place
   * @param {KeptRecord & { converted: Converted }} record
   * @param {Shapes} [shapes]
   */
  async #convertOr(place, record, shapes) {
    const known = record.converted.sources.map((source) => source?.sha256);
    const request = { ...this.#request, shapes, kept: true, known };
    const prepared = await prepareApart(request, this.#how);
    if (!prepared.unchanged) return this.#take(place, prepared);
    this.#sources = prepared.sources;
    const opened = await openKept(place, record, this.#how);
    if (!opened) return this.#convert(place, shapes);
    const { sources = [] } = prepared;
    const news = { ...record, converted: { ...record.converted, sources } };
    writeRecord(place.store, place.key, "kept", news).catch(() => {}); // asked again, then
    return opened;
  }

  /**
   * @param {Place | undefined} place
   * @param {Shapes} [shapes]
   */
  async #convert(place, shapes) {
    const request = { ...this.#request, shapes, kept: !!place };
    return this.#take(place, await prepareApart(request, this.#how));
  }

  /**
   * Opens what was converted, and keeps it.
   * @param {Place | undefined} place
   * @param {Prepared} prepared
   * @returns {Promise<Opened>}
   */
  async #take(place, prepared) {
    const { file, source, declared, warnings } = prepared;
    if (source) this.#request = { ...this.#request, model: source }; // the same, and here already
    this.#sources ??= prepared.sources;
    const model = file && (await load(file, this.#how));
    const opened = { model, declared, warnings };
    if (!place) return opened;
    const keeping = keep(place, { ...prepared, sources: this.#sources }, model?.id);
    if (isDemanded(this.#how)) {
      await keeping.catch(async (error) => {
        await model?.dispose();
        throw error;
      });
    } else {
      keeping.catch(({ message }) => this.#say(message));
    }
    return opened;
  }

  /**
   * @param {Shapes} [shapes]
   * @returns {Promise<Place | undefined>} none where nothing is kept
   */
  async #placeOf(shapes) {
    const store = await this.#store;
    if (!store) return undefined;
    const { model, beside, fixed, optimise } = this.#request;
    this.#names ??= Promise.all([model, ...beside.map(({ data }) => data)].map(nameOf));
    const names = await this.#names;
    const inOrder = (/** @type {object} */ object) => Object.entries(object).sort();
    const files = beside.map(({ name }) => name);
    const group = await keyOf([build, optimise, inOrder(fixed), files, names]);
    const key = shapes ? await keyOf([group, inOrder(shapes)]) : group;
    const address = isRemote(names[0]) ? names[0] : `sha256:${names[0]}`;
    const record = await recordOf(store, key, "kept");
    const { converted } = record ?? {};
    return { store, key, group, address, record: record && converted && { ...record, converted } };
  }

  /** @param {{ converted: Converted }} record */
  async #isCurrent({ converted: { sources } }) {
    if (this.#sources) return hashesOf(this.#sources) === hashesOf(sources);
    const names = (await this.#names) ?? [];
    const { signal } = this.#how;
    const same = sources.map((source, i) => !source || isUnchanged(names[i], source, signal));
    if (!(await Promise.all(same)).every(Boolean)) return false;
    this.#sources = sources;
    return true;
  }
}

/** @param {LoadOptions} how */
async function openStoreFor(how) {
  const { cache = "auto" } = how;
  const store = cache && canKeep() && !isNode ? await openStore(FOLDER, cache) : undefined;
  if (!store && isDemanded(how)) throw cannotKeep(tools, "unsupported", `there is no ${cache} here`);
  return store;
}

/** @param {LoadOptions} how */
const isDemanded = ({ cache = "auto" }) => cache === "opfs" || cache === "cache-api";

/** @param {(FetchedSource | null)[]} sources */
const hashesOf = (sources) => sources.map((source) => source?.sha256).join();

/**
 * The address of a file that a server has, the hash of any other.
 * @param {any} file an address, bytes or a Blob
 */
async function nameOf(file) {
  if (isRemote(file)) return String(file).replace(/#.*$/, "");
  const given = typeof file === "string" ? await fetch(file) : file;
  const bytes = bytesOf(given) ?? new Uint8Array(await given.arrayBuffer());
  return digestOf(bytes);
}

/** @param {Uint8Array} bytes shared memory cannot be digested */
async function digestOf(bytes) {
  const own = bytes.buffer instanceof ArrayBuffer ? bytes : bytes.slice();
  const digest = await crypto.subtle.digest("SHA-256", /** @type {BufferSource} */ (own));
  return hexOf(new Uint8Array(digest));
}

/** @param {unknown} facts @returns {Promise<string>} of the length of other keys */
async function keyOf(facts) {
  return (await digestOf(new TextEncoder().encode(JSON.stringify(facts)))).slice(0, 32);
}

/**
 * @param {string} address
 * @param {FetchedSource} source
 * @param {AbortSignal} [signal]
 */
async function isUnchanged(address, { identity, freshUntil }, signal) {
  if (Date.now() < freshUntil || navigator.onLine === false) return true;
  const otherFile = async (/** @type {Answer} */ answer) =>
    isProvenSame(identity, answer.identity) ? undefined : answer;
  const other = await changedFile(address, identity, otherFile, tools, { signal });
  other?.cancel();
  return !other;
}

/** @param {Identity} a @param {Identity} b */
function isProvenSame(a, b) {
  if (a.etag && b.etag) return a.etag === b.etag;
  return !!a.modified && a.modified === b.modified && !!a.bytes && a.bytes === b.bytes;
}

/**
 * @param {Place} place
 * @param {KeptRecord & { converted: Converted }} record
 * @param {LoadOptions} how
 * @returns {Promise<Opened | undefined>} undefined where it is damaged or was deleted meanwhile
 */
async function openKept({ store, key }, { generation, sizes, converted }, how) {
  const { declared, warnings } = converted;
  if (!sizes.length) return { declared, warnings };
  const files = await Promise.all(sizes.map((_, i) => store.read(key, `${generation}-${i}`)));
  if (!files.every((file, i) => file?.size === sizes[i])) return undefined;
  try {
    return { model: await load(new Blob(/** @type {Blob[]} */ (files)), how), declared, warnings };
  } catch (error) {
    how.signal?.throwIfAborted();
    if (/** @type {MiteError} */ (error).code !== "format") throw error;
    return undefined;
  }
}

/**
 * @param {Place} place
 * @param {Prepared} prepared
 * @param {string} [id]
 */
async function keep({ store, key, group, address }, prepared, id) {
  const { file = new Uint8Array(), sources = [], declared, warnings } = prepared;
  const release = await lock(`${FOLDER} ${key}`, { ifAvailable: true });
  if (!release) return; // another page keeps it
  try {
    const generation = Math.random().toString(36).slice(2, 10);
    const converted = { build, group, sources, declared, warnings };
    const identity = { bytes: file.length };
    const nothing = { sizes: [], bytes: 0, keptAt: 0, freshUntil: 0 };
    const writer = new Writer(store, key, { address, generation, identity, ...nothing, converted });
    await writer.ready();
    for (let at = 0; at < file.length; at += PIECE) await writer.add(file.subarray(at, at + PIECE));
    await writer.commit({ id, freshUntil: 0 });
    const { failure } = writer;
    if (failure) throw cannotKeep(tools, "quota", failure.why, failure.cause);
    await tidy(store, group);
  } finally {
    release();
  }
}

/**
 * Removes what other builds of the converter left, and of one source all but a few shapes.
 * @param {Store} store
 * @param {string} group
 */
async function tidy(store, group) {
  /** @type {{ key: string, keptAt: number }[]} */
  const shapes = [];
  /** @type {string[]} */
  const old = [];
  for (const key of await store.keys()) {
    const { converted, keptAt = 0, bytes } = (await recordOf(store, key, "kept")) ?? {};
    if (converted && converted.build !== build) old.push(key);
    else if (converted?.group === group && bytes) shapes.push({ key, keptAt });
  }
  shapes.sort((a, b) => b.keptAt - a.keptAt);
  old.push(...shapes.slice(MOST_SHAPES).map(({ key }) => key));
  for (const key of old) await store.remove(key).catch(() => {}); // in use: some other time
}
