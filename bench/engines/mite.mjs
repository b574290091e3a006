// SPDX-License-Identifier: Apache-2.0
// mite, as it is published: from this repository, as it was built last.

const entry = "../../bindings/js/dist/index.js";

/** @type {import("./engines.mjs").Make} */
export async function make(env, { kind, threads, build }) {
  /** @type {typeof import("../../bindings/js/mite.d.ts")} */
  const { load } = await import(entry);
  const wasm = (/** @type {string} */ file) => new URL(`/bindings/js/dist/${file}`, env.origin);
  const open = (/** @type {URL} */ from) => load(env.file(`${kind}.mite`), { worker: false, threads, wasm: from });
  // One file is taken as it is: the core module first, and the whole one where the model asks for more.
  const model = build
    ? await open(wasm(`mite-${build}.wasm`)).catch(() => open(wasm(`mite-${build}-whole.wasm`)))
    : await open(wasm(""));
  /** @type {Float32Array} */
  let input;
  return {
    threads: model.runtime.threads,
    prepare: (values) => (input = values),
    run: async () => /** @type {Float32Array} */ ((await model.run(input)).data),
    profile: () => model.profile(),
  };
}
