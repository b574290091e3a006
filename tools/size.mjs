// SPDX-License-Identifier: Apache-2.0
// Prints how large what a page downloads is, raw and compressed, beside the kept ceilings of
// tests/size.json; ends with 1 where one is exceeded. `--keep` writes new ceilings a little above
// the present sizes, for a change that is worth its bytes; the limits on what a page downloads are
// never raised.
//
// Counted is what the package as published makes a page fetch, each file compressed by itself as a
// server does: one core module (with its image decoders), and the scripts that import "mite"
// brings in, of the page, its worker and its helper threads; "whole" with the module of further
// operators, which some models need. Of what is left out: bundling and
// minifying the page's own code together with mite's would save a little more.
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { brotliCompressSync, constants, gunzipSync, gzipSync } from "node:zlib";

const binding = new URL("../bindings/js/", import.meta.url);
const kept = new URL("../tests/size.json", import.meta.url);
const slack = 1.01; // of new ceilings above the present sizes

/** @typedef {{ raw: number, gzip: number, brotli: number }} Sizes */

/** @type {(bytes: Uint8Array) => Sizes} */
function measure(bytes) {
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: 11,
    [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
  };
  return {
    raw: bytes.length,
    gzip: gzipSync(bytes, { level: 9 }).length,
    brotli: brotliCompressSync(bytes, { params }).length,
  };
}

/** @type {(parts: Sizes[]) => Sizes} */
function sum(parts) {
  const total = { raw: 0, gzip: 0, brotli: 0 };
  for (const part of parts) {
    total.raw += part.raw;
    total.gzip += part.gzip;
    total.brotli += part.brotli;
  }
  return total;
}

/**
 * The JavaScript that comes with `import "mite"`: the entry, what it imports statically, and the
 * workers it starts, each a file of its own to the network. What is imported on demand (converting)
 * is not part of it.
 * @param {URL} file
 * @param {Map<string, Uint8Array>} found
 */
async function modulesFrom(file, found = new Map()) {
  if (found.has(file.href)) return found;
  const bytes = await readFile(file);
  found.set(file.href, bytes);
  const text = bytes.toString().replace(/^\s*(\/\/|\*|\/\*).*$/gm, "");
  const imported =
    /\b(?:import|export)\b[^;"'()]*?["'](\.[^"']+)["']|new URL\(\s*["'](\.[^"']+\.m?js)["']/g;
  for (const match of text.matchAll(imported)) {
    await modulesFrom(new URL(match[1] ?? match[2], file), found);
  }
  return found;
}

/** @type {(entry: any) => string} */
function target(entry) {
  return typeof entry === "string" ? entry : target(entry.import ?? entry.default);
}

const { values } = parseArgs({ options: { keep: { type: "boolean" } } });
const { exports } = JSON.parse(await readFile(new URL("package.json", binding), "utf8"));
const scripts = await modulesFrom(new URL(target(exports["."] ?? exports), binding));

/** @type {Record<string, Sizes>} */
const sizes = {};
const cores = ["simd", "relaxed"];
for (const core of cores) {
  sizes[`mite-${core}.wasm`] = measure(await readFile(new URL(`dist/mite-${core}.wasm`, binding)));
}
for (const side of ["more", "convert"]) {
  const packed = await readFile(new URL(`dist/mite-${side}.wasm.gz`, binding));
  sizes[`mite-${side}.wasm`] = measure(gunzipSync(packed));
}
sizes["binding (js)"] = sum([...scripts.values()].map(measure));
for (const core of cores) {
  const modules = sum([sizes[`mite-${core}.wasm`], sizes["mite-more.wasm"]]);
  sizes[`modules, ${core}, whole`] = modules;
  sizes[`inference, ${core}`] = sum([sizes[`mite-${core}.wasm`], sizes["binding (js)"]]);
  sizes[`inference, ${core}, whole`] = sum([modules, sizes["binding (js)"]]);
}

/** @type {{ inferenceGzip: number, wholeGzip: number, ceilings: Record<string, Sizes> }} */
const { inferenceGzip, wholeGzip, ceilings } = JSON.parse(await readFile(kept, "utf8"));
if (values.keep) {
  for (const name of Object.keys(ceilings)) delete ceilings[name];
  for (const [name, { raw, gzip, brotli }] of Object.entries(sizes)) {
    const [a, b, c] = [raw, gzip, brotli].map((bytes) => Math.ceil(bytes * slack));
    ceilings[name] = { raw: a, gzip: b, brotli: c };
  }
  await writeFile(kept, `${JSON.stringify({ inferenceGzip, wholeGzip, ceilings }, null, 2)}\n`);
}

// What every page loads counts with its JavaScript; with all operators the modules alone are limited.
const limits = /** @type {[RegExp, number][]} */ ([
  [/^inference, \w+$/, inferenceGzip],
  [/^modules, .*whole$/, wholeGzip],
]);
const faults = [];
const columns = /** @type {const} */ (["raw", "gzip", "brotli"]);
const width = 24;
/** @type {(cells: string[]) => string} */
const line = ([first, ...rest]) =>
  first.padEnd(width) + rest.map((cell) => cell.padStart(width)).join("");
console.log(line(["bytes (ceiling)", "raw", "gzip -9", "brotli 11"]));
for (const [name, size] of Object.entries(sizes)) {
  const ceiling = ceilings[name];
  if (!ceiling) faults.push(`${name} has no ceiling in tests/size.json`);
  console.log(line([name, ...columns.map((c) => `${size[c]} (${ceiling?.[c] ?? "none"})`)]));
  for (const c of columns.filter((c) => ceiling && size[c] > ceiling[c])) {
    faults.push(`${name} is ${size[c]} bytes (${c}), above its ceiling of ${ceiling[c]}`);
  }
  const limit = limits.find(([pattern]) => pattern.test(name))?.[1] ?? Infinity;
  if (size.gzip > limit) {
    faults.push(`${name} is ${size.gzip} bytes (gzip), above the limit of ${limit}`);
  }
}
console.log(`JavaScript counted: ${[...scripts.keys()]
  .map((href) => fileURLToPath(href).slice(fileURLToPath(binding).length)).sort().join(", ")}`);
for (const fault of faults) console.error(`size: ${fault}`);
if (faults.length === 0) console.log("size: within the ceilings");
process.exitCode = faults.length > 0 ? 1 : 0;
