// SPDX-License-Identifier: Apache-2.0
// In the page of tests/web/field.test.mjs: opens a model in the field, calls it without a pause, and tells what
// happened to it.
import { openModel } from "/mite/dist/field.js";
import { models } from "/mite/dist/index.js";

const input = Float32Array.from({ length: 64 }, (_, i) => (i * 7) % 16);
let model;
let folder;
let calling;
const workers = [];

globalThis.Worker = class extends Worker {
  constructor(...all) {
    super(...all);
    workers.push(this);
  }
};

/** Resolves to what is told, with the failure if there was one. */
async function telling(work) {
  const told = {};
  try {
    told.result = await work();
  } catch (error) {
    Object.assign(told, { code: error.code ?? "", message: error.message ?? String(error) });
  }
  return { ...told, ...(await field.tell()) };
}

const field = {
  open: (list, options = {}) =>
    telling(async () => {
      folder = new URL(".", new URL(list, location.href)).href;
      if (options.accept === "never answers") options.accept = () => new Promise(() => {});
      model = await openModel(list, { load: { threads: 1, retry: 0 }, update: "never", ...options });
    }),
  check: () => telling(() => model.checkForUpdate()),
  rollBack: () => telling(() => model.rollBack("it is wrong")),
  reportBad: () => telling(() => model.report("bad")),
  call: () => telling(async () => (await model.run(input)).data.length),
  dispose: () => telling(() => model.dispose()),

  async tell() {
    const ours = (await models.list()).filter(({ address }) => address.startsWith(folder));
    const kept = ours.map(({ address }) => address.replace(/^.*\//, "")).sort();
    const history = model?.history ?? [];
    const events = history.map(({ type, version }) => (version ? `${type} ${version}` : type));
    return { version: version(), events, last: history.at(-1), kept };
  },

  /** Until `stopCalling`, which tells how many calls there were, on what, and which failed. */
  startCalling() {
    const told = { calls: 0, failed: [], versions: [] };
    let stopped = false;
    const loop = async () => {
      while (!stopped) {
        if (told.versions.at(-1) !== model.version) told.versions.push(model.version);
        const { data } = await model.run(input);
        if (data.length !== 10) throw new Error(`${data.length} numbers`);
        told.calls++;
      }
    };
    const two = [loop(), loop()].map((each) => each.catch((error) => told.failed.push(error.message)));
    calling = async () => {
      stopped = true;
      await Promise.all(two);
      return told;
    };
  },
  stopCalling: () => calling(),

  /** The newest worker: that of the version that serves, or is tried. */
  async endWorker() {
    workers.at(-1).terminate();
  },

  /** Once nothing is being written down any more. */
  async settled() {
    const busy = async () => {
      const { held = [] } = (await navigator.locks?.query()) ?? {};
      return held.some(({ name }) => name.startsWith("mite-models"));
    };
    while (await busy()) await new Promise((resolve) => setTimeout(resolve, 5));
  },
};

function version() {
  try {
    return model?.version;
  } catch {
    return undefined;
  }
}

globalThis.field = field;
