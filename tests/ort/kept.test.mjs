// SPDX-License-Identifier: Apache-2.0
// What mite/ort converts is kept in pages: the next visit fetches no converter and converts nothing,
// gives the same numbers, notices other models, options and damage, and the page can delete it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { engines, missing } from "../web/browsers.mjs";
import { pageOf } from "../web/suite.mjs";

const model = (name) => readFileSync(new URL(`models/${name}`, import.meta.url));
const bert = model("tiny-bert/onnx/model.onnx");
const byLength = model("by-length-bert.onnx"); // converted anew for every shape
const matmul = model("matmul.onnx");

/** In the page: creates a session, runs it, and tells what was fetched for that. */
async function visit(source, { lengths = [5], kept = 0, ...options } = {}) {
  const ort = await import("/mite/dist/ort.js");
  const { models } = await import("/mite/dist/index.js");
  performance.clearResourceTimings();
  const told = { sums: [] };
  try {
    const given = source.startsWith("bytes of ")
      ? new Uint8Array(await (await fetch(source.slice(9), { cache: "no-store" })).arrayBuffer())
      : source;
    const session = await ort.InferenceSession.create(given, { logSeverityLevel: 3, ...options });
    told.metadata = session.inputMetadata;
    for (const length of lengths) {
      const feeds = {};
      for (const { name, type, shape } of session.inputMetadata) {
        const dims = type === "int64" ? [1, length] : shape;
        const size = dims.reduce((a, b) => a * b, 1);
        const data = Array.from({ length: size }, (_, i) => (type === "int64" ? i % 2 : i / 8));
        feeds[name] = new ort.Tensor(type, data, dims);
      }
      for (const { data } of Object.values(await session.run(feeds))) {
        told.sums.push(data.reduce((sum, x, i) => sum + x * ((i % 7) + 1), 0));
      }
    }
    await session.release();
    told.notes = session.notes;
  } catch (error) {
    Object.assign(told, { code: error.code, message: error.message });
  }
  // What is kept is written after the session is there.
  const busy = async () => {
    const { held = [] } = (await navigator.locks?.query()) ?? {};
    return held.some(({ name }) => name.startsWith("mite-models")) || (await models.list()).length < kept;
  };
  const end = performance.now() + 5000;
  while ((await busy()) && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 5));
  const fetched = performance.getEntriesByType("resource").map(({ name }) => new URL(name).pathname);
  told.workers = fetched.filter((path) => /ort-worker|ort-convert|mite-convert/.test(path)).length;
  told.kept = (await models.list()).map(({ address, bytes }) => ({ address, bytes }));
  return told;
}

for (const engine of engines) {
  describe(`converted models in ${engine}`, { skip: missing(engine), timeout: 240_000 }, () => {
    const keeps = engine !== "webkit"; // nothing outlives a page there, under automation
    const at = pageOf(engine);
    /** A visit of a page that was just opened. */
    const again = async (source, options = {}) => {
      at.server.state.requests.length = 0;
      await at.page.open(`${at.server.url}/`);
      const told = await at.page.run(visit, source, options);
      assert.equal(told.message, undefined);
      return { ...told, converted: at.server.state.requests.some((path) => /mite-convert\.wasm/.test(path)) };
    };
    const plan = async (bytes, ...steps) => {
      await at.page.run(async () => (await import("/mite/dist/index.js")).models.delete());
      at.server.faults.plan("/m.onnx", bytes, steps.length ? steps : [{}]);
    };
    const requests = () => at.server.faults.log.map(({ status, ifNoneMatch }) => `${status}${ifNoneMatch ? " if" : ""}`);

    test("by address: the server is asked whether it changed", async () => {
      await plan(bert);
      const first = await again("/m.onnx", { kept: 1 });
      assert.equal(first.converted, true);
      assert.deepEqual(first.kept.map(({ address }) => address), [`${at.server.url}/m.onnx`]);
      const second = await again("/m.onnx");
      assert.deepEqual([second.sums, second.metadata, second.notes], [first.sums, first.metadata, first.notes]);
      assert.deepEqual([second.converted, second.workers > 0], [!keeps, !keeps]);
      if (keeps) assert.deepEqual(requests(), ["200", "304 if"]);
    });

    test("by bytes: they are known by their hash", async () => {
      await plan(bert);
      const first = await again("bytes of /m.onnx");
      const second = await again("bytes of /m.onnx");
      assert.deepEqual([first.converted, second.converted, second.sums], [true, !keeps, first.sums]);
      if (!keeps) return;
      assert.match(second.kept[0].address, /^sha256:[0-9a-f]{64}$/);
      const deleted = await at.page.run(
        async (address) => (await import("/mite/dist/index.js")).models.delete(address), second.kept[0].address);
      assert.equal(deleted, 1);
      assert.equal((await again("bytes of /m.onnx")).converted, true);
    });

    if (!keeps) return;

    test("another model at the address is converted", async () => {
      await plan(bert, {}, { bytes: matmul }, {});
      const first = await again("/m.onnx");
      const other = await again("/m.onnx");
      assert.deepEqual([other.converted, other.metadata.length], [true, 2]);
      assert.deepEqual((await again("/m.onnx")).sums, other.sums);
      assert.notDeepEqual(first.sums, other.sums);
      assert.equal(other.kept.length, 1);
    });

    test("what is damaged is converted anew", async () => {
      await plan(bert);
      const { sums } = await again("/m.onnx");
      await at.page.run(async () => {
        const root = await navigator.storage.getDirectory();
        for await (const folder of (await root.getDirectoryHandle("mite-models")).values()) {
          for await (const part of folder.values()) {
            if (!/-0$/.test(part.name)) continue;
            const bytes = new Uint8Array(await (await part.getFile()).arrayBuffer());
            bytes[bytes.length - 10] ^= 1;
            const stream = await part.createWritable();
            await stream.write(bytes);
            await stream.close();
          }
        }
      });
      const repaired = await again("/m.onnx");
      assert.deepEqual([repaired.converted, repaired.sums], [true, sums]);
      assert.equal((await again("/m.onnx")).converted, false);
    });

    test("each shape of a model that is converted by shape, and the last four of them", async () => {
      await plan(byLength);
      const lengths = [2, 3];
      const first = await again("/m.onnx", { lengths, kept: 2 });
      const second = await again("/m.onnx", { lengths });
      assert.deepEqual([first.converted, second.converted, second.sums], [true, false, first.sums]);
      assert.deepEqual(second.notes, first.notes);
      const more = await again("/m.onnx", { lengths: [4, 5, 6], kept: 4 });
      assert.equal(more.kept.length, 4);
      assert.equal((await again("/m.onnx", { lengths: [6] })).converted, false);
      assert.equal((await again("/m.onnx", { lengths: [2] })).converted, true);
    });

    if (engine !== "chromium") return;

    test("other options are another conversion; the model's address deletes all", async () => {
      await plan(bert);
      const fixed = { freeDimensionOverrides: { sequence_length: 5, batch_size: 1 } };
      const all = [undefined, fixed, { graphOptimizationLevel: "disabled" }];
      for (const options of all) assert.equal((await again("/m.onnx", options)).converted, true);
      for (const options of all) assert.equal((await again("/m.onnx", options)).converted, false);
      const deleted = await at.page.run(async () => (await import("/mite/dist/index.js")).models.delete("/m.onnx"));
      assert.equal(deleted, 3);
      assert.equal((await again("/m.onnx", { mite: { cache: false } })).converted, true);
      assert.deepEqual((await again("/m.onnx", { mite: { cache: false } })).kept, []);
    });

    test("a server that says nothing about its files sends them, and they are compared", async () => {
      await plan(bert, { anonymous: true });
      const first = await again("/m.onnx");
      const second = await again("/m.onnx");
      assert.deepEqual([second.converted, second.sums], [false, first.sums]);
    });

    test("without network, and while it is fresh", async () => {
      await plan(bert, {}, { status: 503 }, { status: 404 });
      const { sums } = await again("/m.onnx");
      const away = await again("/m.onnx");
      assert.deepEqual([away.converted, away.sums], [false, sums]);
      await assert.rejects(again("/m.onnx"), /404/);
      // Under an address of its own, which the browser's cache has from now on, too.
      at.server.faults.plan("/fresh.onnx", bert, [{ headers: { "cache-control": "max-age=1000" } }, { status: 500 }]);
      await again("/fresh.onnx");
      assert.equal((await again("/fresh.onnx")).converted, false);
      assert.equal(at.server.faults.log.length, 1);
    });

    test("in the store that is asked for", async () => {
      await plan(bert);
      const options = { mite: { cache: "cache-api" } };
      await again("/m.onnx", options);
      assert.equal((await again("/m.onnx", options)).converted, false);
    });

    test("where space runs out the session works all the same, unless it must be kept", async () => {
      await plan(bert);
      await at.page.quota(at.server.url, 30_000);
      const told = await again("/m.onnx");
      assert.deepEqual([told.sums.length, told.kept], [1, []]);
      assert.match(told.notes.join(), /cannot be kept/);
      await at.page.open(`${at.server.url}/`);
      const refused = await at.page.run(visit, "/m.onnx", { mite: { cache: "opfs" } });
      assert.equal(refused.code, "quota");
      await at.page.quota(at.server.url);
    });
  });
}

test("Node keeps nothing", async () => {
  const ort = await import("../../bindings/js/dist/ort.js");
  const { models } = await import("../../bindings/js/dist/index.js");
  const session = await ort.InferenceSession.create(matmul);
  await session.release();
  assert.deepEqual(await models.list(), []);
  const demanded = ort.InferenceSession.create(matmul, { mite: { cache: "opfs" } });
  await assert.rejects(demanded, { code: "unsupported", message: /there is no opfs here/ });
});
