// SPDX-License-Identifier: Apache-2.0
// What sites do to a package's files: pages in place of them, wrong types, strict policies, another
// origin, headers that threads need and that are not there. The package is the packed one, unbundled.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { engines, launch, missing } from "../web/browsers.mjs";
import { pack, prepare } from "./prepare.mjs";
import { isolated, serveSite } from "./site.mjs";

const html = "<!doctype html><title>a page for every address</title>";
const strict = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'";

/** Runs in the page. */
const classify = async (entry, options) => {
  const { load, features } = await import(entry);
  try {
    const model = await load("/models/efficientnet-lite0.int8.mite", options);
    const { top } = await model.classify("/photo.jpg");
    const { runtime } = model;
    await model.dispose();
    return { label: top[0].label, runtime, relaxed: features().relaxedSimd };
  } catch (error) {
    return { code: error.code, error: String(error) };
  }
};

/** @type {string} */
let folder;
before(async () => {
  folder = await prepare("script", await pack("packed-for-traps"), "traps");
});

for (const engine of engines) {
  describe(`in ${engine}`, { skip: missing(engine), timeout: 180_000 }, () => {
    /** @type {import("../web/browsers.mjs").Page} */
    let page;
    /** @type {string[]} what the last page asked its site for */
    let asked = [];
    before(async () => {
      page = await launch(engine);
    });
    after(() => page?.close());

    /**
     * @param {Partial<import("./site.mjs").SiteOptions>} site
     * @param {{ options?: object, entry?: string }} [how]
     */
    async function on(site, { options = {}, entry = "/node_modules/mite/dist/index.js" } = {}) {
      const { url, requests, close } = await serveSite({ folders: { "/": folder }, ...site });
      asked = requests;
      page.complaints.length = 0;
      try {
        await page.open(`${url}/models/`); // no page of its own: the headers of any other
        return await page.run(classify, entry, options);
      } finally {
        close();
      }
    }

    /** @param {any} answer @param {boolean} worker */
    function works({ label, runtime, error }, worker = true) {
      assert.equal(error, undefined);
      assert.equal(label, "espresso");
      assert.equal(runtime.worker, worker, runtime.note);
    }

    test("a page in place of the module is called that", async () => {
      const { code, error } = await on({ missing: html }, { options: { wasm: "/not/there/" } });
      assert.equal(code, "format");
      assert.match(error, /an HTML page .*\/not\/there\//);
    });
    test("a module that is not there is asked for by its address", async () => {
      const { code, error } = await on({}, { options: { wasm: "/not/there/" } });
      assert.equal(code, "network");
      assert.match(error, /\/not\/there\/mite-\w+\.wasm.*404/);
    });
    test("the module may be sent as any type", async () => {
      const headers = { "X-Content-Type-Options": "nosniff" };
      works(await on({ types: { ".wasm": "text/plain" }, headers }));
    });
    test("a policy that allows WebAssembly and no more", async () => {
      works(await on({ headers: { "Content-Security-Policy": strict } }));
      assert.deepEqual(page.complaints.filter((text) => /policy/i.test(text)), []);
    });
    test("a policy that forbids WebAssembly is named, with the word that it lacks", async () => {
      const headers = { "Content-Security-Policy": "default-src 'self'" };
      const { code, error } = await on({ headers });
      assert.equal(code, "unsupported");
      assert.match(error, /'wasm-unsafe-eval'/);
    });
    test("a policy that forbids workers: the calling thread, and a note", async () => {
      const policy = strict.replace("worker-src 'self'", "worker-src 'none'");
      const answer = await on({ headers: { "Content-Security-Policy": policy } });
      works(answer, false);
      assert.match(answer.runtime.note, /could not be started/);
    });
    for (const worker of [true, false]) {
      test(`mite/inline under that policy asks for no module, worker: ${worker}`, async () => {
        const headers = { "Content-Security-Policy": strict };
        const entry = "/node_modules/mite/dist/inline.js";
        const answer = await on({ headers }, { entry, options: { worker } });
        works(answer, worker);
        assert.equal(answer.runtime.build, answer.relaxed ? "relaxed" : "simd");
        assert.deepEqual(asked.filter((path) => path.includes(".wasm")), []);
      });
    }
    for (const headers of [{}, isolated]) {
      const are = "Cross-Origin-Opener-Policy" in headers;
      test(`threads ${are ? "with" : "without"} the headers for them`, async () => {
        const answer = await on({ headers }, { options: { threads: 2 } });
        works(answer);
        const threads = are && engine !== "webkit" ? 2 : 1;
        assert.equal(answer.runtime.threads, threads);
        if (!are) assert.match(answer.runtime.note, /Cross-Origin-Opener-Policy/);
      });
      test(`from another origin, ${are ? "with" : "without"} these headers`, async () => {
        const more = { "Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin" };
        const cdn = await serveSite({ folders: { "/": folder }, headers: { ...headers, ...more } });
        const entry = `${cdn.url}/node_modules/mite/dist/index.js`;
        try {
          works(await on({ folders: {}, headers }, { entry, options: { threads: 2 } }));
          const policy = strict.replaceAll("'self'", `'self' ${cdn.url}`);
          const strictly = { ...headers, "Content-Security-Policy": policy };
          const answer = await on({ folders: {}, headers: strictly }, { entry });
          works(answer, false);
          assert.match(answer.runtime.note, /could not be started/);
        } finally {
          cdn.close();
        }
      });
    }
  });
}
