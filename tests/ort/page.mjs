// SPDX-License-Identifier: Apache-2.0
// The page of the clients: bundled by esbuild with every package of onnxruntime as an alias of another
// module, and served with what it needs from this machine alone.
import { readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { installed, original, root } from "./clients.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const web = join(root, "build/ort/web");
const packages = ["onnxruntime-web/webgpu", "onnxruntime-web", "onnxruntime-common"];

/**
 * Writes `NAME.js`, which exports `run`. mite stays out of it and among its files, for its workers.
 * @param {string} name
 * @param {string} client name of its package
 * @param {"mite" | "original"} which
 */
export async function bundlePage(name, client, which) {
  const modules = installed();
  const module = which === "mite" ? "/mite/dist/ort.js" : join(original, "ort.wasm.bundle.min.mjs");
  await build({
    entryPoints: { [name]: join(here, "page.js") },
    outdir: join(web, "dist"),
    bundle: true,
    external: ["/mite/*"],
    format: "esm",
    target: "es2022",
    logLevel: "error",
    nodePaths: [modules],
    alias: {
      ...Object.fromEntries(packages.map((one) => [one, module])),
      "@huggingface/transformers": join(modules, client, "dist/transformers.web.js"),
    },
  });
}

/** Folders by the beginning of an address. */
const folders = {
  "/dist/": join(web, "dist"),
  "/mite/": join(root, "bindings/js"),
  "/models/": join(here, "models"),
  "/original/": original,
  "/samples/": join(root, "web/demo/samples"),
};

const types = {
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
  ".json": "application/json",
  ".jpg": "image/jpeg",
};

/** Serves them, isolated, so that threads can be had. */
export async function servePage() {
  const server = createServer(({ url = "/" }, response) => {
    const { pathname } = new URL(url, "http://localhost");
    const [start, folder] = Object.entries(folders).find(([one]) => pathname.startsWith(one)) ?? [];
    const path = folder && join(folder, normalize(pathname.slice(start.length)));
    const found = path?.startsWith(folder) && statSync(path, { throwIfNoEntry: false })?.isFile();
    const headers = {
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-embedder-policy": "require-corp",
      "content-type": pathname === "/" ? "text/html" : (types[extname(pathname)] ?? "application/octet-stream"),
    };
    if (pathname === "/") response.writeHead(200, headers).end("<!doctype html><title>clients</title>");
    else if (pathname === "/favicon.ico") response.writeHead(204).end();
    else if (found) response.writeHead(200, headers).end(readFileSync(path));
    else response.writeHead(404).end();
  });
  await new Promise((resolve) => server.listen(0, "localhost", resolve));
  return {
    url: `http://localhost:${server.address().port}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
