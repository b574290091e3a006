// SPDX-License-Identifier: Apache-2.0
// The core and the workers as a script: for bundlers that leave files behind, and for mite/inline.
import { patch } from "./delta.js";
import { relaxed, simd, workers } from "./embedded-parts.js";
import { gunzip } from "./gunzip.js";
import { wasLeftBehind } from "./left-behind.js";

/** @param {string} part */
function unpack(part) {
  return gunzip(Uint8Array.from(atob(part), (letter) => letter.charCodeAt(0)));
}

/**
 * @param {import("./compile.js").Build} build
 * @returns {Promise<Uint8Array<ArrayBuffer>>} its module
 */
export async function embeddedCore(build) {
  const core = await unpack(simd);
  return build === "simd" ? core : patch(core, await unpack(relaxed));
}

/** What workers.js can be. */
const scripts = ["worker.js", "helper.js"];

/**
 * The text of a worker's script.
 * @param {string} script its name
 */
export async function workerText(script) {
  // A worker that came from here has no parts: it starts no others.
  if (!workers || !scripts.includes(script)) throw new Error(wasLeftBehind(script));
  const name = `globalThis.miteWorker=${JSON.stringify(script)};`;
  return name + new TextDecoder().decode(await unpack(workers));
}
