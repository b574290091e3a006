// SPDX-License-Identifier: Apache-2.0
// The race in a page; run.mjs opens it and reads globalThis.race.
import { race } from "/bench/contestants.mjs";

const options = JSON.parse(decodeURIComponent(location.hash.slice(1)));
const env = {
  node: false,
  peers: "/peers",
  mite: "/mite",
  read: async (path) => {
    const url = path.startsWith("mite:") ? `/models/${path.slice(5)}` : `/shared/${path}`;
    const response = await fetch(url);
    if (!response.ok) throw new Error(`${url} is not here`);
    return new Uint8Array(await response.arrayBuffer());
  },
};
globalThis.race = race(env, options).catch((error) => ({ failed: String(error) }));
