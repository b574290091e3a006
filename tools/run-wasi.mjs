// SPDX-License-Identifier: Apache-2.0
// Runs a WebAssembly program as a command: node tools/run-wasi.mjs FILE.wasm ARGUMENT…
// The tests' C programs are built for WASI; their results are exit codes and lines of text.
import { readFile } from "node:fs/promises";
import { WASI } from "node:wasi";

const [file, ...rest] = process.argv.slice(2);
if (!file) {
  console.error("run-wasi: which program? node tools/run-wasi.mjs FILE.wasm ARGUMENT…");
  process.exit(2);
}
const wasi = new WASI({ version: "preview1", args: [file, ...rest], env: {}, returnOnExit: true });
const module = await WebAssembly.compile(await readFile(file));
// Emscripten tells its host when memory has grown; nobody here keeps a view of it.
const env = { emscripten_notify_memory_growth() {} };
const imports = /** @type {WebAssembly.Imports} */ ({ ...wasi.getImportObject(), env });
process.exitCode = wasi.start(await WebAssembly.instantiate(module, imports));
