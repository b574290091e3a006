// SPDX-License-Identifier: Apache-2.0
// The demo's server with a hand on it: counts requests, sends models slowly and holds answers back
// when asked to, and has the tests' own models.
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { serve } from "../../tools/serve.mjs";
import { Faults } from "./faults.mjs";

/** Pages and files that only tests need, beside those of the demo. */
const own = new Map([
  ["/tests/bits.html", ["text/html", new URL("bits.html", import.meta.url)]],
  ["/tests/bits.js", ["text/javascript", new URL("bits.js", import.meta.url)]],
  ["/tests/components.html", ["text/html", new URL("components.html", import.meta.url)]],
  ["/tests/components.js", ["text/javascript", new URL("../../build/tests/components.js", import.meta.url)]],
  ["/tests/field.html", ["text/html", new URL("field.html", import.meta.url)]],
  ["/tests/field.js", ["text/javascript", new URL("field.js", import.meta.url)]],
  ["/tests/visit.js", ["text/javascript", new URL("visit.js", import.meta.url)]],
]);

export async function startServer() {
  const inner = await serve({ port: 0 });
  const state = {
    slow: false,
    requests: /** @type {string[]} */ ([]),
    methods: new Set(),
    held: /** @type {string | undefined} */ (undefined), // the end of an address
  };
  const faults = new Faults();
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy()); // closed while it was answering
  });
  async function answer(request, response) {
    if (await faults.handle(request, response)) return;
    state.requests.push(request.url);
    state.methods.add(request.method);
    while (state.held && request.url.endsWith(state.held)) await sleep(20);
    const given = await fetch(new URL(request.url.slice(1), inner.url), {
      headers: request.headers.range ? { range: request.headers.range } : {},
    });
    const headers = Object.fromEntries(given.headers);
    delete headers.connection;
    delete headers["keep-alive"];
    delete headers["transfer-encoding"];
    const page = own.get(request.url);
    const model = /^\/tests\/models\/([\w.]+)$/.exec(request.url);
    if (model) {
      const body = readFileSync(new URL(`../models/${model[1]}`, import.meta.url));
      response.writeHead(200, { ...headers, "content-type": "application/octet-stream" }).end(body);
      return;
    }
    if (page) {
      const body = readFileSync(page[1]);
      // Two pages at once are a page and a frame in it.
      const policy = headers["content-security-policy"].replace("frame-ancestors 'none'", "frame-ancestors 'self'");
      const other = { "content-security-policy": `${policy}; frame-src 'self'`, "content-type": page[0] };
      response.writeHead(200, { ...headers, ...other }).end(body);
      return;
    }
    response.writeHead(given.status, headers);
    const body = Buffer.from(await given.arrayBuffer());
    if (!state.slow || !request.url.startsWith("/models/")) {
      response.end(body);
      return;
    }
    for (let at = 0; at < body.length && !response.destroyed; at += 65536) {
      response.write(body.subarray(at, at + 65536));
      await sleep(100);
    }
    response.end();
  }
  await new Promise((resolve) => server.listen(0, "localhost", resolve));
  return {
    url: `http://localhost:${server.address().port}`,
    state,
    faults,
    async close() {
      server.closeAllConnections();
      server.close();
      await inner.close();
    },
  };
}
