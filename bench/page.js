// SPDX-License-Identifier: Apache-2.0
// One task in a page: hosts.mjs opens it and calls `task`.
import { perform } from "/bench/race.mjs";

globalThis.perform = (/** @type {any} */ { network, task }) => {
  /** @type {import("/bench/engines/engines.mjs").Environment} */
  const env = {
    node: false,
    origin: location.origin,
    file: (name) => `${location.origin}/${network}/${name}`,
    peer: (path) => `/bench/node_modules/${path}`,
    read: async (address) => {
      const response = await fetch(address);
      if (!response.ok) throw new Error(`${new URL(address, location.href).pathname} is not here`);
      return new Uint8Array(await response.arrayBuffer());
    },
  };
  return perform(env, task).then(
    (value) => ({ value }),
    (error) => ({ failed: error instanceof Error ? error.message : String(error) }),
  );
};
