// SPDX-License-Identifier: Apache-2.0
// What commands share.
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { MiteError, messageOf } from "../errors.js";
import { cannotRead } from "../source.js";

/** The command line itself is wrong: exit code 2. */
export class UsageError extends Error {}

/** @param {string} path */
export function readWhole(path) {
  return readFile(path).catch((error) => {
    throw cannotRead(path, error);
  });
}

/**
 * Writes a file whole or not at all: under another name first.
 * @param {string} path
 * @param {Uint8Array | string} content
 */
export async function writeWhole(path, content) {
  const partial = `${path}.${process.pid}.partial`;
  try {
    await writeFile(partial, content);
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true }).catch(() => {}); // the first failure is the one to tell
    throw cannotWrite(path, error);
  }
}

/** @param {string} path */
export async function makeFolder(path) {
  await mkdir(path, { recursive: true }).catch((error) => {
    throw cannotWrite(path, error);
  });
}

/**
 * @param {string} path
 * @param {unknown} error
 */
function cannotWrite(path, error) {
  const reasons = /** @type {Record<string, string>} */ ({
    ENOENT: "there is no such folder",
    ENOTDIR: "its folder is a file",
    EEXIST: "there is a file of that name",
    EISDIR: "it is a folder",
    EBUSY: "it is a folder or in use",
    EACCES: "permission denied",
    EROFS: "the file system is read-only",
    ENOSPC: "the disk is full",
    ENAMETOOLONG: "the name is too long",
  });
  const { code = "" } = /** @type {NodeJS.ErrnoException} */ (error);
  return new MiteError("argument", `cannot write ${path}: ${reasons[code] ?? messageOf(error)}`, {
    cause: error,
  });
}

/**
 * What is done with a file, whose name then stands in what is said of failures.
 * @template T
 * @param {string} path
 * @param {() => T | Promise<T>} task
 * @returns {Promise<T>}
 */
export async function about(path, task) {
  try {
    return await task();
  } catch (error) {
    const text = messageOf(error);
    if (text.includes(path) || !(error instanceof MiteError)) throw error;
    throw new MiteError(error.code, `${path}: ${text}`, { cause: error });
  }
}

/**
 * @param {string} text
 * @param {string} option
 */
export function wholeNumber(text, option) {
  const number = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(number) && number > 0) return number;
  throw new UsageError(`${option} wants a whole number above 0, not '${text}'`);
}

/** @param {string} text */
export function toleranceOption(text) {
  const number = Number(text);
  if (text.trim() && number >= 0) return number;
  throw new UsageError(`--tolerance wants a number of 0 or more, such as 1e-3, not '${text}'`);
}

/**
 * Text that comes from files, as a terminal may see it: lines, and no control sequences.
 * @param {string} text
 */
export const printable = (text) => text.replace(/[\0-\x09\x0b-\x1f\x7f-\x9f]/g, "?");

/** @param {number} bytes */
export function bytesText(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(2)} MB`;
}
