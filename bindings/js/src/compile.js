// SPDX-License-Identifier: Apache-2.0
// Finds, fetches and compiles mite's WebAssembly modules.
import { MiteError, messageOf, refusedByPolicy } from "./errors.js";
import { features } from "./features.js";
import { gunzip } from "./gunzip.js";
import { isLeftBehind, wasLeftBehind } from "./left-behind.js";
import { filePath, isNode, nodeModule } from "./platform.js";
import { build } from "./release.js";
import { setShared } from "./sharing.js";
import { kindOfBytes } from "./sniff.js";
import { factsOf } from "./wasm.js";

/** @typedef {"simd" | "relaxed"} Build */
/** @typedef {"core" | "more" | "convert"} Part */
/** @typedef {typeof import("./embedded.js").embeddedCore} Embedded */
/** @typedef {import("../mite.d.ts").LoadOptions["wasm"]} Place where modules are; undefined: in this package */

/**
 * @typedef {object} Compiled
 * @property {WebAssembly.Module} module the core
 * @property {WebAssembly.Module[]} [sides] what is linked to it, in this order
 * @property {Build} [build] of the core, where it was chosen here
 * @property {boolean} [whole] with the operators of mite-more.wasm
 * @property {boolean} [shared] for memory that is shared
 */

/**
 * Compiled modules by address: models of one page share the code, never the memory.
 * @type {Map<string, Promise<WebAssembly.Module>>}
 */
const compiled = new Map();

/**
 * The core module, in the build that suits this engine.
 * @param {Place} [place]
 * @param {{ shared?: boolean, build?: Build }} [options]
 * @returns {Promise<Compiled>}
 */
export async function compileRuntime(place, { shared = false, build: wanted } = {}) {
  const { simd, relaxedSimd } = features();
  if (!simd || !(isNode || globalThis.DecompressionStream)) {
    throw new MiteError(
      "unsupported",
      "mite needs WebAssembly SIMD and DecompressionStream; update the browser (Chrome 91, Firefox 113, Safari 16.4 or newer) or Node",
    );
  }
  const suited = wanted ?? (relaxedSimd ? "relaxed" : "simd");
  let found = find(place, "core", suited === "simd" ? "mite-simd.wasm.gz" : "mite-relaxed.wasm");
  if (!found && isLeftBehind()) found = (await import("./embedded.js")).embeddedCore;
  found ??= ownFiles[suited]();
  const module = await compilePart(found, shared, suited);
  return found instanceof WebAssembly.Module ? { module } : { module, build: suited, shared };
}

/**
 * A core with the further operators, which are fetched beside it.
 * @param {Promise<Compiled>} core
 * @param {Place} [place]
 * @param {boolean} [shared] as the core was asked for; one that was given is for plain memory
 * @returns {Promise<Compiled>}
 */
export async function withMore(core, place, shared = false) {
  const isGiven = find(place, "core", "") instanceof WebAssembly.Module;
  const side = compileSide("more", place, shared && !isGiven);
  return { ...(await core), sides: [await side], whole: true };
}

/**
 * @param {"more" | "convert"} part
 * @param {Place} [place]
 * @param {boolean} [shared]
 */
export async function compileSide(part, place, shared) {
  const file = `mite-${part}.wasm.gz`;
  const found = find(place, part, file);
  try {
    return await compilePart(found ?? ownFiles[part](), shared);
  } catch (error) {
    if (found || !isLeftBehind()) throw error;
    throw new MiteError(
      "network",
      `${wasLeftBehind(file)}; copy node_modules/mite/dist/${file} to the site and name it there: wasm: { ${part}: "/${file}" }`,
      { cause: error },
    );
  }
}

/**
 * Written out for bundlers, which look for exactly this form. What few pages need lies compressed in the
 * package.
 */
const ownFiles = {
  simd: () => new URL("../dist/mite-simd.wasm.gz", import.meta.url),
  relaxed: () => new URL("../dist/mite-relaxed.wasm", import.meta.url),
  more: () => new URL("../dist/mite-more.wasm.gz", import.meta.url),
  convert: () => new URL("../dist/mite-convert.wasm.gz", import.meta.url),
};

/**
 * Where a part is: a module or the file of a core stand for the core alone; others are sought beside
 * that file.
 * @param {Place} place
 * @param {Part} part
 * @param {string} file the part's name
 * @returns {string | URL | WebAssembly.Module | Embedded | undefined} undefined: in this package
 */
function find(place, part, file) {
  if (place === undefined) return undefined;
  if (typeof place === "function") return place; // a part that is embedded
  if (place instanceof WebAssembly.Module) return part === "core" ? place : undefined;
  if (typeof place === "object" && !(place instanceof URL)) return find(place[part], "core", file);
  const text = String(place);
  const isFile = /\.wasm(\.gz)?([?#]|$)/.test(text);
  if (isFile && part === "core") return place;
  const folder = isFile ? text.replace(/[^/\\]*([?#].*)?$/, "") : text.replace(/\/?$/, "/");
  return place instanceof URL ? new URL(file, folder) : folder + file;
}

/**
 * @param {string | URL | WebAssembly.Module | Embedded} found
 * @param {boolean} [shared]
 * @param {Build} [suited] of the core
 */
async function compilePart(found, shared = false, suited = "simd") {
  const given = found instanceof WebAssembly.Module;
  const module = given ? found : await compileOnce(found, shared, suited);
  checkBuild(module, given ? "the option wasm" : String(found));
  return module;
}

/**
 * @param {WebAssembly.Module} module
 * @param {string} from
 */
function checkBuild(module, from) {
  const facts = factsOf(module);
  if (!facts) {
    throw new MiteError(
      "version",
      `the WebAssembly from ${from} is not mite's; serve it and the JavaScript from the same release`,
    );
  }
  if (build !== undefined && facts.build !== build) {
    throw new MiteError(
      "version",
      `mite's JavaScript is build ${build}, but the WebAssembly from ${from} is build ${facts.build}; serve both from the same release (a cache may hold an older file)`,
    );
  }
}

/**
 * @param {string | URL | Embedded} from
 * @param {boolean} shared
 * @param {Build} suited
 * @returns {Promise<WebAssembly.Module>}
 */
function compileOnce(from, shared, suited) {
  const isEmbedded = typeof from === "function";
  const key = `${shared} ${isEmbedded ? suited : from}`;
  let module = compiled.get(key);
  if (!module) {
    module = isEmbedded
      ? from(suited).then((bytes) => compileBytes(bytes, "mite's script", shared))
      : fetchAndCompile(from, shared);
    compiled.set(key, module);
    module.catch(() => compiled.delete(key)); // the next load tries again
  }
  return module;
}

/**
 * @param {string | URL} address
 * @param {boolean} shared
 */
async function fetchAndCompile(address, shared) {
  const path = await filePath(address);
  if (path !== null) return compileBytes(await readModule(path), path, shared);
  const plain = isNode && (await (await import("./plain-get.js")).plainBytes(address));
  if (plain) return compileBytes(plain, String(address), shared);

  const response = await fetch(address).catch((error) => {
    throw new MiteError(
      "network",
      `mite's WebAssembly file could not be fetched from ${address}: ${messageOf(error)}; pass the folder of mite's .wasm files as the option wasm`,
      { cause: error },
    );
  });
  if (!response.ok) {
    throw new MiteError(
      "network",
      `mite's WebAssembly file is not at ${response.url}: the server answered ${response.status} ${response.statusText}; pass the folder of mite's .wasm files as the option wasm`,
    );
  }
  // Without this type a streaming compile is refused, and the body would be spent.
  const typed = /^application\/wasm\b/i.test(response.headers.get("content-type") ?? "");
  if (typed && !shared && WebAssembly.compileStreaming) {
    return WebAssembly.compileStreaming(response).catch((error) => {
      throw cannotCompile(error, response.url);
    });
  }
  return compileBytes(new Uint8Array(await response.arrayBuffer()), response.url, shared);
}

/** @param {string} path */
async function readModule(path) {
  const { readFile } = nodeModule("node:fs/promises");
  try {
    return await readFile(path);
  } catch (error) {
    throw new MiteError(
      "network",
      `mite's WebAssembly file ${path} cannot be read: ${messageOf(error)}; reinstall the package`,
      { cause: error },
    );
  }
}

/**
 * @param {Uint8Array<ArrayBuffer>} sent
 * @param {string} from
 * @param {boolean} shared
 */
async function compileBytes(sent, from, shared) {
  // A server may have said that it is compressed, then the browser has unpacked it.
  const bytes = kindOfBytes(sent) === "a gzip file" ? await gunzip(sent) : sent;
  const kind = kindOfBytes(bytes);
  if (kind !== "a WebAssembly module") {
    throw new MiteError(
      "format",
      `got ${kind ?? "something else"} instead of mite's WebAssembly file from ${from}; pass the folder of mite's .wasm files as the option wasm`,
    );
  }
  if (shared) setShared(bytes, true);
  return WebAssembly.compile(bytes).catch((error) => {
    throw cannotCompile(error, from);
  });
}

/**
 * @param {unknown} error
 * @param {string} from
 */
function cannotCompile(error, from) {
  const sentence = `the WebAssembly file from ${from} does not compile: ${messageOf(error)}`;
  return refusedByPolicy(error) ?? new MiteError("format", sentence, { cause: error });
}
