// SPDX-License-Identifier: Apache-2.0
// A static server for the demo page: the page at /, the package at /mite/, models at /models/ (site.mjs).
// It answers with the headers that a careful site would send, so that what works here works there:
// cross-origin isolation (threads) and a content security policy without eval.
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import { extname } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { LIST, fileOf, listing } from "./site.mjs";

/** @type {Record<string, string>} */
const types = {
  ".css": "text/css; charset=utf-8",
  ".gif": "image/gif",
  ".html": "text/html; charset=utf-8",
  ".ico": "image/x-icon",
  ".jpg": "image/jpeg",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".md": "text/markdown; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".wasm": "application/wasm",
  ".webmanifest": "application/manifest+json",
  ".webp": "image/webp",
};

const headers = {
  "Cache-Control": "no-cache",
  "Content-Security-Policy": [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    ...["style", "img", "connect", "worker", "manifest"].map((kind) => `${kind}-src 'self'`),
    ...["base-uri", "form-action", "frame-ancestors"].map((kind) => `${kind} 'none'`),
  ].join("; "),
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
};

/**
 * The first and last byte that a Range header asks for; null means the whole file, and a range
 * past its end is "unsatisfiable". Several ranges at once are answered with the whole file.
 * @param {string | undefined} header
 * @param {number} size
 */
function rangeOf(header, size) {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? "");
  if (!match || (match[1] === "" && match[2] === "")) return null;
  const first = match[1] === "" ? Math.max(0, size - Number(match[2])) : Number(match[1]);
  const last = match[1] === "" || match[2] === "" ? size - 1 : Math.min(Number(match[2]), size - 1);
  return first > last ? "unsatisfiable" : { first, last };
}

/**
 * @param {import("node:http").IncomingMessage} request
 * @param {import("node:http").ServerResponse} response
 */
async function answer(request, response) {
  /** @type {(status: number, text: string, more?: Record<string, string>) => void} */
  const refuse = (status, text, more = {}) => {
    response.writeHead(status, { ...headers, "Content-Type": types[".txt"], ...more });
    response.end(`${text}\n`);
  };
  if (request.method !== "GET" && request.method !== "HEAD") {
    return refuse(405, "Only GET and HEAD are answered here.", { Allow: "GET, HEAD" });
  }
  let path;
  try {
    path = decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname);
  } catch {
    return refuse(400, "The address is not well formed.");
  }
  if (path === LIST) {
    response.writeHead(200, { ...headers, "Content-Type": types[".json"] });
    return response.end(request.method === "HEAD" ? undefined : JSON.stringify(await listing()));
  }
  const file = path.includes("\0") ? null : fileOf(path);
  const found = file === null ? null : await stat(file).catch(() => null);
  if (!file || !found?.isFile()) return refuse(404, `There is no ${path} here.`);

  const range = rangeOf(request.headers.range, found.size);
  if (range === "unsatisfiable") {
    return refuse(416, "That range lies past the end.", { "Content-Range": `bytes */${found.size}` });
  }
  const { first, last } = range ?? { first: 0, last: found.size - 1 };
  response.writeHead(range ? 206 : 200, {
    ...headers,
    "Accept-Ranges": "bytes",
    "Content-Length": last - first + 1,
    "Content-Type": types[extname(file)] ?? "application/octet-stream",
    ...(range && { "Content-Range": `bytes ${first}-${last}/${found.size}` }),
  });
  if (request.method === "HEAD" || found.size === 0) return response.end();
  await pipeline(createReadStream(file, { start: first, end: last }), response);
}

/**
 * Starts the server. Without a port it takes the usual one, or a free one where that is taken.
 * @param {{ port?: number, host?: string }} [options]
 * @returns {Promise<{ url: string, close: () => Promise<void> }>}
 */
export async function serve({ port, host = "127.0.0.1" } = {}) {
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy()); // the client went away
  });
  /** @type {(port: number) => Promise<void>} */
  const listen = (port) =>
    new Promise((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, host, () => {
        server.off("error", reject);
        resolve();
      });
    });
  if (port === undefined) {
    await listen(8080).catch((error) => {
      if (error.code !== "EADDRINUSE" && error.code !== "EACCES") throw error;
      return listen(0);
    });
  } else {
    await listen(port);
  }
  const address = /** @type {import("node:net").AddressInfo} */ (server.address());
  return {
    url: `http://${host === "127.0.0.1" ? "localhost" : host}:${address.port}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { port: { type: "string" }, host: { type: "string" } } });
  try {
    const port = values.port ? Number(values.port) : undefined;
    const { url } = await serve({ port, host: values.host });
    console.log(`The demo page is at ${url} (Ctrl-C ends it).`);
  } catch (error) {
    const reason = /** @type {Error} */ (error).message;
    console.error(`The demo page could not be served: ${reason}; try another PORT=…`);
    process.exitCode = 1;
  }
}
