// SPDX-License-Identifier: Apache-2.0
// What the commands that change a list have in common: options, trust in what is there, signing, and the order
// of writing.
import { relative, resolve } from "node:path";
import { MiteError } from "../../errors.js";
import { verifyManifest } from "../../field/manifest.js";
import { UsageError, printable } from "../usage.js";
import { readSigningKeys } from "./keys.js";
import { LIST, alone, emptyList, readList, readListThere, writeList } from "./store.js";

/** @typedef {import("../../field/manifest.js").Manifest} Manifest */
/** @typedef {import("./keys.js").SigningKey} SigningKey */

/** @type {import("node:util").ParseArgsConfig["options"]} */
export const folderOption = { dir: { type: "string", default: "." } };
/** @type {import("node:util").ParseArgsConfig["options"]} */
export const changeOptions = {
  ...folderOption,
  key: { type: "string", multiple: true, default: [] },
  unsigned: { type: "boolean", default: false },
  date: { type: "string" },
  "dry-run": { type: "boolean", default: false },
};
export const folderHelp = `  --dir DIR       the folder with models.json (.)`;
export const changeHelp = `${folderHelp}
  --key FILE      sign with this private key; repeated, with several. Without it the variable
                  MITE_REGISTRY_KEY is asked, which names such a file or holds its text
  --unsigned      do not sign: pages refuse the list until \`mite registry sign\` has done so
  --date ISO      when this happens, for the history (now)
  --dry-run       only say what would be done`;

/**
 * @typedef {object} How
 * @property {string} dir
 * @property {SigningKey[]} keys
 * @property {boolean} unsigned
 * @property {boolean} dryRun
 * @property {string} at ISO 8601
 */

/**
 * @param {Record<string, any>} values as changeOptions describes them
 * @returns {Promise<How>}
 */
export async function readHow({ dir, key, unsigned, date, "dry-run": dryRun }) {
  if (unsigned && key.length) throw new UsageError("--unsigned and --key exclude each other");
  const keys = unsigned ? [] : await readSigningKeys(key);
  for (const { file } of keys) if (file) keepOut(file, dir);
  return { dir, keys, unsigned, dryRun, at: instant(date) };
}

/**
 * Everything in the folder is going to be public.
 * @param {string} file a private key
 * @param {string} dir
 */
export function keepOut(file, dir) {
  const path = relative(resolve(dir), resolve(file));
  if (/^\.\.(?:[/\\]|$)/.test(path) || resolve(path) === path) return;
  throw new MiteError("argument", `the private key ${file} lies in ${dir}, which is going to be served; move it elsewhere`);
}

/** @param {string | undefined} text */
function instant(text) {
  const date = text === undefined ? new Date() : new Date(text);
  if (Number.isNaN(date.valueOf())) throw new UsageError(`--date wants a date like 2026-01-31T12:00:00Z, not '${text}'`);
  return date.toISOString();
}

/**
 * @typedef {object} Steps
 * @property {boolean} [begin] a list that is not there is begun
 * @property {() => Promise<void>} [before] the list is written
 * @property {() => Promise<void>} [after] the list is written
 */

/**
 * Changes a list, alone, and writes it, signed.
 * @param {How} how
 * @param {(list: Manifest) => Promise<string> | string} work changes the list that it is given and says what it
 *   did; what it throws leaves everything as it was
 * @param {Steps} [steps]
 */
export async function changeList(how, work, { begin = false, before, after } = {}) {
  const { dir, keys, dryRun } = how;
  const change = async () => {
    const found = begin ? await readList(dir) : await readListThere(dir);
    if (found) await checkTrust(found, how);
    const list = found ?? emptyList();
    const signers = (list.signatures ?? []).map(({ key }) => key);
    const done = await work(list);
    list.serial++;
    delete list.signatures;
    if (keys.length) list.signatures = keys.map((key) => key.sign(list));
    if (!dryRun) {
      await before?.();
      await writeList(dir, list);
      await after?.();
    }
    report(done, list, how, signers);
  };
  await (dryRun ? change() : alone(dir, change));
}

/**
 * To sign a list is to vouch for all of it, so what is there must be what was signed before.
 * @param {Manifest} list
 * @param {How} how
 */
async function checkTrust(list, { keys, unsigned }) {
  if (unsigned) return;
  const signed = !!list.signatures?.length;
  if (!keys.length) {
    if (!signed) return;
    throw new MiteError("argument", `${LIST} is signed and would not be any more; pass --key FILE, or --unsigned and sign it later`);
  }
  const look = "look at it (mite registry list, verify); if all of it is right, mite registry sign says so";
  if (!signed) throw new MiteError("argument", `${LIST} is not signed, a change would vouch for all that is in it; ${look}`);
  await verifyManifest(list, keys.map(({ publicKey }) => publicKey)).catch((error) => {
    if (!(error instanceof MiteError) || error.code !== "format") throw error;
    const names = keys.map(({ name }) => name).join(", ");
    throw new MiteError("argument", `${LIST} was not signed by ${names}, or was changed since; ${look}`);
  });
}

/**
 * @param {string} done
 * @param {Manifest} list
 * @param {How} how
 * @param {string[]} signers of the list before
 */
function report(done, { serial }, { keys, dryRun }, signers) {
  console.log(printable(dryRun ? `would have: ${done}` : done));
  const by = keys.map(({ name }) => name).join(", ");
  console.log(`${LIST}: serial ${serial}, ${by ? `signed by ${by}` : "not signed: pages refuse it until `mite registry sign`"}`);
  const lost = signers.filter((name) => !keys.some((key) => key.name === name));
  if (keys.length && lost.length) {
    const note = `it was also signed by ${lost.join(", ")}; pages that trust no other key refuse it now`;
    console.error(`mite: note: ${printable(note)}`);
  }
}

/** @param {string | undefined} text @returns {number} */
export function percentOf(text = "100") {
  const percent = Number(text);
  if (/^\d+(?:\.\d+)?$/.test(text) && percent <= 100) return percent;
  throw new UsageError(`--percent wants a number from 0 to 100, not '${text}'`);
}

/**
 * Names end up in addresses and file names.
 * @param {string} text
 * @param {string} what
 */
export function plainName(text, what) {
  if (/^[A-Za-z0-9][\w.-]{0,63}$/.test(text)) return text;
  throw new UsageError(`${what} '${text}' must begin with a letter or digit and consist of at most 64 of A–Z a–z 0–9 . _ -`);
}
