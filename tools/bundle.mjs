// SPDX-License-Identifier: Apache-2.0
// bundle.mjs: writes the package's scripts to bindings/js/dist, in few files and without comments.
//
// Every export of the package that is `./dist/NAME.js` is an entry, made from `src/NAME.js`; workers
// are entries of their own. `mite` and its workers are bundled first, for themselves: what they share is
// a file or two, named by their contents, however many further entries there are. These repeat what they
// need of it, but for other entries ("./index.js") and for errors, which are one class for all. The
// command line shares with those. The cores and the workers are also texts within `embedded.js`.
import { readFile, readdir, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build as esbuild } from "esbuild";
import { differences } from "./delta.mjs";
import { gzip } from "./gzip.mjs";

const binding = fileURLToPath(new URL("../bindings/js", import.meta.url));
const src = join(binding, "src");
const dist = join(binding, "dist");
const manifest = JSON.parse(await readFile(join(binding, "package.json"), "utf8"));

const build = (await readFile(new URL("../build/id", import.meta.url), "utf8")).trim();

/** @param {string | Buffer} bytes */
const packed = async (bytes) => (await gzip(Buffer.from(bytes))).toString("base64");
const simd = await readFile(join(dist, "mite-simd.wasm"));
const relaxed = differences(simd, await readFile(join(dist, "mite-relaxed.wasm")));

/** @type {{ default?: string }[]} */
const exported = Object.values(manifest.exports);
const entries = exported.flatMap((target) => /^\.\/dist\/(\w+)\.js$/.exec(target.default ?? "")?.[1] ?? []);
const first = ["index", "worker", "helper", "errors"];
// Bundled each for itself, so that what they share with the others does not become a file of its own.
const apart = ["ort", "ort-worker", "ort-convert", "embedded"];

/** @type {(alone: boolean) => import("esbuild").Plugin} */
const entriesStay = (alone) => ({
  name: "entries-stay",
  setup({ onResolve }) {
    onResolve({ filter: /\.js$/ }, ({ path, importer, resolveDir }) => {
      const file = join(resolveDir, path);
      const name = basename(file, ".js");
      const entry = [...entries, ...apart, ...(alone ? [] : ["errors"])].includes(name);
      const another = importer && dirname(file) === src && entry;
      return another ? { path: `./${name}.js`, external: true, sideEffects: false } : undefined;
    });
  },
});

/**
 * A script that exports texts, in the place of a source.
 * @param {string} name of the source
 * @param {Record<string, string>} texts
 * @returns {import("esbuild").Plugin}
 */
const textsFor = (name, texts) => ({
  name: `texts-for-${name}`,
  setup({ onLoad }) {
    const lines = Object.entries(texts).map(([key, text]) => `export const ${key}=${JSON.stringify(text)};`);
    onLoad({ filter: new RegExp(`[/\\\\]src[/\\\\]${name}\\.js$`) }, () => ({ contents: lines.join("") }));
  },
});
const release = textsFor("release", { version: manifest.version, build });

// Scripts that know where they were put: their own name is known once they are written.
const OWN_NAME = "own name of this file";
/** @type {import("esbuild").Plugin} */
const ownName = {
  name: "own-name",
  setup({ onLoad, onEnd, initialOptions }) {
    initialOptions.write = false;
    onLoad({ filter: /[/\\]src[/\\]left-behind\.js$/ }, async ({ path }) => {
      const text = await readFile(path, "utf8");
      return { contents: text.replace('"left-behind.js"', JSON.stringify(OWN_NAME)) };
    });
    onEnd(async ({ outputFiles = [] }) => {
      for (const { path, text } of outputFiles) {
        await writeFile(path, text.replaceAll(OWN_NAME, basename(path)));
      }
    });
  },
};

/** @satisfies {import("esbuild").BuildOptions} */
const common = {
  absWorkingDir: src,
  bundle: true,
  minify: true,
  target: "es2022",
  platform: "neutral",
  logLevel: "warning",
};

/** The workers as one script, which runs as a module and as a script of old. */
async function workersAlone() {
  const { outputFiles } = await esbuild({
    ...common,
    entryPoints: ["workers.js"],
    format: "iife",
    define: { "import.meta.url": "undefined" },
    external: ["node:*"],
    plugins: [release],
    write: false,
  });
  return outputFiles[0].text;
}

const parts = {
  simd: await packed(simd), relaxed: await packed(relaxed), workers: await packed(await workersAlone()),
};
const embedded = textsFor("embedded-parts", parts);

/**
 * @param {Record<string, string>} entryPoints by name in dist, from src
 * @param {{ alone?: boolean }} [options]
 */
const bundle = (entryPoints, { alone = false } = {}) =>
  esbuild({
    ...common,
    entryPoints,
    outdir: dist,
    splitting: true,
    format: "esm",
    external: ["node:*", "react"],
    plugins: [entriesStay(alone), release, embedded, ownName],
  });

for (const name of await readdir(dist)) {
  if (name.endsWith(".js")) await rm(join(dist, name));
}
/** @param {string[]} names */
const asNamed = (names) => Object.fromEntries(names.map((name) => [name, `${name}.js`]));
await bundle(asNamed(first), { alone: true });
const others = entries.filter((name) => ![...first, ...apart].includes(name));
await bundle({ ...asNamed(others), cli: "cli/main.js", "batch-worker": "cli/batch-worker.js" });
for (const name of apart) await bundle(asNamed([name]));
