// SPDX-License-Identifier: Apache-2.0
// One task in a fresh Node process: hosts.mjs starts it and takes its answer.
import { perform } from "./race.mjs";

process.once("message", async (/** @type {any} */ { origin, network, task }) => {
  /** @type {import("./engines/engines.mjs").Environment} */
  const env = {
    node: true,
    origin,
    file: (name) => `${origin}/${network}/${name}`,
    peer: (path) => `${origin}/bench/node_modules/${path}`,
    read: async (address) => {
      const response = await fetch(address);
      if (!response.ok) throw new Error(`${new URL(address).pathname} is not here`);
      return new Uint8Array(await response.arrayBuffer());
    },
  };
  /** @type {unknown} */
  let answer;
  try {
    answer = { value: await perform(env, task) };
  } catch (error) {
    answer = { failed: error instanceof Error ? error.message : String(error) };
  }
  process.send?.(answer, () => process.exit());
});
