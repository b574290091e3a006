// SPDX-License-Identifier: Apache-2.0
// Loaded before the command line (node --import): kills the process just before the n-th step that it takes on
// the disk, MITE_TEST_KILL_AT; a write is cut in the middle.
import promises, { open } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { fileURLToPath } from "node:url";

let left = Number(process.env.MITE_TEST_KILL_AT);

const end = () => process.kill(process.pid, "SIGKILL");

/** @param {any} owner @param {string} name @param {(self: any, args: any[]) => Promise<void>} [first] */
function count(owner, name, first) {
  const original = owner[name];
  owner[name] = async function (...args) {
    if (--left === 0) {
      await first?.(this, args);
      end();
    }
    return original.apply(this, args);
  };
}

const some = await open(fileURLToPath(import.meta.url));
const handle = Object.getPrototypeOf(some);
await some.close();
const { write } = handle;
count(handle, "writeFile", async (self, [content]) => {
  const bytes = Buffer.from(content);
  await write.call(self, bytes, 0, bytes.length >> 1);
});
for (const name of ["sync", "close"]) count(handle, name);
for (const name of ["open", "rename", "link", "rm", "mkdir"]) count(promises, name);
syncBuiltinESMExports();
