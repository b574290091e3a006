// SPDX-License-Identifier: Apache-2.0
// A model in the field: serves the last version that proved good, tries newer ones beside it, and goes back.
// docs/field.md has the states of an update.
import { MiteError } from "../errors.js";
import { load, models as keptModels } from "../index.js";
import { isNode } from "../platform.js";
import { Delegate } from "./delegate.js";
import { Device } from "./device.js";
import { addressOf, candidateFor, entryOf, nothingWorks, readList } from "./list.js";
import { keyName, rawKey } from "./manifest.js";
import { clientIn, openMemory } from "./memory.js";
import { aboutError, prove } from "./prove.js";
import * as records from "./record.js";
import { Serving } from "./serving.js";

/** @typedef {import("../../field.d.ts").FieldOptions} FieldOptions */
/** @typedef {import("../../mite.d.ts").Model} Model */
/** @typedef {import("./manifest.js").Entry} Entry */
/** @typedef {import("./record.js").Candidate} Candidate */
/** @typedef {import("./record.js").DeviceRecord} DeviceRecord */
/** Checked, and with their defaults.
 * @typedef {FieldOptions & Required<Pick<FieldOptions, "publicKeys" | "unsigned" | "channel" | "update">> &
 *   { report: { bad: number, of: number } }} Options */

export class FieldModel extends Delegate {
  #address;
  #options;
  #client;
  #key; // of the record, of a lock and of a channel
  #line; // the channel, or the version that is pinned
  #device;
  #keys = new Set(); // names of those that the page trusts
  #serving;
  /** @type {Promise<boolean> | undefined} */
  #checking;
  /** @type {Promise<boolean> | undefined} */
  #leaving;
  /** @type {BroadcastChannel | undefined} To the other pages of this origin. */
  #others;
  #stop = new AbortController();

  /**
   * @param {string} address
   * @param {Options} options
   * @param {import("./memory.js").Memory} memory
   * @param {string} client
   */
  constructor(address, options, memory, client) {
    const serving = new Serving((candidate, error) => this.#replaceCrashed(candidate, error));
    super(serving);
    this.#serving = serving;
    this.#address = address;
    this.#options = options;
    this.#client = client;
    this.#key = `${address} ${options.name ?? ""}`;
    this.#line = options.version === undefined ? options.channel : `=${options.version}`;
    this.#device = new Device(memory, this.#key, options.onEvent);
  }

  /**
   * @param {string | URL} manifest
   * @param {Options} options
   */
  static async open(manifest, options) {
    options.signal?.throwIfAborted();
    const address = addressOf(manifest);
    const memory = await openMemory(options.memory);
    const field = new FieldModel(address, options, memory, options.client ?? (await clientIn(memory)));
    await field.#open();
    return field;
  }

  async #open() {
    const { signal } = this.#options;
    const abort = () => this.#stop.abort(signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    if (signal?.aborted) abort();
    try {
      for (const key of this.#options.publicKeys) this.#keys.add(await keyName(rawKey(key)));
      await this.#device.open();
      this.#stop.signal.throwIfAborted();
      await this.#start();
      this.#listen();
    } catch (error) {
      await this.dispose();
      throw error;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  /** What proved good here serves at once; where there is nothing, the list is waited for. */
  async #start() {
    const { update } = this.#options;
    if (update !== "wait" && (await this.#serveAnyOf(this.#usable))) {
      if (update === "background") this.checkForUpdate().catch(() => {}); // events tell of it
      return;
    }
    let failure;
    try {
      await this.checkForUpdate();
    } catch (error) {
      failure = error;
    }
    this.#stop.signal.throwIfAborted();
    if (this.#serving.live || (await this.#serveAnyOf([...this.#good, ...this.#allGood]))) return;
    throw failure ?? new MiteError("unsupported", "no version of this model works on this device");
  }

  get #good() {
    return records.goodOf(this.#device.record, this.#line).filter((one) => this.#trusts(one));
  }

  /** What only a key signed that the page trusts no longer is not served; nor what nobody signed, if one must.
   * @param {Candidate} candidate */
  #trusts({ key = "" }) {
    return this.#options.unsigned || this.#keys.has(key);
  }

  get #usable() {
    return this.#good.filter((one) => !this.#isBad(one));
  }

  /** Also of other channels, which is better than nothing; but a pinned version is that version. */
  get #allGood() {
    const { version } = this.#options;
    const all = Object.values(this.#device.record.lines).flatMap(({ good }) => good);
    return all.filter((one) => this.#trusts(one) && (version === undefined || one.version === version));
  }

  /** @param {{ sha256: string }} version */
  #isBad({ sha256 }) {
    return records.isBad(this.#device.record, sha256);
  }

  /** @param {Candidate} [candidate] */
  #isServing(candidate) {
    return candidate?.sha256 === this.#serving.live?.candidate.sha256;
  }

  // --- Newer versions ------------------------------------------------------------------------

  get version() {
    return this.#candidate.version;
  }

  get #candidate() {
    const { live } = this.#serving;
    if (live) return live.candidate;
    throw new MiteError("disposed", "this model was disposed; open it again to use it");
  }

  /** @returns {readonly import("../../field.d.ts").FieldEvent[]} */
  get history() {
    return this.#device.record.history;
  }

  /** @returns {Promise<boolean>} whether another version serves now */
  checkForUpdate() {
    this.#checking ??= this.#withLock(() => this.#check()).finally(() => (this.#checking = undefined));
    return this.#checking;
  }

  /**
   * Of several pages one looks for updates; the others wait, and find them done.
   * @template T
   * @param {() => Promise<T>} work
   * @returns {Promise<T>}
   */
  async #withLock(work) {
    const { signal } = this.#stop;
    signal.throwIfAborted();
    const { locks } = globalThis.navigator ?? {};
    if (!locks) return work();
    let begun = false;
    const begin = () => {
      begun = true;
      return work();
    };
    try {
      return await locks.request(`mite field ${this.#key}`, { signal }, begin);
    } catch (error) {
      if (begun || signal.aborted) throw error;
      return work(); // pages that may have no locks do without
    }
  }

  async #check() {
    await this.#noteInterruption();
    const before = this.#serving.live?.candidate;
    /** @type {Map<Candidate, unknown>} */
    const failures = new Map();
    try {
      const { entry, wish } = await this.#readEntry();
      let candidate = await this.#choose(entry, wish, failures);
      while (candidate && !(await this.#take(candidate, failures))) {
        candidate = await this.#choose(entry, wish, failures);
      }
    } catch (error) {
      if (!this.#stop.signal.aborted) await this.#device.tell("check-failed", aboutError(error));
      throw error;
    }
    if (!this.#leaving) await this.#leaveBad();
    await this.#deleteUnneeded([...failures.keys()]).catch(() => {}); // some other time
    if (!this.#isServing(before)) {
      this.#others?.postMessage("");
      return true;
    }
    const [failure] = failures.values();
    if (failure) throw failure;
    return false;
  }

  /** Another page may have found out that what serves here is bad. */
  async #leaveBad() {
    const { live } = this.#serving;
    if (live && this.#isBad(live.candidate)) await this.#serveAnyOf(this.#usable);
  }

  async #noteInterruption() {
    let trying = /** @type {Candidate | undefined} */ (undefined); // known after the change
    await this.#device.change((record) => {
      trying = record.trying;
      records.noteInterruption(record);
    });
    if (trying) await this.#device.tell("interrupted", { version: trying.version });
  }

  async #readEntry() {
    const { publicKeys, unsigned, name: wanted, channel, version } = this.#options;
    const list = this.#address;
    const { manifest, key } = await readList(list, { publicKeys, unsigned, signal: this.#stop.signal });
    const { serial } = manifest;
    const seen = this.#device.record.serial;
    if (!unsigned && serial < seen) {
      throw new MiteError(
        "format",
        `the list of models is older (serial ${serial}) than one that was seen before (${seen}); it is not used`,
      );
    }
    const { name, entry } = entryOf(manifest, wanted);
    const listed = new Set(Object.values(entry.versions).map(({ sha256 }) => sha256));
    await this.#device.change((record) => {
      if (!unsigned) record.serial = serial;
      records.forgetOld(record, this.#line, listed);
    });
    return { entry, wish: { list, name, channel, version, key, client: this.#client } };
  }

  /**
   * @param {Entry} entry
   * @param {import("./list.js").Wish} wish
   * @param {Map<Candidate, unknown>} failures what was tried just now
   */
  async #choose(entry, wish, failures) {
    const { record } = this.#device;
    const failed = [...failures.keys()].map(({ sha256 }) => sha256);
    const candidate = await candidateFor(entry, wish, record, (sha256) => failed.includes(sha256));
    if (candidate || this.#serving.live || failures.size) return candidate;
    throw nothingWorks(entry, wish, record);
  }

  /**
   * @param {Candidate} candidate
   * @param {Map<Candidate, unknown>} failures to which it is added if it fails
   * @returns {Promise<boolean>} whether it serves
   */
  async #take(candidate, failures) {
    try {
      const isKnown = this.#allGood.some(({ sha256 }) => sha256 === candidate.sha256);
      if (this.#isServing(candidate)) await this.#device.change((record) => this.#noteGood(record, candidate));
      else if (isKnown) await this.#serve(await this.#load(candidate), candidate);
      else await this.#attempt(candidate);
      return true;
    } catch (error) {
      this.#stop.signal.throwIfAborted();
      failures.set(candidate, error);
      return false;
    }
  }

  /**
   * Loads a version beside the one that serves and has it prove itself; only then does it serve.
   * @param {Candidate} candidate
   */
  async #attempt(candidate) {
    const { version, sha256 } = candidate;
    const testing = () =>
      this.#device.change((record) => void (record.trying = { ...candidate, testing: true }));
    await this.#device.tell("trying", { version }, (record) => {
      record.trying = { ...candidate, testing: false };
      records.noteFile(record, candidate);
    });
    /** @type {Model | undefined} */
    let model;
    try {
      model = await this.#load(candidate, testing);
      await testing();
      await prove(model, this.#options.accept, this.#stop.signal);
    } catch (error) {
      await model?.dispose();
      const about = aboutError(error);
      /** @param {DeviceRecord} record */
      const change = (record) => {
        delete record.trying;
        if (!this.#stop.signal.aborted) records.noteFault(record, sha256, about.code, about.reason);
      };
      if (this.#stop.signal.aborted) await this.#device.change(change);
      else await this.#device.tell("rejected", { version, ...about }, change);
      throw error;
    }
    await this.#serve(model, candidate, (record) => delete record.trying);
  }

  /**
   * @param {Candidate} candidate
   * @param {() => void} [onRunning] it has come, and is run for the first time
   */
  #load({ address, sha256 }, onRunning) {
    const { load: options = {} } = this.#options;
    const isOpening = !this.#serving.live; // the page need not see how later ones come
    return load(address, {
      ...options,
      signal: this.#stop.signal,
      sha256,
      onProgress(progress) {
        if (isOpening) options.onProgress?.(progress);
        if (progress.state === "compiling") onRunning?.();
      },
    });
  }

  /**
   * @param {Model} model
   * @param {Candidate} candidate
   * @param {(record: DeviceRecord) => void} [change]
   */
  async #serve(model, candidate, change) {
    await this.#device.change((record) => {
      change?.(record);
      this.#noteGood(record, candidate);
    });
    if (this.#serving.swap(model, candidate)) await this.#device.tell("serving", { version: candidate.version });
    else this.#stop.signal.throwIfAborted();
  }

  /** @param {DeviceRecord} record @param {Candidate} candidate */
  #noteGood(record, candidate) {
    records.noteGood(record, this.#line, candidate);
  }

  /**
   * The first of them that can be loaded; they proved good earlier.
   * @param {Candidate[]} candidates
   * @returns {Promise<boolean>} whether one serves
   */
  async #serveAnyOf(candidates) {
    const { live } = this.#serving;
    for (const candidate of candidates) {
      const { version } = candidate;
      try {
        const model = await this.#load(candidate);
        if (this.#serving.live !== live) await model.dispose(); // something newer came in between
        else if (this.#serving.swap(model, candidate)) await this.#device.tell("serving", { version });
        return true;
      } catch (error) {
        this.#stop.signal.throwIfAborted();
        await this.#device.tell("load-failed", { version, ...aboutError(error) });
      }
    }
    return false;
  }

  /**
   * Deletes the files of versions that neither serve nor are the way back; but not before the one that serves
   * is safely kept, so that there is always one for times without a network.
   * @param {Candidate[]} failed just now; what came of them is kept for the next time
   */
  async #deleteUnneeded(failed) {
    const [serving] = this.#good;
    if (isNode || !serving) return;
    const kept = await keptModels.list();
    if (!kept.some(({ address }) => address === serving.address)) return;
    const good = Object.values(this.#device.record.lines).flatMap((line) => line.good);
    const needed = [...good, ...failed.filter((one) => !this.#isBad(one))].map(({ address }) => address);
    for (const address of this.#device.record.files) {
      if (!needed.includes(address)) await keptModels.delete(address);
    }
    await this.#device.change((record) => {
      record.files = record.files.filter((address) => needed.includes(address));
    });
  }

  // --- The way back --------------------------------------------------------------------------

  /**
   * @param {"good" | "bad"} verdict
   * @param {string} [version] that gave the result
   * @returns {Promise<boolean>} whether this made it go back
   */
  async report(verdict, version = this.version) {
    if (verdict !== "good" && verdict !== "bad") {
      throw new MiteError("argument", `report() takes "good" or "bad", not ${String(verdict)}`);
    }
    const candidate = this.#candidate;
    return version === candidate.version ? this.#count(candidate, verdict) : false;
  }

  /**
   * @param {Candidate} candidate
   * @param {"good" | "bad"} verdict
   */
  async #count(candidate, verdict) {
    const { bad, of } = this.#options.report;
    const { sha256 } = candidate;
    // Without a bad one before it, a good one changes nothing and is not written down.
    if (verdict === "good") await this.#device.settled();
    if (verdict === "good" && !records.badReports(this.#device.record, sha256)) return false;
    await this.#device.change((record) => records.noteReport(record, sha256, verdict, of));
    const count = records.badReports(this.#device.record, sha256);
    if (count < bad) return false;
    return this.#leave(candidate, `${count} of the last ${of} results were reported bad`);
  }

  /**
   * @param {string} reason
   * @returns {Promise<boolean>} false where there is no version to go back to
   */
  async rollBack(reason) {
    return this.#leave(this.#candidate, reason);
  }

  /** @param {Candidate} from @param {string} reason */
  #leave(from, reason) {
    this.#leaving ??= this.#goBack(from, reason).finally(() => (this.#leaving = undefined));
    return this.#leaving;
  }

  /** @param {Candidate} from @param {string} reason */
  async #goBack(from, reason) {
    if (!this.#isServing(from)) return false;
    const { version, sha256, added } = from;
    await this.#device.change((record) => {
      records.noteFault(record, sha256, "reported", reason);
      delete record.reports[sha256];
    });
    const before = this.#usable.filter((one) => Date.parse(one.added) < Date.parse(added));
    if ((await this.#serveAnyOf(before)) || (await this.#findAnother())) {
      await this.#device.tell("rolled-back", { version, reason }, (record) => {
        if (!this.#isServing(from)) this.#noteGood(record, this.#candidate);
      });
      this.#others?.postMessage("");
      return true;
    }
    await this.#device.tell("no-way-back", { version, reason });
    return false;
  }

  /** The list may have another version for this device. */
  async #findAnother() {
    await this.#checking?.catch(() => {}); // it may not know yet that this one is bad
    return this.checkForUpdate().catch(() => false);
  }

  /**
   * @param {Candidate} candidate
   * @param {unknown} error
   */
  async #replaceCrashed(candidate, error) {
    await this.#device.tell("crashed", { version: candidate.version, ...aboutError(error) });
    const others = this.#usable.filter(({ sha256 }) => sha256 !== candidate.sha256);
    await this.#serveAnyOf([candidate, ...others]).catch(() => {}); // disposed
    this.#count(candidate, "bad").catch(() => {});
  }

  // --- Other pages ---------------------------------------------------------------------------

  #listen() {
    if (isNode || typeof BroadcastChannel !== "function") return;
    this.#others = new BroadcastChannel(`mite field ${this.#key} ${this.#line}`);
    this.#others.onmessage = () => void this.#follow().catch(() => {}); // disposed
  }

  /** Another page has changed version: what proved good there is good here, and what was bad is bad. */
  async #follow() {
    await this.#device.change(() => {});
    const [wanted] = this.#usable;
    const { live } = this.#serving;
    if (!wanted || !live || this.#isServing(wanted)) return;
    if (this.#options.update === "never" && !this.#isBad(live.candidate)) return;
    await this.#serveAnyOf([wanted]);
  }

  async dispose() {
    this.#stop.abort(new MiteError("disposed", "this model was disposed"));
    this.#others?.close();
    this.#others = undefined;
    await this.#serving.dispose();
  }
  [Symbol.asyncDispose]() {
    return this.dispose();
  }
  [Symbol.dispose]() {
    this.dispose();
  }
}
