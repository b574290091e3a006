// SPDX-License-Identifier: Apache-2.0
// mite registry sign: vouches for a list as it is.
import { UsageError, printable } from "../usage.js";
import { folderHelp, folderOption, keepOut } from "./change.js";
import { readSigningKeys } from "./keys.js";
import { LIST, alone, readListThere, writeList } from "./store.js";

/** @type {import("../main.js").Command} */
export default {
  summary: "sign the list as it is",
  help: `usage: mite registry sign --key FILE [--key FILE …] [--only]

Adds the keys' signatures to the list; its contents and its serial stay. Look at what you sign
(mite registry list, mite registry verify --run): to sign is to vouch for all of it.

  --key FILE      a private key; repeated, several. Without it the variable MITE_REGISTRY_KEY is asked
  --only          take away the signatures of other keys
${folderHelp}`,
  options: {
    ...folderOption,
    key: { type: "string", multiple: true, default: [] },
    only: { type: "boolean", default: false },
  },
  async run({ dir, key: files, only }, others) {
    if (others.length) throw new UsageError("sign takes no arguments; --key FILE says by what to sign");
    const keys = await readSigningKeys(files);
    if (!keys.length) throw new UsageError("sign wants --key FILE, or the variable MITE_REGISTRY_KEY");
    for (const { file } of keys) if (file) keepOut(file, dir);
    await alone(dir, async () => {
      const list = await readListThere(dir);
      const kept = (list.signatures ?? []).filter(({ key }) => !only && !keys.some(({ name }) => name === key));
      list.signatures = [...kept, ...keys.map((key) => key.sign(list))];
      await writeList(dir, list);
      const by = list.signatures.map(({ key }) => key).join(", ");
      console.log(printable(`${LIST}: serial ${list.serial}, signed by ${by}`));
    });
    for (const { name, publicKey } of keys) console.log(`${name} is the public key ${publicKey}`);
    return 0;
  },
};
