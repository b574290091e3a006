// SPDX-License-Identifier: Apache-2.0
// Models of another site, with its permission and without, and what browsers say about storage.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { engines, launch, missing } from "./browsers.mjs";
import { Faults } from "./faults.mjs";
import { extname } from "node:path";

const dist = new URL("../../bindings/js/dist/", import.meta.url);
const types = { ".js": "text/javascript", ".wasm": "application/wasm" };

/** A page that may ask other sites, unlike that of the demo, and the scripts that it needs. */
async function servePage() {
  const server = createServer(({ url }, response) => {
    const script = /^\/mite\/dist\/([\w.-]+)$/.exec(url)?.[1];
    const file = script ? new URL(script, dist) : url === "/tests/visit.js" && new URL("visit.js", import.meta.url);
    const type = file ? (types[extname(file.pathname)] ?? "application/octet-stream") : "text/html";
    response.writeHead(200, { "content-type": type });
    response.end(file ? readFileSync(file) : "<!doctype html><title>a page</title>");
  });
  await new Promise((resolve) => server.listen(0, "localhost", resolve));
  return { url: `http://localhost:${server.address().port}`, server };
}

/** @param {import("node:http").Server} server */
function end(server) {
  server.closeAllConnections();
  server.close();
}

const small = readFileSync(new URL("../models/digits_cnn.int8.mite", import.meta.url));
const large = readFileSync(
  new URL("../../models/efficientnet-lite0/efficientnet-lite0.int8.mite", import.meta.url),
);
const allowed = { "access-control-allow-origin": "*" };
const visit = async (address, options) => (await import("/tests/visit.js")).visit(address, options);

for (const engine of engines) {
  describe(`other sites, in ${engine}`, { skip: missing(engine), timeout: 240_000 }, () => {
    /** @type {import("./browsers.mjs").Page} */
    let page;
    /** @type {Awaited<ReturnType<typeof servePage>>} */
    let server;
    const faults = new Faults();
    /** @type {string[]} */
    const methods = [];
    const other = createServer(async (request, response) => {
      methods.push(request.method);
      if (!(await faults.handle(request, response))) response.writeHead(404).end();
    });
    let site;
    before(async () => {
      await new Promise((resolve) => other.listen(0, "localhost", resolve));
      site = `http://localhost:${other.address().port}`;
      server = await servePage();
      page = await launch(engine);
    });
    after(async () => {
      await page?.close();
      if (server) end(server.server);
      end(other);
    });
    /** A visit of a page that was just opened. */
    const again = async (options = {}) => {
      await page.open(`${server.url}/`);
      return page.run(visit, `${site}/m.mite`, options);
    };
    const plan = async (bytes, ...steps) => {
      await page.open(`${server.url}/`);
      await page.run(async () => (await import("/mite/dist/index.js")).models.delete());
      faults.plan("/m.mite", bytes, steps);
    };

    test("a site that does not allow it: the error names the address, and nothing is kept", async () => {
      await plan(small, {});
      const { code, message, kept } = await again({ retry: 0 });
      assert.deepEqual([code, kept], ["network", []]);
      assert.ok(message.includes(`${site}/m.mite could not be fetched`), message);
    });

    test("one that does: loaded, kept, and known again by its own beginning, for it exposes no ETag", async () => {
      await plan(small, { headers: allowed });
      methods.length = 0;
      const first = await again();
      assert.equal(first.ok, true, first.message);
      const second = await again();
      assert.deepEqual([second.ok, second.from], [true, [engine === "webkit" ? "network" : "cache"]]);
      assert.deepEqual([...new Set(methods)], ["GET"], "no request needs a question beforehand");
    });

    test("what breaks off there is taken up, though it exposes no Content-Range", async () => {
      await plan(large, { headers: allowed, cut: 1_000_000, pause: 1 }, { headers: allowed });
      methods.length = 0;
      const { ok, message } = await again();
      assert.equal(ok, true, message);
      assert.equal(faults.log[1].range?.startsWith("bytes="), true);
      if (engine === "chromium") assert.deepEqual([...new Set(methods)], ["GET"]);
    });

    test("another file behind an interruption there is noticed", async () => {
      const changed = { headers: allowed, bytes: small };
      await plan(large, { headers: allowed, cut: 1_000_000, pause: 1 }, changed, { headers: allowed });
      const { ok, id, message } = await again();
      assert.equal(ok, true, message);
      assert.equal(id, small.subarray(96, 128).toString("hex"));
    });

    test("an opaque response is refused in words", async () => {
      await plan(small, {});
      const told = await page.run(async (address) => {
        const { load } = await import("/mite/dist/index.js");
        const response = await fetch(address, { mode: "no-cors" });
        return load(response).then(String, ({ code, message }) => ({ code, message }));
      }, `${site}/m.mite`);
      assert.equal(told.code, "network");
      assert.match(told.message, /no-cors: nobody may read it/);
    });

    test("persistence: granted, denied, not to be had", async () => {
      await page.open(`${server.url}/`);
      const told = await page.run(async () => {
        const { models } = await import("/mite/dist/index.js");
        if (!navigator.storage) return undefined;
        const answers = [];
        for (const persist of [async () => true, async () => false, undefined]) {
          Object.defineProperty(navigator.storage, "persist", { value: persist, configurable: true });
          answers.push(await models.persist());
        }
        Object.defineProperty(navigator, "storage", { value: undefined, configurable: true });
        return [...answers, await models.persist(), await models.storage()];
      });
      if (!told) return;
      const none = { bytes: 0, usage: 0, quota: 0, persistent: false };
      assert.deepEqual(told.slice(0, 4), [true, false, false, false]);
      assert.deepEqual({ ...told[4], bytes: 0 }, none);
    });
  });
}
