// SPDX-License-Identifier: Apache-2.0
// bundle.mjs: writes the package's scripts to bindings/js/dist, in few files and without comments.
//
// Every export of the package that is `./dist/NAME.js` is an entry, made from `src/NAME.js`; workers
// are entries of their own. What entries share is one file, fetched once, named by its contents; an
// entry that imports another (`mite/ort` imports "./index.js") does so in dist as well, so that a
// further entry does not cut the others into more files. The command line is bundled beside them, for
// Node alone.
import { readFile, readdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const binding = fileURLToPath(new URL("../bindings/js", import.meta.url));
const src = join(binding, "src");
const dist = join(binding, "dist");
const manifest = JSON.parse(await readFile(join(binding, "package.json"), "utf8"));

/** @type {{ default?: string }[]} */
const exported = Object.values(manifest.exports);
const entries = exported.flatMap((target) => /^\.\/dist\/(\w+)\.js$/.exec(target.default ?? "")?.[1] ?? []);
const workers = ["worker", "helper"];
// Bundled each for itself, so that what they share with the others does not become a file of its own.
const apart = ["ort", "ort-worker", "ort-convert"];

/** @type {import("esbuild").Plugin} */
const entriesStay = {
  name: "entries-stay",
  setup({ onResolve }) {
    onResolve({ filter: /\.js$/ }, ({ path, importer, resolveDir }) => {
      const file = join(resolveDir, path);
      const name = basename(file, ".js");
      const another = importer && dirname(file) === src && [...entries, ...apart].includes(name);
      return another ? { path: `./${name}.js`, external: true, sideEffects: false } : undefined;
    });
  },
};

/** @type {import("esbuild").Plugin} */
const release = {
  name: "release",
  setup({ onLoad }) {
    const contents = `export const version = ${JSON.stringify(manifest.version)};`;
    onLoad({ filter: /[/\\]src[/\\]release\.js$/ }, () => ({ contents }));
  },
};

/** @param {Record<string, string>} entryPoints by name in dist, from src */
const bundle = (entryPoints) =>
  build({
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
    plugins: [entriesStay, release],
    logLevel: "warning",
  });

for (const name of await readdir(dist)) {
  if (name.endsWith(".js")) await rm(join(dist, name));
}
/** @param {string[]} names */
const asNamed = (names) => Object.fromEntries(names.map((name) => [name, `${name}.js`]));
await bundle(asNamed([...entries.filter((name) => !apart.includes(name)), ...workers]));
for (const name of apart) await bundle(asNamed([name]));
await bundle({ cli: "cli/main.js", "batch-worker": "cli/batch-worker.js" });
