// SPDX-License-Identifier: Apache-2.0
// The fixtures and the ways in which each is built and opened. None has a word of configuration for
// mite: commands are those of the tools' own first pages.

/**
 * @typedef {object} Way
 * @property {string} title how it is built, for the table
 * @property {string[]} [build] a command of the fixture's node_modules, with its arguments
 * @property {string} [folder] what is served, within the fixture
 * @property {string} [prefix] the path that it is served under
 * @property {string} [page] within the folder, "" for its index.html
 * @property {string[]} [serve] a command that serves the page itself; {port} stands for its port
 * @property {string[]} [run] a command that prints the answer itself
 * @property {"extension"} [as]
 * @property {boolean} [workers] whether mite can have workers there; default true
 */

/** @typedef {{ name: string, title: string, ways: Way[] }} Fixture */

const ownWorker = { page: "#worker", title: "build, in a worker of the page's own" };
const below = "/some/where/";

/** @type {Fixture[]} */
export const fixtures = [
  {
    name: "script",
    title: "`<script type=module>`",
    ways: [
      { title: "import map" },
      { title: "import map, page not at /", prefix: below },
    ],
  },
  {
    name: "module-worker",
    title: "module worker",
    ways: [{ title: "address of the file" }],
  },
  {
    name: "service-worker",
    title: "service worker",
    ways: [
      { title: "module compiled and weights stored at its installation", workers: false },
      { title: "nothing but `load(address)`", page: "#plain", workers: false },
    ],
  },
  {
    name: "extension",
    title: "browser extension (MV3)",
    ways: [{ title: "its page, policy with 'wasm-unsafe-eval'", as: "extension" }],
  },
  {
    name: "vite",
    title: "Vite",
    ways: [
      { title: "dev", serve: ["vite", "--port", "{port}", "--strictPort"] },
      { title: "build", build: ["vite", "build"], folder: "dist" },
      { ...ownWorker, folder: "dist" },
      {
        title: "build with `--base`",
        build: ["vite", "build", "--base", below, "--outDir", "based"],
        folder: "based",
        prefix: below,
      },
    ],
  },
  {
    name: "webpack",
    title: "webpack",
    ways: [
      { title: "build", build: ["webpack", "--mode", "production", "--entry", "./src/page.js"] },
      { ...ownWorker },
      { title: "build, page not at /", prefix: below },
      {
        title: "development build",
        build: ["webpack", "--mode", "development", "--entry", "./src/page.js"],
      },
    ],
  },
  {
    name: "esbuild",
    title: "esbuild",
    ways: [
      {
        title: "`--bundle`",
        build: ["esbuild", "src/page.js", "--bundle", "--outdir=dist"],
      },
      {
        title: "`--bundle --format=esm --splitting --minify`",
        build: [
          ...["esbuild", "src/page.js", "--bundle", "--format=esm", "--splitting", "--minify"],
          "--outdir=split",
        ],
        page: "split.html",
        prefix: below,
      },
    ],
  },
  {
    name: "rollup",
    title: "Rollup",
    ways: [
      {
        title: "build, with node-resolve",
        build: ["rollup", "src/page.js", "-p", "@rollup/plugin-node-resolve", "-f", "es", "-d", "dist"],
      },
    ],
  },
  {
    name: "parcel",
    title: "Parcel",
    ways: [
      { title: "build", build: ["parcel", "build", "index.html"], folder: "dist" },
      { title: "dev", serve: ["parcel", "serve", "index.html", "--port", "{port}", "--dist-dir", "served"] },
    ],
  },
  {
    name: "next",
    title: "Next.js",
    ways: [
      {
        title: "build and start, server and client component",
        build: ["next", "build"],
        serve: ["next", "start", "--port", "{port}"],
      },
    ],
  },
  {
    name: "sveltekit",
    title: "SvelteKit",
    ways: [{ title: "build, prerendered", build: ["vite", "build"], folder: "build" }],
  },
  {
    name: "node",
    title: "Node",
    ways: [
      { title: "import", run: ["node", "import.mjs"], workers: false },
      { title: "require", run: ["node", "require.cjs"], workers: false },
    ],
  },
  {
    name: "deno",
    title: "Deno",
    ways: [
      { title: "import", run: ["deno", "run", "--allow-all", "import.mjs"], workers: false },
    ],
  },
  {
    name: "bun",
    title: "Bun",
    ways: [{ title: "import", run: ["bun", "import.mjs"], workers: false }],
  },
];
