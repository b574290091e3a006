// SPDX-License-Identifier: Apache-2.0
// The entry `mite/react`; ../react.d.ts documents it.
import { useEffect, useState } from "react";
import { load } from "./index.js";
import { MiteError } from "./errors.js";

/** @typedef {import("../mite.d.ts").LoadOptions} LoadOptions */
/** @typedef {import("../mite.d.ts").Model} Model */
/** @typedef {import("../mite.d.ts").Source} Source */
/** @typedef {import("../react.d.ts").ModelState} ModelState */

/** A component that is put back at once (Strict Mode, a change of page) finds its model still there. */
const LINGER_MS = 1000;

/** @type {ModelState} */
const IDLE = Object.freeze({ status: "idle" });
/** @type {ModelState} */
const LOADING = Object.freeze({ status: "loading" });

/**
 * A model that components share, from the first that asks for it until the last has gone.
 * @typedef {object} Shared
 * @property {ModelState} state
 * @property {Set<(state: ModelState) => void>} listeners
 * @property {AbortController} stop
 * @property {ReturnType<typeof setTimeout>} [farewell]
 */

/** @type {Map<Source, Shared>} Addresses by their text, anything else by itself. */
const sharing = new Map();

/**
 * @param {Source} key
 * @param {LoadOptions} options
 */
function open(key, options) {
  const stop = new AbortController();
  /** @type {Shared} */
  const shared = { state: { status: "loading" }, listeners: new Set(), stop };
  /** @param {ModelState} state */
  const tell = (state) => {
    shared.state = state;
    for (const listener of shared.listeners) listener(state);
  };
  sharing.set(key, shared);
  load(key, {
    ...options,
    signal: stop.signal,
    onProgress: (progress) => {
      options.onProgress?.(progress);
      if (!stop.signal.aborted) tell({ status: "loading", progress });
    },
  }).then(
    (model) => (stop.signal.aborted ? model.dispose() : tell({ status: "ready", model })),
    (error) => {
      if (stop.signal.aborted) return;
      sharing.delete(key); // the next one that asks tries again
      tell({ status: "error", error });
    },
  );
  return shared;
}

/**
 * @param {Source} key
 * @param {Shared} shared
 */
function close(key, shared) {
  if (sharing.get(key) === shared) sharing.delete(key);
  shared.stop.abort(new MiteError("disposed", "no component uses this model any more"));
  if (shared.state.status === "ready") shared.state.model.dispose();
}

/**
 * @param {Source | null | undefined} source
 * @param {LoadOptions} [options]
 * @returns {ModelState & { retry: () => void }}
 */
export function useModel(source, options = {}) {
  const key = source instanceof URL ? source.href : (source ?? undefined);
  const [attempt, setAttempt] = useState(0);
  const [held, hold] = useState({ key, state: key === undefined ? IDLE : LOADING });
  useEffect(() => {
    if (key === undefined) return;
    const shared = sharing.get(key) ?? open(key, options);
    const listener = (/** @type {ModelState} */ state) => hold({ key, state });
    clearTimeout(shared.farewell);
    shared.listeners.add(listener);
    listener(shared.state);
    return () => {
      shared.listeners.delete(listener);
      if (!shared.listeners.size) shared.farewell = setTimeout(close, LINGER_MS, key, shared);
    };
    // Options count when loading begins, as the documentation says.
  }, [key, attempt]);
  // Between a change of source and its effect, what is held is another model's state.
  const state = held.key === key ? held.state : key === undefined ? IDLE : LOADING;
  return { ...state, retry: () => setAttempt((count) => count + 1) };
}
