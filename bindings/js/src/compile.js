// SPDX-License-Identifier: Apache-2.0
// Finds, fetches and compiles mite's WebAssembly modules.
import { MiteError, messageOf, refusedByPolicy } from "./errors.js";
import { features } from "./features.js";
import { plainGet } from "./plain-get.js";
import { filePath, nodeModule } from "./platform.js";
import { setShared } from "./sharing.js";
import { kindOfBytes } from "./sniff.js";

/** @typedef {"simd" | "relaxed"} Build */
/** @typedef {{ whole?: boolean, shared?: boolean }} Form whole: with more operators; shared: its memory */
/** @typedef {{ module: WebAssembly.Module, build?: Build } & Form} Compiled */

/**
 * Compiled modules by address: models of one page share the code, never the memory.
 * @type {Map<string, Promise<WebAssembly.Module>>}
 */
const compiled = new Map();

/**
 * The inference module: `wasm` if it is a module, else the build that suits this engine, from the
 * folder or file that `wasm` names, else from this package.
 * @param {string | URL | WebAssembly.Module} [wasm]
 * @param {Form} [form]
 * @returns {Promise<Compiled>}
 */
export async function compileRuntime(wasm, { whole = false, shared = false } = {}) {
  if (wasm instanceof WebAssembly.Module) return { module: wasm };
  const { simd, relaxedSimd } = features();
  if (!simd) {
    throw new MiteError(
      "unsupported",
      "this engine lacks WebAssembly SIMD, which mite needs; update the browser (Chrome 91, Firefox 89, Safari 16.4 or newer) or Node",
    );
  }
  const build = relaxedSimd ? "relaxed" : "simd";
  const url = wasm === undefined ? ownFile(build, whole) : within(wasm, fileName(build, whole));
  return { module: await compileFile(url, shared), build, whole, shared };
}

/**
 * @param {Build} build
 * @param {boolean} whole
 */
function fileName(build, whole) {
  return `mite-${build}${whole ? "-whole" : ""}.wasm`;
}

/**
 * Written out for bundlers, which look for exactly this form.
 * @param {Build} build
 * @param {boolean} whole
 */
function ownFile(build, whole) {
  if (build === "relaxed") {
    return whole
      ? new URL("../dist/mite-relaxed-whole.wasm", import.meta.url)
      : new URL("../dist/mite-relaxed.wasm", import.meta.url);
  }
  return whole
    ? new URL("../dist/mite-simd-whole.wasm", import.meta.url)
    : new URL("../dist/mite-simd.wasm", import.meta.url);
}

/**
 * The address of `file` in folder `base`, or `base` itself where it names a .wasm file.
 * @param {string | URL} base
 * @param {string} file
 */
export function within(base, file) {
  const text = String(base);
  if (/\.wasm([?#]|$)/.test(text)) return base;
  const folder = text.endsWith("/") ? text : `${text}/`;
  return base instanceof URL ? new URL(file, folder) : folder + file;
}

/**
 * @param {string | URL} address
 * @param {boolean} [shared]
 * @returns {Promise<WebAssembly.Module>}
 */
export function compileFile(address, shared = false) {
  const key = `${shared} ${address}`;
  let module = compiled.get(key);
  if (!module) {
    module = fetchAndCompile(address, shared);
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
  const body = await plainGet(address);
  if (body?.status === 200) return compileBytes(await wholeOf(body), String(address), shared);
  body?.cancel();

  const response = await fetch(address).catch((error) => {
    throw new MiteError(
      "network",
      `mite's WebAssembly file could not be fetched from ${address}: ${messageOf(error)}; check that it is there, or pass its folder as the option wasm`,
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

/** @param {import("./plain-get.js").Body} body */
async function wholeOf(body) {
  const pieces = [];
  for (let piece; !(piece = await body.read()).done; ) pieces.push(piece.value);
  return new Uint8Array(await new Blob(pieces).arrayBuffer());
}

/** @param {string} path */
async function readModule(path) {
  const { readFile } = nodeModule("node:fs/promises");
  try {
    return await readFile(path);
  } catch (error) {
    throw new MiteError(
      "network",
      `mite's WebAssembly file ${path} cannot be read: ${messageOf(error)}; reinstall the package (or run make build in its sources)`,
      { cause: error },
    );
  }
}

/**
 * @param {Uint8Array<ArrayBuffer>} bytes
 * @param {string} from
 * @param {boolean} shared
 */
async function compileBytes(bytes, from, shared) {
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
