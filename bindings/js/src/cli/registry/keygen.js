// SPDX-License-Identifier: Apache-2.0
// mite registry keygen: a pair of keys.
import { existsSync } from "node:fs";
import { link, open, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { MiteError, messageOf } from "../../errors.js";
import { UsageError, writeWhole } from "../usage.js";
import { keepOut } from "./change.js";
import { makeKeyPair } from "./keys.js";
import { LIST } from "./store.js";

/** @type {import("../main.js").Command} */
export default {
  summary: "make a pair of keys to sign with",
  help: `usage: mite registry keygen [-o FILE]

Makes an Ed25519 key pair. The private key goes to FILE (PEM, readable by you alone), is never printed,
and belongs neither on the site nor in the repository; the public one goes to FILE.pub and is
printed as openModel wants it in publicKeys. A file that is there is never overwritten.

  -o, --output FILE   where to write (mite-registry.key)`,
  options: { output: { type: "string", short: "o", default: "mite-registry.key" } },
  async run({ output: file }, others) {
    if (others.length) throw new UsageError("keygen takes no arguments; -o FILE says where to write");
    const folder = dirname(resolve(file));
    if (existsSync(join(folder, LIST))) keepOut(file, folder);
    const { pem, publicKey } = makeKeyPair();
    await writeSecret(file, pem);
    await writeWhole(`${file}.pub`, `${publicKey}\n`);
    console.log(`private key  ${file} (keep a copy where you keep secrets; who has it can sign for you)
public key   ${file}.pub, for openModel:

  publicKeys: ["${publicKey}"]`);
    return 0;
  },
};

/**
 * Whole or not at all, and never over another: a link, unlike a renaming, finds out what is there.
 * @param {string} file
 * @param {string} text
 */
async function writeSecret(file, text) {
  const partial = `${file}.${process.pid}.partial`;
  try {
    const handle = await open(partial, "wx", 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await link(partial, file);
  } catch (error) {
    const there = /** @type {NodeJS.ErrnoException} */ (error).code === "EEXIST";
    const why = there ? "there is such a file, and a key that is overwritten is lost" : messageOf(error);
    throw new MiteError("argument", `cannot write ${file}: ${why}`);
  } finally {
    await rm(partial, { force: true });
  }
}
