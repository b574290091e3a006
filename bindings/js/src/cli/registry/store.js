// SPDX-License-Identifier: Apache-2.0
// A folder of models on disk: the list, the files beside it, and one writer at a time.
//
// Nothing is written where it is read. A file is written whole under a name of its own, flushed, and renamed;
// the list comes last, and with it the change. So a process may be killed, and power may fail, at any moment:
// the folder holds the list of before or the new one, and every file that it names.
//
// Names that begin with ".mite-" say which process they belong to. What a dead one left is removed by the next
// that changes the folder. A lock is such a file, empty: whoever made one looks whether a living process has
// another, and if so takes its own away again. Of two at once at least the later one sees the other's, so that
// never both go on; and since no name is made twice, removing a dead one's can hit nobody else.
import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, readFile, readdir, rename, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { MiteError, messageOf } from "../../errors.js";
import { FORMAT, parseManifest } from "../../field/manifest.js";
import { cannotRead } from "../../source.js";

/** @typedef {import("../../field/manifest.js").Manifest} Manifest */
/** @typedef {import("../../field/manifest.js").Version} Version */

export const LIST = "models.json";
/** How long one waits for another's change, which takes a few milliseconds, or as long as hashing a file. */
const PATIENCE_MS = 5_000;
const OWNED = /^\.mite-(lock|partial)-(.+)-(\d+)-([0-9a-f]{16})-[0-9a-f]{8}$/;
/** Tells this process from an earlier one that had its number: containers give the same to each. */
const SELF = randomBytes(8).toString("hex");

/** The host's name as it may stand in a file's. */
const host = () => hostname().replace(/[^\w.]/g, "_").slice(0, 64) || "host";

/** @param {"lock" | "partial"} kind */
const ownName = (kind) =>
  `.mite-${kind}-${host()}-${process.pid}-${SELF}-${randomBytes(4).toString("hex")}`;

/** Whether the process that a name belongs to may still run. @param {RegExpExecArray} owned */
function mayLive([, , owner, pid, self]) {
  if (owner !== host()) return true; // on another machine: nobody can tell from here
  if (Number(pid) === process.pid) return self === SELF;
  try {
    process.kill(Number(pid), 0);
    return true;
  } catch (error) {
    return codeOf(error) !== "ESRCH";
  }
}

/** @param {unknown} error */
const codeOf = (error) => /** @type {NodeJS.ErrnoException} */ (error).code;

/** @param {string} dir @returns {Promise<Manifest | undefined>} undefined where there is none */
export async function readList(dir) {
  const path = join(dir, LIST);
  const text = await readFile(path, "utf8").catch((error) => {
    if (codeOf(error) === "ENOENT") return undefined;
    throw cannotRead(path, error);
  });
  if (text === undefined) return undefined;
  try {
    return parseManifest(text);
  } catch (error) {
    throw new MiteError("format", `${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** @param {string} dir @returns {Promise<Manifest>} */
export async function readListThere(dir) {
  const list = await readList(dir);
  if (list) return list;
  throw new MiteError("argument", `there is no ${LIST} in ${dir}; \`mite registry add\` begins one, --dir says where it is`);
}

/** @returns {Manifest} */
export const emptyList = () => ({ format: FORMAT, formatVersion: 1, serial: 0, models: {} });

/** @param {string} dir @param {Manifest} list */
export async function writeList(dir, list) {
  const text = `${JSON.stringify(list, null, 2)}\n`;
  parseManifest(text); // what could not be read again is not written
  const partial = await writePartial(dir, text);
  await moveIn(dir, partial, LIST);
}

/**
 * Writes and flushes a file that is not there yet for anybody else.
 * @param {string} dir
 * @param {Uint8Array | string} content
 * @returns {Promise<string>} its name for moveIn
 */
export async function writePartial(dir, content) {
  const name = ownName("partial");
  try {
    const handle = await open(join(dir, name), "wx", 0o644);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    await rm(join(dir, name), { force: true });
    throw new MiteError("argument", `cannot write to ${dir}: ${messageOf(error)}`, { cause: error });
  }
  return name;
}

/** @param {string} dir @param {string} partial @param {string} name */
export async function moveIn(dir, partial, name) {
  try {
    await rename(join(dir, partial), join(dir, name));
  } catch (error) {
    await rm(join(dir, partial), { force: true });
    throw new MiteError("argument", `cannot write ${join(dir, name)}: ${messageOf(error)}`, { cause: error });
  }
  await flushFolder(dir);
}

/** So that renames survive a power cut, too. @param {string} dir */
async function flushFolder(dir) {
  const handle = await open(dir, "r").catch(() => undefined); // Windows opens no folders
  await handle?.sync().catch(() => {});
  await handle?.close();
}

/** @param {string} dir @param {string} name */
export const removeFile = (dir, name) => rm(join(dir, name), { force: true });

/**
 * Does some work while no other process changes the folder; waits for the one that does.
 * @template T
 * @param {string} dir
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function alone(dir, work) {
  const deadline = Date.now() + PATIENCE_MS;
  const own = ownName("lock");
  for (;;) {
    let other = await otherWriter(dir, own);
    if (!other) {
      await makeLock(join(dir, own));
      other = await otherWriter(dir, own);
      if (!other) break;
      await removeFile(dir, own);
    }
    if (Date.now() > deadline) {
      throw new MiteError(
        "argument",
        `${dir} is being changed by another process; try again, or delete ${join(dir, other)} if that one has ended`,
      );
    }
    await sleep(10 + Math.random() * 90);
  }
  try {
    return await work();
  } finally {
    await removeFile(dir, own);
  }
}

/** @param {string} path */
async function makeLock(path) {
  try {
    await (await open(path, "wx")).close();
  } catch (error) {
    throw new MiteError("argument", `cannot write to the folder: ${messageOf(error)}`, { cause: error });
  }
}

/** The lock of a process that lives. @param {string} dir @param {string} own */
async function otherWriter(dir, own) {
  for (const name of await namesIn(dir)) {
    const owned = name === own ? null : OWNED.exec(name);
    if (!owned) continue;
    const lives = mayLive(owned);
    if (lives && owned[1] === "lock") return name;
    if (!lives) await removeFile(dir, name);
  }
  return undefined;
}

/** @param {string} dir */
export function namesIn(dir) {
  return readdir(dir).catch((error) => {
    throw cannotRead(dir, error);
  });
}

/** @param {Uint8Array} bytes */
export const hashOf = (bytes) => createHash("sha256").update(bytes).digest("hex");

/**
 * Whether a version's file is there and is what the list says.
 * @param {string} dir
 * @param {Version} version
 * @returns {Promise<string | undefined>} what is wrong, a sentence; undefined if nothing is
 */
export async function faultOf(dir, { file, sha256, bytes }) {
  const hash = createHash("sha256");
  let count = 0;
  try {
    for await (const piece of createReadStream(join(dir, file))) {
      hash.update(piece);
      count += piece.length;
    }
  } catch (error) {
    return codeOf(error) === "ENOENT" ? `${file} is not there` : `${file} cannot be read: ${messageOf(error)}`;
  }
  if (count !== bytes) return `${file} has ${count} bytes, the list says ${bytes}`;
  const found = hash.digest("hex");
  return found === sha256 ? undefined : `${file} has another SHA-256 (${found}) than the list says (${sha256})`;
}
