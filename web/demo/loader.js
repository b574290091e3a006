// SPDX-License-Identifier: Apache-2.0
// Models of the page, each downloaded at most once, with what a visitor sees of that: bytes as they
// arrive, what is done with them, a way to cancel and a way to try again.
import { load } from "/mite/dist/index.js";
import { element, ms, sentence } from "./page.js";

/** @typedef {import("../../bindings/js/mite.d.ts").Model} Model */
/** @typedef {import("../../bindings/js/mite.d.ts").Progress} Progress */
/** @typedef {{ model: Model, facts: Record<string, string> }} Loaded */
/** @typedef {{ title: string, address: string }} Wanted */

/** @type {Map<string, Promise<Loaded>>} by address */
const models = new Map();
let stop = new AbortController();
/** @type {() => void} What Retry does. */
let again = () => {};

/** @type {Partial<Record<Progress["state"], string>>} */
const words = {
  idle: "Asking for the model",
  verifying: "Verifying every byte",
  compiling: "Preparing the model",
};

/**
 * @param {Wanted} wanted
 * @returns {Promise<Loaded>}
 */
export function ready(wanted) {
  const { address } = wanted;
  const loading = models.get(address) ?? download(wanted);
  models.set(address, loading);
  loading.catch(() => models.delete(address)); // so that Retry tries again
  return loading;
}

/** @param {Wanted} wanted */
async function download({ title, address }) {
  const begin = performance.now();
  let arrived = begin;
  let kept = false;
  stop = new AbortController();
  showProgress({ state: "idle", loaded: 0 }, title);
  const model = await load(address, {
    signal: stop.signal,
    onProgress(progress) {
      if (progress.state === "downloading") arrived = performance.now();
      kept = progress.from === "cache";
      showProgress(progress, title);
    },
  }).finally(() => (element("loading").hidden = true));
  const { build, threads, bytes, worker, note } = model.runtime;
  /** @type {Record<string, string>} */
  const facts = {
    Download: kept ? `none: it was on this device` : `${ms(arrived - begin)}, with the code that runs it`,
    Prepare: ms(performance.now() - arrived),
    Build: `${build} SIMD, ${threads} thread${threads > 1 ? "s" : ""}, ${worker ? "in a worker" : "on this page"}`,
    Memory: `${(bytes / 1e6).toFixed(1)} MB`,
    ...(note && { Note: note }),
  };
  return { model, facts };
}

/** @param {Progress} progress @param {string} title */
function showProgress({ state, loaded, total, from }, title) {
  const of = total ? ` of ${(total / 1e6).toFixed(1)}` : "";
  const action = from === "cache" ? "Reading" : "Downloading";
  const where = from === "cache" ? "from this device" : "once";
  element("loading").hidden = false;
  const text = words[state] ?? `${action} ${title}: ${(loaded / 1e6).toFixed(1)}${of} MB, ${where}`;
  element("progress-text").textContent = text;
  /** @type {HTMLProgressElement} */ (element("progress")).value = total ? loaded / total : 0;
}

/**
 * @param {unknown} error
 * @param {Wanted} wanted the model that was asked
 * @param {() => void} retry
 */
export function showProblem(error, { address }, retry) {
  again = retry;
  element("problem").hidden = false;
  element("problem-text").textContent = stop.signal.aborted
    ? "The download was cancelled."
    : sentence(error);
  // A damaged photo will not get better; a download may.
  element("retry").hidden = models.has(address);
  if (!models.has(address)) element("retry").focus();
}

export function hideProblem() {
  element("problem").hidden = true;
}

element("cancel").addEventListener("click", () => stop.abort());
element("retry").addEventListener("click", () => again());
