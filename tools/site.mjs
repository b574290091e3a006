// SPDX-License-Identifier: Apache-2.0
// What the demo page consists of, and under which addresses. A server answers from these folders
// (tools/serve.mjs), `node tools/site.mjs FOLDER` copies them for a static host.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, mkdir, readFile, readdir, stat, writeFile } from "node:fs/promises";
import { dirname, join, normalize, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("..", import.meta.url));

/**
 * First match wins. `only`: what of the folder is served at all.
 * @type {readonly { prefix: string, folder: string, only?: RegExp }[]}
 */
const folders = [
  { prefix: "/mite/", folder: join(repository, "bindings/js") },
  { prefix: "/models/", folder: join(repository, "models") },
  // What `make demo` adds where it can: models too large to be kept, and the peer to compare with.
  { prefix: "/more/", folder: join(repository, "build/demo") },
  {
    prefix: "/peer/",
    folder: join(repository, "bench/node_modules/onnxruntime-web/dist"),
    only: /^ort(\.wasm\.min|-wasm-simd-threaded)\.(mjs|wasm)$/,
  },
  { prefix: "/", folder: join(repository, "web/demo") },
];

/** The list of all that lies there; it is made when it is asked for. */
export const LIST = "/files.json";

/**
 * The file that an address's path names, or null: paths that leave their folder, or name a hidden
 * file or a package's dependencies, name nothing.
 * @param {string} path
 */
export function fileOf(path) {
  const match = folders.find(({ prefix }) => path.startsWith(prefix));
  if (!match) return null;
  const rest = normalize(path.slice(match.prefix.length) || "index.html");
  const parts = rest.split(sep);
  if (parts.some((part) => part.startsWith(".") || part === "node_modules")) return null;
  if (match.only && !match.only.test(rest)) return null;
  return join(match.folder, rest.endsWith(sep) ? join(rest, "index.html") : rest);
}

/** @typedef {{ path: string, bytes: number }} Served */

/**
 * What the page asks first: which files there are, so that it offers no model that is not here. What it
 * needs to work without a network is in `shell`, whose content `version` names.
 * @returns {Promise<{ version: string, shell: Served[], models: Served[], peer: Served[] }>}
 */
export async function listing() {
  const all = await Promise.all(
    folders.map(async ({ prefix, folder }) =>
      (await filesBelow(folder)).map(({ name, bytes }) => ({ path: prefix + name, bytes })),
    ),
  );
  /** @param {string} prefix @param {RegExp} [wanted] */
  const of = (prefix, wanted = /./) =>
    all[folders.findIndex((each) => each.prefix === prefix)].filter(
      ({ path }) => wanted.test(path) && fileOf(path),
    );
  const shell = [...of("/", /\.(html|css|js|svg|png|jpg|webmanifest)$/), ...of("/mite/", /^\/mite\/dist\//)];
  const hash = createHash("sha256");
  for (const { path } of shell) hash.update(path).update(await readFile(/** @type {string} */ (fileOf(path))));
  const models = ["/models/", "/more/"].flatMap((prefix) => of(prefix, /\.(mite|onnx|json)$/));
  return { version: hash.digest("hex").slice(0, 16), shell, models, peer: of("/peer/") };
}

/**
 * @param {string} folder
 * @returns {Promise<{ name: string, bytes: number }[]>} by name, / between its parts
 */
async function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const named = files.map(async (file) => ({
    name: relative(folder, file).split(sep).join("/"),
    bytes: (await stat(file)).size,
  }));
  return (await Promise.all(named)).sort((a, b) => (a.name < b.name ? -1 : 1));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [out] = process.argv.slice(2);
  if (!out) {
    console.error("site: say where to: node tools/site.mjs FOLDER");
    process.exit(1);
  }
  const list = await listing();
  for (const { path } of [...list.shell, ...list.models, ...list.peer]) {
    const to = join(out, path);
    await mkdir(dirname(to), { recursive: true });
    await cp(/** @type {string} */ (fileOf(path)), to);
  }
  await writeFile(join(out, LIST), JSON.stringify(list));
  console.log(`site: ${list.shell.length + list.models.length + list.peer.length} files in ${out}`);
}
