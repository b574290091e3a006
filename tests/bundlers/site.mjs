// SPDX-License-Identifier: Apache-2.0
// A static server as anybody's host has one: folders under prefixes, the model and the photo beside
// them, headers if wanted, and for what is not there a 404 or, as single-page hosts do, a page.
import { readFile, stat } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("../..", import.meta.url));

/** @type {Record<string, string>} */
export const shared = {
  "/models/efficientnet-lite0.int8.mite": join(
    repository,
    "models/efficientnet-lite0/efficientnet-lite0.int8.mite",
  ),
  "/photo.jpg": join(repository, "web/demo/samples/coffee.jpg"),
};

/** @type {Record<string, string>} */
const types = {
  ".css": "text/css",
  ".html": "text/html",
  ".js": "text/javascript",
  ".json": "application/json",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

const notHere = "<!doctype html><title>This is not here</title>";

/** The headers that let threads share memory. */
export const isolated = {
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Opener-Policy": "same-origin",
};

/**
 * @typedef {object} SiteOptions
 * @property {Record<string, string>} folders by the prefix that they are served under
 * @property {Record<string, string>} [headers] of every answer
 * @property {Record<string, string>} [types] by extension, in place of the right ones
 * @property {string} [missing] a page for what is not there, with status 200
 */

/**
 * @param {SiteOptions} options
 * @returns {Promise<{ url: string, requests: string[], close: () => void }>}
 */
export async function serveSite({ folders, headers = {}, types: otherTypes = {}, missing }) {
  const typeOf = (/** @type {string} */ file) => ({ ...types, ...otherTypes })[extname(file)];

  /** @param {string} path */
  async function fileOf(path) {
    if (shared[path]) return shared[path];
    const prefix = Object.keys(folders).find((start) => path.startsWith(start));
    if (prefix === undefined) return undefined;
    const file = join(folders[prefix], normalize(`/${path.slice(prefix.length)}`));
    return path.endsWith("/") ? join(file, "index.html") : file;
  }

  /** @type {string[]} */
  const requests = [];
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    requests.push(pathname);
    const file = await fileOf(decodeURIComponent(pathname));
    const found = file && (await stat(file).catch(() => undefined))?.isFile();
    if (found) {
      const type = typeOf(file) ?? "application/octet-stream";
      response.writeHead(200, { "Content-Type": type, ...headers }).end(await readFile(file));
    } else if (missing) {
      response.writeHead(200, { "Content-Type": "text/html", ...headers }).end(missing);
    } else {
      response.writeHead(404, { "Content-Type": "text/html", ...headers }).end(notHere);
    }
  });
  await new Promise((resolve) => server.listen(0, "localhost", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return {
    url: `http://localhost:${port}`,
    requests,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
