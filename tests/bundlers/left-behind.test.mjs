// SPDX-License-Identifier: Apache-2.0
// Where a bundler moved mite's script away from its files: the core is the build that the engine takes
// best, the model has a worker and threads, and what cannot be had is asked for in words.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { build } from "esbuild";
import { patch } from "../../bindings/js/src/delta.js";
import { differences } from "../../tools/delta.mjs";
import { digits, root, withMinor } from "../js/support.mjs";
import { engines, launch, missing } from "../web/browsers.mjs";
import { pack, prepare } from "./prepare.mjs";
import { isolated, serveSite } from "./site.mjs";

const policy = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src";

/** @type {string} */
let folder;
/** @type {string} what the bundles are in, and no file of mite's */
let site;

/** @param {string} script @param {string} contents */
async function bundle(script, contents) {
  await build({
    stdin: { contents, resolveDir: folder },
    bundle: true,
    format: "esm",
    external: ["node:*"],
    outfile: join(site, script),
    logLevel: "error",
  });
}

before(async () => {
  folder = await prepare("script", await pack("packed-left-behind"), "left-behind");
  site = join(folder, "site");
  mkdirSync(site, { recursive: true });
  await bundle("mite.js", 'export { load, features } from "mite"; export { convert } from "mite/convert";');
  await bundle("inline.js", 'export { load, features } from "mite/inline";');
  await bundle("ort.js", 'export { InferenceSession } from "mite/ort";');
  copyFileSync(digits, join(site, "digits.mite"));
  writeFileSync(join(site, "more.mite"), withMinor(1));
  copyFileSync(join(root, "tests/models/digits_cnn.onnx"), join(site, "digits.onnx"));
});

/** Runs in the page. */
const tryModel = async (script, model, options) => {
  const { load, features } = await import(script);
  try {
    const loaded = await load(model, options);
    const { ok } = await loaded.selfTest();
    const { runtime } = loaded;
    await loaded.dispose();
    return { ok, runtime, relaxed: features().relaxedSimd };
  } catch (error) {
    return { code: error.code, error: String(error) };
  }
};

/** Runs in the page. */
const tryConverter = async (options) => {
  const { convert } = await import("/mite.js");
  const source = await (await fetch("/digits.onnx")).arrayBuffer();
  try {
    return { bytes: (await convert(source, options)).bytes.length };
  } catch (error) {
    return { code: error.code, error: String(error) };
  }
};

/** Runs in the page. */
const trySession = async () => {
  const { InferenceSession } = await import("/ort.js");
  const error = await InferenceSession.create("/digits.onnx").catch((error) => error);
  return { error: String(error) };
};

for (const engine of engines) {
  describe(`a bundle without mite's files in ${engine}`, { skip: missing(engine), timeout: 180_000 }, () => {
    /** @type {import("../web/browsers.mjs").Page} */
    let page;
    before(async () => {
      page = await launch(engine);
    });
    after(() => page?.close());

    /**
     * @param {Record<string, string>} headers
     * @param {(...args: any[]) => any} script
     * @param {any[]} args
     */
    async function on(headers, script, ...args) {
      const { url, requests, close } = await serveSite({ folders: { "/": site }, headers });
      try {
        await page.open(`${url}/nothing/`); // no page of its own: the headers of any other
        return { ...(await page.run(script, ...args)), requests };
      } finally {
        close();
      }
    }

    for (const script of ["/mite.js", "/inline.js"]) {
      test(`${script}: a worker, threads and the best core`, async () => {
        const { error, ok, runtime, relaxed } = await on(isolated, tryModel, script, "/digits.mite", { threads: 2 });
        assert.equal(error, undefined);
        assert.equal(ok, true);
        assert.deepEqual([runtime.worker, runtime.build], [true, relaxed ? "relaxed" : "simd"], runtime.note);
        assert.equal(runtime.threads, engine === "webkit" ? 1 : 2, runtime.note);
      });
      test(`${script}: its policy must allow workers from blob:, or the calling thread runs the model`, async () => {
        for (const [sources, worker] of [["'self'", false], ["blob:", true]]) {
          const headers = { "Content-Security-Policy": `${policy} ${sources}` };
          const { ok, runtime, error } = await on(headers, tryModel, script, "/digits.mite");
          assert.equal(error, undefined);
          assert.deepEqual([ok, runtime.worker], [true, worker], runtime.note);
          if (!worker) assert.match(runtime.note, /on the calling thread.* could not be started/);
        }
      });
    }

    test("further operators and the converter are asked for by file and option", async () => {
      const without = await on({}, tryModel, "/mite.js", "/more.mite");
      assert.equal(without.code, "network");
      assert.match(without.error, /copy node_modules\/mite\/dist\/mite-more\.wasm\.gz to the site/);
      assert.match(without.error, /wasm: { more: "\/mite-more\.wasm\.gz" }/);

      const session = await on({}, trySession);
      assert.match(session.error, /copy node_modules\/mite\/dist\/mite-\w+\.wasm\.gz/);

      const wasm = { more: "/mite-more.wasm.gz", convert: "/mite-convert.wasm.gz" };
      const parts = Object.values(wasm);
      for (const part of parts) copyFileSync(join(root, "bindings/js/dist", part), join(site, part));
      const { error, ok, runtime } = await on({}, tryModel, "/mite.js", "/more.mite", { wasm });
      assert.equal(error, undefined);
      assert.deepEqual([ok, runtime.whole, runtime.worker], [true, true, true], runtime.note);

      const converted = await on({}, tryConverter, { wasm: { more: wasm.more } });
      assert.match(converted.error, /mite\/dist\/mite-convert\.wasm\.gz .*wasm: { convert: /);
      const { bytes } = await on({}, tryConverter, { wasm });
      assert.ok(bytes > 1000, String(bytes));
    });
  });
}

test("a bundle for Node has a worker, too", () => {
  const script = `
    const { load } = await import(process.argv[1]);
    const model = await load(process.argv[2], { worker: true });
    console.log((await model.selfTest()).ok, model.runtime.worker);
    await model.dispose();`;
  const out = execFileSync(process.execPath, ["--input-type=module", "-e", script, join(site, "mite.js"), digits]);
  assert.equal(out.toString(), "true true\n");
});

test("a file is made of another and what is different", () => {
  const old = readFileSync(digits);
  const cut = Buffer.concat([old.subarray(500), Buffer.from("something else"), old.subarray(0, 700)]);
  for (const [from, to] of [[old, cut], [cut, old], [old, old], [old, Buffer.from("short")], [Buffer.alloc(0), old]]) {
    const delta = differences(from, to);
    assert.deepEqual(Buffer.from(patch(from, delta)), to);
  }
  assert.ok(differences(old, cut).length < 100);
});
