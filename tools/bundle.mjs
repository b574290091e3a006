// SPDX-License-Identifier: Apache-2.0
// bundle.mjs: writes the package's scripts to bindings/js/dist, in few files and without comments.
//
// Every export of the package that is `./dist/NAME.js` is an entry, made from `src/NAME.js`; workers
// are entries of their own. `mite` and its workers are bundled first, for themselves: what they share is
// a file or two, named by their contents, however many further entries there are. These repeat what they
// need of it, but for other entries ("./index.js") and for errors, which are one class for all. The
// command line is bundled beside them, for Node alone.
import { readFile, readdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build as esbuild } from "esbuild";

const binding = fileURLToPath(new URL("../bindings/js", import.meta.url));
const src = join(binding, "src");
const dist = join(binding, "dist");
const manifest = JSON.parse(await readFile(join(binding, "package.json"), "utf8"));

const build = (await readFile(new URL("../build/id", import.meta.url), "utf8")).trim();

/** @type {{ default?: string }[]} */
const exported = Object.values(manifest.exports);
const entries = exported.flatMap((target) => /^\.\/dist\/(\w+)\.js$/.exec(target.default ?? "")?.[1] ?? []);
const first = ["index", "worker", "helper", "errors"];
// Bundled each for itself, so that what they share with the others does not become a file of its own.
const apart = ["ort", "ort-worker", "ort-convert"];

/** @type {(core: boolean) => import("esbuild").Plugin} */
const entriesStay = (core) => ({
  name: "entries-stay",
  setup({ onResolve }) {
    onResolve({ filter: /\.js$/ }, ({ path, importer, resolveDir }) => {
      const file = join(resolveDir, path);
      const name = basename(file, ".js");
      const entry = [...entries, ...apart, ...(core ? [] : ["errors"])].includes(name);
      const another = importer && dirname(file) === src && entry;
      return another ? { path: `./${name}.js`, external: true, sideEffects: false } : undefined;
    });
  },
});

/** @type {import("esbuild").Plugin} */
const release = {
  name: "release",
  setup({ onLoad }) {
    const facts = { version: manifest.version, build };
    const contents = Object.entries(facts).map(([name, text]) => `export const ${name}="${text}";`).join("");
    onLoad({ filter: /[/\\]src[/\\]release\.js$/ }, () => ({ contents }));
  },
};

/**
 * @param {Record<string, string>} entryPoints by name in dist, from src
 * @param {{ core?: boolean }} [options]
 */
const bundle = (entryPoints, { core = false } = {}) =>
  esbuild({
    absWorkingDir: src,
    entryPoints,
    outdir: dist,
    bundle: true,
    splitting: true,
    minify: true,
    format: "esm",
    target: "es2022",
    platform: "neutral",
    external: ["node:*", "react"],
    plugins: [entriesStay(core), release],
    logLevel: "warning",
  });

for (const name of await readdir(dist)) {
  if (name.endsWith(".js")) await rm(join(dist, name));
}
/** @param {string[]} names */
const asNamed = (names) => Object.fromEntries(names.map((name) => [name, `${name}.js`]));
await bundle(asNamed(first), { core: true });
await bundle(asNamed(entries.filter((name) => ![...first, ...apart].includes(name))));
for (const name of apart) await bundle(asNamed([name]));
await bundle({ cli: "cli/main.js", "batch-worker": "cli/batch-worker.js" });
