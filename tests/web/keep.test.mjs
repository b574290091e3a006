// SPDX-License-Identifier: Apache-2.0
// Loading by address in pages: what is kept, when the server is asked, what happens when downloads
// break off, files change or are damaged, the network fails, space runs out, pages come together.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { engines, launch, missing } from "./browsers.mjs";
import { startServer } from "./server.mjs";

const file = (name) => readFileSync(new URL(`../${name}`, import.meta.url));
const large = file("../models/efficientnet-lite0/efficientnet-lite0.int8.mite");
const small = file("models/digits_cnn.int8.mite");
const other = file("models/digits_cnn.f32.mite");
const page404 = Buffer.from("<!doctype html><title>Please log in</title>".repeat(50));
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const idOf = (bytes) => bytes.subarray(96, 128).toString("hex");

/** Runs in the page. */
const visit = async (address, options) => (await import("/tests/visit.js")).visit(address, options);
const forget = async () => (await import("/mite/dist/index.js")).models.delete();

for (const engine of engines) {
  describe(`keeping models in ${engine}`, { skip: missing(engine), timeout: 240_000 }, () => {
    /** @type {import("./browsers.mjs").Page} */
    let page;
    /** @type {Awaited<ReturnType<typeof startServer>>} */
    let server;
    let keeps; // whether anything outlives a page here: not in WebKitGTK under automation
    before(async () => {
      server = await startServer();
      page = await launch(engine);
      await page.open(`${server.url}/`);
      await page.run(async () => (await caches.open("test")).put("/test", new Response("x")));
      await page.open(`${server.url}/`);
      keeps = await page.run(async () => !!(await (await caches.open("test")).match("/test")));
      assert.equal(keeps, engine !== "webkit");
    });
    after(async () => {
      await page?.close();
      await server?.close();
    });
    /** A visit of a page that was just opened. */
    const again = async (address, options = {}) => {
      await page.open(`${server.url}/`);
      return page.run(visit, address, options);
    };
    const plan = async (bytes, ...steps) => {
      await page.run(forget);
      server.faults.plan("/m.mite", bytes, steps.length ? steps : [{}]);
    };
    const requests = () => server.faults.log.map(({ status, range, ifNoneMatch }) =>
      `${status}${range ? " from where it broke off" : ""}${ifNoneMatch ? " if changed" : ""}`);

    test("the first visit downloads, the second asks whether it changed", async () => {
      await plan(small);
      const first = await again("/m.mite");
      assert.deepEqual([first.ok, first.id, first.from], [true, idOf(small), ["network"]], first.message);
      assert.deepEqual(first.states, ["idle", "downloading", "verifying", "compiling", "ready"]);
      assert.deepEqual(requests(), ["200"]);
      const second = await again("/m.mite#part");
      assert.equal(second.ok, true, second.message);
      assert.equal(second.last.loaded, small.length);
      if (!keeps) {
        assert.deepEqual(second.from, ["network"]);
        return;
      }
      assert.deepEqual(second.from, ["cache"]);
      assert.deepEqual(requests(), ["200", "304 if changed"]);
      const [{ keptAt, ...kept }] = second.kept;
      assert.deepEqual(kept, {
        address: `${server.url}/m.mite`, id: idOf(small), bytes: small.length, store: kept.store,
      });
      assert.ok(Math.abs(keptAt - Date.now()) < 600_000);
    });

    test("an interrupted download is loaded by the next visit, from where it broke off", async () => {
      await plan(large, { cut: 1_500_000, pause: 1 }, {}); // so that the most of it has come by then
      const first = await again("/m.mite", { retry: 0 });
      assert.deepEqual([first.code, first.last.state], ["network", "error"]);
      const second = await again("/m.mite");
      assert.equal(second.ok, true, second.message);
      if (keeps) {
        assert.deepEqual(requests(), ["200", "206 from where it broke off"]);
        assert.deepEqual(second.from.toSorted(), ["cache", "network"]);
        assert.ok(server.faults.log[1].sent < large.length - 500_000, String(server.faults.log[1].range));
        assert.deepEqual((await again("/m.mite")).from, ["cache"]);
      }
    });

    test("within one visit it goes on by itself", async () => {
      await plan(large, { cut: 800_000, pause: 1 }, { status: 503 }, { cut: 1_600_000, pause: 1 }, {});
      const { ok, message } = await again("/m.mite");
      assert.equal(ok, true, message);
      assert.ok(requests().filter((each) => each.startsWith("206")).length >= 1, requests().join());
    });

    test("an aborted download is gone on with, too", async () => {
      await plan(large, { pause: 5 }, {});
      const first = await again("/m.mite", { abortAt: 400_000 });
      assert.deepEqual([first.message, first.last.state], ["enough", "error"]);
      const second = await page.run(visit, "/m.mite");
      assert.equal(second.ok, true, second.message);
      if (keeps) assert.match(requests()[1], /206/);
    });

    test("another file on the server takes the place of the part, and of the whole", async () => {
      await plan(large, { cut: 1_500_000 }, { bytes: small }, { bytes: other }, {});
      await again("/m.mite", { retry: 0 });
      assert.equal((await again("/m.mite")).id, idOf(small));
      const { id, kept } = await again("/m.mite");
      assert.equal(id, idOf(other));
      if (keeps) assert.deepEqual(kept.map((each) => each.id), [idOf(other)]);
    });

    test("a file that changes while it comes is loaded anew", async () => {
      await plan(large, { cut: 1_000_000 }, { bytes: small }, {});
      assert.equal((await again("/m.mite")).id, idOf(small));
    });

    test("wrong bytes are refused and not kept", async () => {
      const wrong = Buffer.from(large);
      wrong[3_000_000] ^= 1;
      await plan(wrong, {}, { bytes: large });
      assert.equal((await again("/m.mite")).code, "format");
      const { ok, from } = await again("/m.mite");
      assert.deepEqual([ok, from], [true, ["network"]]);
    });

    test("no Range, no ETag: all is sent again, and the page knows the file by its head", async () => {
      await plan(large, { cut: 1_500_000, anonymous: true, whole: true }, { anonymous: true, whole: true });
      await again("/m.mite", { retry: 0 });
      assert.equal((await again("/m.mite")).ok, true);
      const { from } = await again("/m.mite");
      assert.deepEqual(from, [keeps ? "cache" : "network"]);
    });

    describe("what is kept", { skip: engine === "webkit" && "nothing outlives a page here" }, () => {
      test("is used when the network fails, or takes for ever", async () => {
        await plan(small, {}, { status: 503 }, { hang: true });
        await again("/m.mite");
        assert.deepEqual((await again("/m.mite")).from, ["cache"]);
        assert.deepEqual((await again("/m.mite")).from, ["cache"]);
        assert.equal(server.faults.log.length, 3);
      });
      test("is used when what comes instead is no model", async () => {
        await plan(small, {}, { bytes: page404 });
        await again("/m.mite");
        const { ok, from, id } = await again("/m.mite");
        assert.deepEqual([ok, from.at(-1), id], [true, "cache", idOf(small)]);
        assert.equal((await again("/m.mite")).ok, true);
      });
      test("is not used when the server says that the model is gone", async () => {
        await plan(small, {}, { status: 404 });
        await again("/m.mite");
        const { code, message } = await again("/m.mite");
        assert.equal(code, "network");
        assert.match(message, /404/);
      });
      test("needs no question where a hash pins it", async () => {
        await plan(small, {}, { status: 500 });
        await again("/m.mite");
        for (let visits = 0; visits < 2; visits++) {
          const { ok, from } = await again("/m.mite", { sha256: sha256(small) });
          assert.deepEqual([ok, from], [true, ["cache"]]);
        }
        assert.equal(server.faults.log.length, 1);
        await plan(small, {}, { bytes: other });
        await again("/m.mite", { sha256: sha256(small) });
        assert.equal((await again("/m.mite", { sha256: sha256(other) })).id, idOf(other));
      });
      test("needs none while it is fresh", async () => {
        await plan(small, { headers: { "cache-control": "max-age=1000, immutable" } }, { status: 500 });
        await again("/m.mite");
        assert.deepEqual((await again("/m.mite")).from, ["cache"]);
        assert.equal(server.faults.log.length, 1);
      });
      test("is verified, and fetched anew where it is damaged or cut short", async () => {
        const damage = async (cut) => {
          const root = await navigator.storage.getDirectory();
          for await (const folder of (await root.getDirectoryHandle("mite-models")).values()) {
            for await (const part of folder.values()) {
              if (!/-0$/.test(part.name)) continue;
              const bytes = new Uint8Array(await (await part.getFile()).arrayBuffer());
              bytes[bytes.length - 10] ^= 1;
              const stream = await part.createWritable();
              await stream.write(cut ? bytes.subarray(0, 100) : bytes);
              await stream.close();
            }
          }
        };
        for (const cut of [false, true]) {
          await plan(large, {});
          await again("/m.mite");
          await page.run(damage, cut);
          const { ok, from, message } = await again("/m.mite");
          assert.equal(ok, true, message);
          assert.ok(from.includes("network"), from.join());
          assert.deepEqual((await again("/m.mite")).from, ["cache"]);
        }
      });
      test("can be listed, weighed and deleted", async () => {
        await plan(small);
        server.faults.plan("/n.mite", other);
        await again("/m.mite");
        await page.run(visit, "/n.mite");
        const told = await page.run(async () => {
          const { models } = await import("/mite/dist/index.js");
          const before = await models.storage();
          const one = await models.delete("/m.mite#x");
          const left = (await models.list()).map(({ address }) => new URL(address).pathname);
          return { before, one, left, rest: await models.delete(), none: await models.list() };
        });
        assert.equal(told.before.bytes, small.length + other.length);
        assert.ok(told.before.quota > told.before.usage && told.before.usage >= told.before.bytes);
        assert.deepEqual([told.one, told.left, told.rest, told.none], [1, ["/n.mite"], 1, []]);
      });
      test("is known before anything is downloaded, and what it will take", async () => {
        await plan(large);
        const ask = async () => (await import("/mite/dist/index.js")).estimate("/m.mite");
        const told = await page.run(ask);
        assert.deepEqual([told.id, told.downloadBytes], [idOf(large), large.length]);
        assert.ok(server.faults.log[0].sent <= 65536, String(server.faults.log[0].sent));
        await again("/m.mite");
        assert.deepEqual(await page.run(ask), { ...told, downloadBytes: 0 });
      });
      test("can be the Cache API's, or nothing", async () => {
        await plan(large, { cut: 1_500_000, pause: 1 }, {});
        await again("/m.mite", { cache: "cache-api", retry: 0 });
        const { ok, from } = await again("/m.mite", { cache: "cache-api" });
        assert.deepEqual([ok, from.length], [true, 2]);
        const { kept, from: then } = await again("/m.mite", { cache: "cache-api" });
        assert.deepEqual([then, kept.map(({ store }) => store)], [["cache"], ["cache-api"]]);
        assert.equal(await page.run(forget), 1);
        await again("/m.mite", { cache: false });
        assert.deepEqual((await again("/m.mite", { cache: false })).kept, []);
      });
    });

    test("two pages that load the same model download it once",
      { skip: engine === "webkit" && "pages share nothing here" }, async () => {
      await plan(large, { pause: 2 });
      await page.open(`${server.url}/tests/field.html`);
      const told = await page.run(async () => {
        const frame = document.createElement("iframe");
        frame.src = "/tests/field.html";
        document.body.append(frame);
        await new Promise((resolve) => (frame.onload = resolve));
        const visits = [window, frame.contentWindow].map(async ({ document }) => {
          const script = document.createElement("script");
          Object.assign(script, { type: "module", src: "/tests/visit.js" });
          document.body.append(script);
          await new Promise((resolve) => (script.onload = resolve));
          return document.defaultView.visit("/m.mite");
        });
        return Promise.all(visits);
      });
      assert.deepEqual(told.map(({ ok }) => ok), [true, true], JSON.stringify(told));
      assert.deepEqual(told.map(({ from }) => from.join()).toSorted(), ["cache", "network"]);
      assert.deepEqual(requests(), ["200"]);
    });

    test("where space runs out the model is loaded all the same, or refused if it must be kept",
      { skip: engine !== "chromium" && "only Chromium's quota can be set" }, async () => {
        await plan(large);
        await page.quota(server.url, 2_000_000);
        const { ok, note, kept } = await again("/m.mite");
        assert.deepEqual([ok, kept], [true, []]);
        assert.match(note, /cannot be kept.*(quota|bytes)/);
        const refused = await again("/m.mite", { cache: "opfs" });
        assert.equal(refused.code, "quota", refused.message);
        await page.quota(server.url);
        assert.equal((await again("/m.mite", { cache: "opfs" })).kept.length, 1);
      });
  });
}
