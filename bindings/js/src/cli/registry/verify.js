// SPDX-License-Identifier: Apache-2.0
// mite registry verify: whether a folder is what its list says, and the list what was signed.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { MiteError, messageOf } from "../../errors.js";
import { verifyManifest } from "../../field/manifest.js";
import { UsageError, bytesText, printable } from "../usage.js";
import { folderHelp, folderOption } from "./change.js";
import { readPublicKey } from "./keys.js";
import { checkModel } from "./model.js";
import { LIST, faultOf, namesIn, readListThere } from "./store.js";

/** @typedef {import("../../field/manifest.js").Manifest} Manifest */
/** @typedef {import("../../field/manifest.js").Version} Version */

/** @param {string} text */
const say = (text) => console.log(printable(text));

/** @type {import("../main.js").Command} */
export default {
  summary: "check signatures, every file's hash and, with --run, every model",
  help: `usage: mite registry verify [--key PUBLIC …] [--run]

Reads the list and checks every file's size and SHA-256. All that is wrong is said, a line each on
standard error, and the exit code is then 1. Nothing is changed.

  --key PUBLIC    a public key, or a file with one (FILE.pub of keygen), that must have signed;
                  repeated, each of them must
  --run           also load every model and run its self-test
${folderHelp}`,
  options: {
    ...folderOption,
    key: { type: "string", multiple: true, default: [] },
    run: { type: "boolean", default: false },
  },
  async run({ dir, key: given, run }, others) {
    if (others.length) throw new UsageError("verify takes no arguments; --dir says which folder");
    const publicKeys = await Promise.all(given.map(readPublicKey));
    const list = await readListThere(dir);
    let faults = 0;
    const wrong = (/** @type {string} */ sentence) => {
      faults++;
      console.error(`mite: ${printable(sentence)}`);
    };
    await checkSignatures(list, publicKeys, wrong);
    for (const [name, { versions }] of Object.entries(list.models)) {
      for (const [version, record] of Object.entries(versions)) {
        const fault = (await faultOf(dir, record)) ?? (run && (await faultOfModel(dir, record)));
        if (fault) wrong(`${name} ${version}: ${fault}`);
        else say(`${name} ${version}: ${record.file}, ${bytesText(record.bytes)}, hash right${run ? ", runs" : ""}`);
      }
    }
    await noteStrangers(dir, list);
    if (faults) console.error(`mite: ${faults === 1 ? "one thing is" : `${faults} things are`} wrong in ${dir}`);
    return faults ? 1 : 0;
  },
};

/**
 * @param {Manifest} list
 * @param {string[]} publicKeys
 * @param {(sentence: string) => void} wrong
 */
async function checkSignatures(list, publicKeys, wrong) {
  const by = (list.signatures ?? []).map(({ key }) => key).join(", ");
  const head = `${LIST}: serial ${list.serial}`;
  if (!publicKeys.length) {
    say(`${head}, ${by ? `says it is signed by ${by}; not checked, pass --key PUBLIC` : "not signed"}`);
  }
  for (const publicKey of publicKeys) {
    try {
      say(`${head}, signed by ${await verifyManifest(list, [publicKey])} (${publicKey})`);
    } catch (error) {
      const format = error instanceof MiteError && error.code === "format";
      const why = format ? `its signatures: ${by || "none"}` : messageOf(error);
      wrong(`${LIST} was not signed by ${publicKey}, or was changed since (${why})`);
    }
  }
}

/** @param {string} dir @param {Version} record */
async function faultOfModel(dir, { file }) {
  try {
    await checkModel(await readFile(join(dir, file)));
    return undefined;
  } catch (error) {
    return `${file}: ${messageOf(error)}`;
  }
}

/**
 * Files that no version has: left by a process that was killed, or put there by hand.
 * @param {string} dir
 * @param {Manifest} list
 */
async function noteStrangers(dir, { models }) {
  const records = Object.values(models).flatMap(({ versions }) => Object.values(versions));
  const known = new Set(records.map(({ file }) => file));
  const strangers = (await namesIn(dir)).filter((name) => name.endsWith(".mite") && !known.has(name));
  for (const name of strangers) console.error(`mite: note: ${name} belongs to no version in the list`);
}
