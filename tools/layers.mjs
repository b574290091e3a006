// SPDX-License-Identifier: Apache-2.0
// Checks that includes in runtime/ and convert/ follow the arrows of the architecture: each room
// may include itself and the rooms named for it here, and nothing else. Also that runtime/ uses no
// more of the C library than what costs nothing to ship (no stdio, locale, time or files).
import { readdir, readFile } from "node:fs/promises";
import { dirname, join, normalize, relative } from "node:path";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("..", import.meta.url));

// A room is a folder below runtime/ or convert/, or a file that lies directly in one of these.
// Rooms may include what the rooms they include may include.
/** @type {Record<string, string[]>} */
const mayInclude = {
  "runtime/mite.h": [],
  "runtime/base": ["runtime/mite.h"],
  "runtime/kernels": ["runtime/base"],
  "runtime/image": ["runtime/base"],
  "runtime/graph": ["runtime/base"],
  "runtime/format": ["runtime/graph", "runtime/ops"], // to find a node's operator by its name
  "runtime/ops": ["runtime/graph", "runtime/kernels"],
  "runtime/plan": ["runtime/ops"],
  "runtime/exec": ["runtime/plan"],
  "runtime/mite.c": ["runtime/exec", "runtime/format"],
  "runtime/wasm.c": ["runtime/mite.c", "runtime/image"],
};

const libraryOfRuntime = new Set(
  ("float limits math pthread stdalign stdarg stdatomic stdbool stddef stdint stdlib string").split(" ")
    .map((name) => `${name}.h`),
);

// The one place for each header that is not the C library's.
/** @type {Record<string, string>} */
const onlyIn = {
  "stb_image.h": "runtime/image/",
  "wasm_simd128.h": "runtime/kernels/simd.h",
  "simde/wasm/simd128.h": "runtime/kernels/simd.h",
  "simde/wasm/relaxed-simd.h": "runtime/kernels/simd.h",
  "emscripten.h": "runtime/wasm.c",
};

/** @type {(room: string, seen?: Set<string>) => Set<string>} */
function reachable(room, seen = new Set()) {
  if (!seen.has(room)) {
    seen.add(room);
    for (const next of mayInclude[room] ?? []) reachable(next, seen);
  }
  return seen;
}

/** @type {(file: string) => string} */
function roomOf(file) {
  return file.split("/").slice(0, 2).join("/");
}

/**
 * What is wrong with one include, or null.
 * @param {string} file @param {string} name @param {boolean} system @param {Set<string>} files
 */
function fault(file, name, system, files) {
  const inRuntime = file.startsWith("runtime/");
  if (system || name in onlyIn) {
    if (name in onlyIn) {
      return file.startsWith(onlyIn[name]) ? null : `only ${onlyIn[name]} may include it`;
    }
    return inRuntime && !libraryOfRuntime.has(name) ? "runtime/ does without it" : null;
  }
  const beside = normalize(join(dirname(file), name));
  const target = [beside, `runtime/${name}`, `convert/${name}`].find((path) => files.has(path));
  if (!target) return "there is no such file in runtime/ or convert/";
  if (!inRuntime) return null;
  if (target.startsWith("convert/")) return "runtime/ does not know convert/";
  const room = roomOf(file);
  if (!(room in mayInclude)) return `${room} is no room that tools/layers.mjs knows`;
  return reachable(room).has(roomOf(target)) ? null : `${room} may not include ${roomOf(target)}`;
}

const names = [];
for (const top of ["runtime", "convert"]) {
  const entries = await readdir(join(repository, top), { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    if (!entry.isFile() || !/\.(c|h|def)$/.test(entry.name)) continue;
    names.push(relative(repository, join(entry.parentPath ?? entry.path, entry.name)));
  }
}
const files = new Set(names);
let includes = 0;
let faults = 0;
for (const file of names.sort()) {
  const lines = (await readFile(join(repository, file), "utf8")).split("\n");
  for (const [index, line] of lines.entries()) {
    const match = /^\s*#\s*include\s*([<"])([^>"]+)[>"]/.exec(line);
    if (!match) continue;
    includes++;
    const why = fault(file, match[2], match[1] === "<", files);
    if (!why) continue;
    faults++;
    console.error(`${file}:${index + 1}: include of ${match[2]}: ${why}`);
  }
}
console.log(`layers: ${includes} includes in ${files.size} files, ${faults} against the arrows`);
process.exitCode = faults > 0 ? 1 : 0;
