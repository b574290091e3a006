// SPDX-License-Identifier: Apache-2.0
// From modules as they are linked to modules as they are published:
//
//   seal.mjs imports MODULE OUT     what a side module wants of others, as options that export it there
//   seal.mjs id OUT MODULES…        a name for this build, which follows from the modules' contents
//   seal.mjs seal ID MODULE OUT END ENTRIES IMPORTS…
//                                   the module with its memory declared as not shared (sharing.js) and
//                                   the section "mite", which bindings/js/src/compile.js reads; refused
//                                   where its data or table reach beyond what is given. What is in the
//                                   files IMPORTS goes by short names between modules. Compressed where
//                                   OUT ends with .gz.
//
// Of a side module, sealing turns the table and the stack pointer, which the linker gives every module
// of its own, into imports: it is to use the core's. No index changes by that, since both are the first
// of their kind.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { setShared } from "../bindings/js/src/sharing.js";
import { gzip } from "./gzip.mjs";

const section = { imports: 2, table: 4, global: 6, exports: 7, custom: 0 };
const kind = { function: 0, table: 1, memory: 2, global: 3 };

/** @param {number} value of at most 32 bits, as unsigned LEB128 */
function leb(value) {
  const bytes = [];
  for (let rest = value >>> 0; ; rest >>>= 7) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest & 127) | 128);
  }
}

/** @param {string} text */
function name(text) {
  const bytes = Buffer.from(text);
  return [...leb(bytes.length), ...bytes];
}

/** Reads a part of a module from its beginning. */
class Reader {
  at = 0;
  /** @param {Uint8Array} bytes */
  constructor(bytes) {
    this.bytes = bytes;
  }
  get byte() {
    return this.bytes[this.at++];
  }
  get number() {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const { byte } = this;
      value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
  }
  get name() {
    return Buffer.from(this.take(this.number)).toString();
  }
  /** @param {number} count */
  take(count) {
    return this.bytes.subarray(this.at, (this.at += count));
  }
  get rest() {
    return this.bytes.subarray(this.at);
  }
}

/** @typedef {{ id: number, bytes: Uint8Array }} Section */

/** @param {string} file */
function sectionsOf(file) {
  const reader = new Reader(readFileSync(file));
  reader.take(8); // "\0asm" and the version
  /** @type {Section[]} */
  const sections = [];
  while (reader.at < reader.bytes.length) {
    const id = reader.byte;
    sections.push({ id, bytes: reader.take(reader.number) });
  }
  return sections;
}

/** @param {Section[]} sections */
function moduleOf(sections) {
  const parts = sections.map(({ id, bytes }) => [Buffer.from([id, ...leb(bytes.length)]), bytes]);
  return Buffer.concat([Buffer.from("\0asm\x01\0\0\0", "latin1"), ...parts.flat()]);
}

/**
 * Names of the functions that are to come from modules below.
 * @param {Section[]} sections
 */
function wantedOf(sections) {
  const reader = new Reader(sections.find(({ id }) => id === section.imports)?.bytes ?? new Uint8Array(1));
  /** @type {string[]} */
  const wanted = [];
  for (let count = reader.number; count > 0; count--) {
    const [from, what, of] = [reader.name, reader.name, reader.byte];
    if (of === kind.function) reader.number; // its type
    else if (of === kind.memory) reader.byte & 1 ? reader.number + reader.number : reader.number;
    else refuse(`the import ${from}.${what} is neither a function nor the memory`);
    if (of === kind.function && from === "env") wanted.push(what);
  }
  return wanted;
}

/** @param {string[]} files as the task "imports" writes them */
function shortNames(files) {
  const wanted = files.flatMap((file) => readFileSync(file, "utf8").match(/(?<==)\w+/g) ?? []);
  return new Map([...new Set(wanted)].sort().map((what, i) => [what, `$${i.toString(36)}`]));
}

/**
 * The import section with other names for functions.
 * @param {Section[]} sections
 * @param {Map<string, string>} short
 */
function renameImports(sections, short) {
  const found = sections.find(({ id }) => id === section.imports);
  if (!found) return;
  const reader = new Reader(found.bytes);
  const written = leb(reader.number);
  while (reader.at < found.bytes.length) {
    const [from, what] = [reader.name, reader.name];
    const start = reader.at;
    if (reader.byte === kind.function) reader.number;
    else if (reader.byte & 1) reader.number + reader.number;
    else reader.number;
    written.push(...name(from), ...name(short.get(what) ?? what), ...found.bytes.subarray(start, reader.at));
  }
  found.bytes = Buffer.from(written);
}

/** @param {string} out @param {string} text */
function writeIfNew(out, text) {
  if (!existsSync(out) || readFileSync(out, "utf8") !== text) writeFileSync(out, text);
}

/** @type {(fault: string) => never} */
function refuse(fault) {
  console.error(`seal: ${fault}`);
  process.exit(1);
}

/**
 * The initial value of global `index`, which none is imported before.
 * @param {Uint8Array} globals the section
 * @param {number} index
 */
function globalAt(globals, index) {
  const reader = new Reader(globals);
  for (let count = reader.number, i = 0; i < count; i++) {
    const [type, , constant] = reader.take(3);
    if (type !== 0x7f || constant !== 0x41) refuse("a global is not a constant of 32 bits");
    const value = reader.number; // addresses here are small enough to look the same signed
    const end = reader.byte;
    if (end !== 0x0b) refuse("a global is not a constant of 32 bits");
    if (i === index) return value;
  }
  return refuse("an exported global is not there");
}

/**
 * The table, the stack pointer: from what the module has to what it imports.
 * @param {Section[]} sections
 */
function importShared(sections) {
  const part = (/** @type {number} */ id) => sections.findIndex((s) => s.id === id);
  const table = new Reader(sections[part(section.table)].bytes);
  if (table.number !== 1) refuse("a side module has more than one table");
  const type = table.rest;
  sections.splice(part(section.table), 1);
  const globals = new Reader(sections[part(section.global)].bytes);
  const count = globals.number;
  globals.take(3);
  while (globals.byte & 128);
  globals.byte; // end
  const others = globals.rest;
  sections[part(section.global)].bytes = Buffer.from([...leb(count - 1), ...others]);
  const imports = new Reader(sections[part(section.imports)].bytes);
  const before = imports.number;
  sections[part(section.imports)].bytes = Buffer.from([
    ...leb(before + 2),
    ...imports.rest,
    ...[...name("env"), ...name("__indirect_function_table"), kind.table, ...type],
    ...[...name("env"), ...name("__stack_pointer"), kind.global, 0x7f, 1],
  ]);
}

/**
 * @param {string} build
 * @param {string} file
 * @param {string} out
 * @param {{ end: number, entries: number }} room
 * @param {Map<string, string>} short
 */
async function seal(build, file, out, room, short) {
  const sections = sectionsOf(file);
  const part = (/** @type {number} */ id) => sections.find((s) => s.id === id)?.bytes ?? new Uint8Array();
  const isSide = wantedOf(sections).some((wanted) => wanted.startsWith("mite_"));
  const table = new Reader(part(section.table));
  table.take(2 + 1); // one table of functions, without a maximum
  const tableEnd = table.number;

  const exports = new Reader(part(section.exports));
  /** @type {number[]} */
  const kept = [];
  let [begin, end, left] = [0, 0, 0];
  for (let count = exports.number; count > 0; count--) {
    const [what, of, index] = [exports.name, exports.byte, exports.number];
    if (what === "__global_base") begin = globalAt(part(section.global), index);
    else if (what === "__heap_base") end = globalAt(part(section.global), index);
    else if (isSide && what === "__stack_pointer" && index !== 0) {
      refuse("the stack pointer is not the first global");
    } else if (!isSide || of === kind.function) {
      kept.push(...name(short.get(what) ?? what), of, ...leb(index));
      left++;
    }
  }
  const index = sections.findIndex((s) => s.id === section.exports);
  sections[index].bytes = Buffer.from([...leb(left), ...kept]);
  if (end > room.end || tableEnd > room.entries) {
    refuse(`${file} ends at ${end}, its table at ${tableEnd}, beyond ${room.end} and ${room.entries}: side modules must move (room_… in the Makefile)`);
  }
  renameImports(sections, short);
  if (isSide) importShared(sections);
  const facts = { build, ...(isSide && { memory: [begin, end], table: tableEnd }) };
  sections.push({
    id: section.custom,
    bytes: Buffer.from([...name("mite"), ...Buffer.from(JSON.stringify(facts))]),
  });
  const module = moduleOf(sections);
  if (!setShared(module, false)) refuse(`${file} imports no memory`);
  writeFileSync(out, out.endsWith(".gz") ? await gzip(module) : module);
}

const [task, ...args] = process.argv.slice(2);
if (task === "imports") {
  const [file, out] = args;
  writeIfNew(out, wantedOf(sectionsOf(file)).map((wanted) => `-Wl,--export-if-defined=${wanted}\n`).join(""));
} else if (task === "id") {
  const [out, ...files] = args;
  const hash = createHash("sha256");
  for (const file of files) hash.update(basename(file)).update(readFileSync(file));
  writeIfNew(out, `${hash.digest("hex").slice(0, 12)}\n`);
} else if (task === "seal") {
  const [id, file, out, end, entries, ...imports] = args;
  const room = { end: Number(end), entries: Number(entries) };
  await seal(readFileSync(id, "utf8").trim(), file, out, room, shortNames(imports));
} else {
  refuse(`there is no task '${task}'`);
}
