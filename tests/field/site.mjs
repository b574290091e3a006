// SPDX-License-Identifier: Apache-2.0
// A site with a signed list of models and their files, on a server that fails as it is told to.
import { createServer } from "node:http";
import * as manifest from "../../bindings/js/src/field/manifest.js";
import { Faults } from "../web/faults.mjs";
import { sha256 } from "./versions.mjs";

/** @typedef {import("../web/faults.mjs").Step} Step */

const { subtle } = globalThis.crypto;

export async function newKey() {
  const pair = /** @type {CryptoKeyPair} */ (await subtle.generateKey("Ed25519", true, ["sign", "verify"]));
  const raw = new Uint8Array(await subtle.exportKey("raw", pair.publicKey));
  const name = await manifest.keyName(raw);
  /** @param {import("../../bindings/js/src/field/manifest.js").Manifest} list */
  const signatureOf = async (list) => {
    const signature = await subtle.sign("Ed25519", pair.privateKey, manifest.signedBytes(list));
    return { key: name, value: manifest.toBase64(new Uint8Array(signature)) };
  };
  return { publicKey: manifest.toBase64(raw), name, signatureOf };
}

export class Site {
  /** @type {Record<string, any>} */
  versions = {};
  /** @type {Record<string, any>} */
  channels = {};
  serial = 0;
  #faults;
  #key;

  /**
   * @param {Faults} faults
   * @param {string} origin
   * @param {string} folder
   */
  static async create(faults, origin, folder) {
    return new Site(faults, origin, folder, await newKey());
  }

  /**
   * @param {Faults} faults
   * @param {string} origin
   * @param {string} folder
   * @param {Awaited<ReturnType<typeof newKey>>} key
   */
  constructor(faults, origin, folder, key) {
    this.#faults = faults;
    this.#key = key;
    this.folder = folder;
    this.list = `${origin}${folder}models.json`;
    this.publicKeys = [key.publicKey];
  }

  /**
   * @param {string} version
   * @param {Buffer} bytes
   * @param {object} [about]
   */
  add(version, bytes, about = {}) {
    const file = `digits/${version}.mite`;
    const added = new Date(Date.UTC(2026, 0, 1 + Object.keys(this.versions).length)).toISOString();
    const known = { file, sha256: sha256(bytes), bytes: bytes.length, runtime: "0.1.0", added };
    this.versions[version] = { ...known, ...about };
    this.bytes = { ...this.bytes, [version]: bytes };
    this.plan(version);
    return this;
  }

  /** @param {string} version @param {Step[]} steps what its server does with the requests that come */
  plan(version, ...steps) {
    this.#faults.plan(this.pathOf(version), this.bytes[version], steps.length ? steps : [{}]);
  }

  /** @param {string} version */
  pathOf(version) {
    return this.folder + this.versions[version].file;
  }

  /** @param {string} version @returns {number} requests for it since the last plan or publication */
  requestsFor(version) {
    return this.#faults.log.filter(({ path }) => path === this.pathOf(version)).length;
  }

  /**
   * A channel gives a version from now on, and the list says so.
   * @param {string} version
   * @param {{ channel?: string, percent?: number, otherwise?: string }} [options]
   */
  async promote(version, { channel = "stable", percent = 100, otherwise } = {}) {
    this.channels[channel] = { version, percent, ...(otherwise && { otherwise }) };
    await this.publish();
  }

  /**
   * @param {object} [how]
   * @param {number} [how.serial]
   * @param {boolean} [how.signed]
   * @param {any} [how.by] another key
   * @param {(list: any) => void} [how.change] of the signed list
   * @param {Step[]} [how.steps]
   */
  async publish({ serial = ++this.serial, signed = true, by = this.#key, change, steps = [{}] } = {}) {
    /** @type {any} */
    const list = structuredClone({
      format: "mite-models",
      formatVersion: 1,
      serial,
      models: { digits: { versions: this.versions, channels: this.channels, history: [] } },
    });
    if (signed) list.signatures = [await by.signatureOf(list)];
    change?.(list);
    this.text = JSON.stringify(list, undefined, 2);
    this.say(this.text, steps);
  }

  /** @param {string} text in the list's place @param {Step[]} [steps] */
  say(text, steps = [{}]) {
    this.#faults.plan(`${this.folder}models.json`, Buffer.from(text), steps);
  }
}

/** For the tests in Node. */
export async function startSites() {
  const faults = new Faults();
  const server = createServer(async (request, response) => {
    if (!(await faults.handle(request, response))) response.writeHead(404).end();
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  let count = 0;
  return {
    newSite: () => Site.create(faults, `http://127.0.0.1:${port}`, `/${++count}/`),
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
