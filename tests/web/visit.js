// SPDX-License-Identifier: Apache-2.0
// In a page of its own (tests/web/keep.test.mjs): loads a model, runs it, disposes of it, and tells all
// that can be told of that.
import { load, models } from "/mite/dist/index.js";

export async function visit(address, { abortAt, ...options } = {}) {
  const steps = [];
  const stop = new AbortController();
  const onProgress = (step) => {
    steps.push(step);
    if (abortAt && step.loaded >= abortAt) stop.abort(new Error("enough"));
  };
  const told = {};
  let model;
  try {
    model = await load(address, { onProgress, signal: stop.signal, threads: 1, ...options });
    Object.assign(told, { id: model.id, ok: (await model.selfTest()).ok });
    await model.dispose();
  } catch (error) {
    Object.assign(told, { code: error.code, message: error.message });
  }
  // The next visit is not to begin before this one has been written down.
  while (await busy()) await new Promise((resolve) => setTimeout(resolve, 5));
  const states = steps.map(({ state }) => state).filter((state, i, all) => state !== all[i - 1]);
  const from = [...new Set(steps.map((step) => step.from).filter(Boolean))];
  const kept = (await models.list()).map((each) => ({ ...each, keptAt: Number(each.keptAt) }));
  const note = model?.runtime.note;
  return { ...told, note, from, states, kept, last: steps.at(-1) };
}

async function busy() {
  const { held = [] } = (await navigator.locks?.query()) ?? {};
  return held.some(({ name }) => name.startsWith("mite-models"));
}

globalThis.visit = visit;
