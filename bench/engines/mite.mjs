// SPDX-License-Identifier: Apache-2.0
// mite, as it is published: from this repository, as it was built last.

const entry = "../../bindings/js/dist/index.js";

/** @type {import("./engines.mjs").Make} */
export async function make(env, { kind, threads, build }) {
  /** @type {typeof import("../../bindings/js/mite.d.ts")} */
  const { load } = await import(entry);
  const wasm = (/** @type {string} */ file) => new URL(`/bindings/js/dist/${file}`, env.origin);
  const from = wasm(build ? `mite-${build}.wasm` : "");
  const model = await load(env.file(`${kind}.mite`), { worker: false, threads, wasm: from });
  /** @type {Float32Array} */
  let input;
  return {
    threads: model.runtime.threads,
    prepare: (values) => (input = values),
    run: async () => /** @type {Float32Array} */ ((await model.run(input)).data),
    profile: () => model.profile(),
  };
}
