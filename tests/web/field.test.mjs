// SPDX-License-Identifier: Apache-2.0
// Models in the field, in pages: every state of an update in three engines. What proved good serves throughout,
// and no call is lost. tests/field/ has more of them, in Node.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Site } from "../field/site.mjs";
import { makeVersion } from "../field/versions.mjs";
import { engines, launch, missing, until } from "./browsers.mjs";
import { startServer } from "./server.mjs";

const v1 = makeVersion("1.0.0");
const v2 = makeVersion("2.0.0");
const v3 = makeVersion("3.0.0");
const broken = makeVersion("2.0.0", { broken: true });
const large = makeVersion("2.0.0", { chunks: 6 });

for (const engine of engines) {
  describe(`models in the field in ${engine}`, { skip: missing(engine), timeout: 240_000 }, () => {
    /** @type {import("./browsers.mjs").Page} */
    let page;
    /** @type {Awaited<ReturnType<typeof startServer>>} */
    let server;
    let sites = 0;
    before(async () => {
      server = await startServer();
      page = await launch(engine);
    });
    after(async () => {
      await page?.close();
      await server?.close();
    });

    /** @param {string} name @param {any[]} args */
    const field = (name, ...args) =>
      page.run((which, ...rest) => globalThis.field[which](...rest), name, ...args);
    const newPage = async () => {
      await page.open(`${server.url}/tests/field.html`);
      await until(page, () => !!globalThis.field);
    };
    const visit = async (site, options = {}) => {
      await newPage();
      return field("open", site.list, { publicKeys: site.publicKeys, ...options });
    };
    /** A site with 1.0.0, and this device on it. */
    const served = async (options) => {
      const site = await Site.create(server.faults, server.url, `/field/${++sites}/`);
      site.add("1.0.0", v1);
      await site.promote("1.0.0");
      const told = await visit(site, options);
      assert.equal(told.version, "1.0.0", told.message);
      await field("settled");
      return site;
    };
    /** Offers a version; `steps` is what its server does. */
    const offer = async (site, version, bytes, ...steps) => {
      site.add(version, bytes);
      await site.promote(version);
      site.plan(version, ...steps);
    };

    test("a version that is good takes over between two calls; old files go when they are not needed", async () => {
      const site = await served();
      await offer(site, "2.0.0", v2);
      await field("startCalling");
      const told = await field("check");
      assert.deepEqual([told.result, told.version], [true, "2.0.0"], told.message);
      await field("call");
      const { calls, failed, versions } = await field("stopCalling");
      assert.deepEqual([failed, versions.at(-1)], [[], "2.0.0"]);
      assert.ok(calls > 2, String(calls));
      assert.deepEqual(told.events, ["trying 1.0.0", "serving 1.0.0", "trying 2.0.0", "serving 2.0.0"]);
      await offer(site, "3.0.0", v3);
      assert.equal((await field("check")).version, "3.0.0");
      await field("settled");
      const { result, kept } = await field("check");
      assert.equal(result, false);
      assert.deepEqual(kept, ["2.0.0.mite", "3.0.0.mite"]);
    });

    test("a download that is cut at every chunk", async () => {
      const site = await served();
      await offer(site, "2.0.0", large);
      await field("startCalling");
      for (let cut = 64; cut < large.length; cut += 262144) {
        site.plan("2.0.0", { cut });
        const { code, version, last } = await field("check");
        assert.deepEqual([code, version, last.type], ["network", "1.0.0", "rejected"]);
      }
      site.plan("2.0.0");
      const told = await field("check");
      assert.equal(told.version, "2.0.0", told.message);
      assert.deepEqual((await field("stopCalling")).failed, []);
    });

    test("another file than was signed", async () => {
      const site = await served();
      await offer(site, "2.0.0", v2, { bytes: v3 });
      const told = await field("check");
      assert.deepEqual([told.code, told.version, told.last.type], ["format", "1.0.0", "rejected"], told.message);
      site.plan("2.0.0");
      assert.equal((await field("check")).version, "2.0.0");
    });

    test("lists that are unsigned, changed, or older than one that was seen", async () => {
      const site = await served();
      const { text: old } = site;
      site.add("2.0.0", v2);
      await site.promote("2.0.0");
      const { text: signed } = site;
      for (const text of [
        JSON.stringify({ ...JSON.parse(signed), signatures: [] }),
        signed.replace('"serial": 2', '"serial": 3'),
        signed.replace('"percent": 100', '"percent": 99.0, "otherwise": "1.0.0"'),
      ]) {
        site.say(text);
        const { code, message, version, last } = await field("check");
        assert.deepEqual([code, version, last.type], ["format", "1.0.0", "check-failed"]);
        assert.match(message, /not signed by a key that this page trusts/);
      }
      site.say(signed);
      assert.equal((await field("check")).version, "2.0.0");
      site.say(old);
      const { message, version } = await field("check");
      assert.match(message, /older \(serial 1\)/);
      assert.equal(version, "2.0.0");
      await site.promote("1.0.0");
      assert.equal((await field("check")).version, "1.0.0");
    });

    test("signatures are checked where WebCrypto has no Ed25519, too", async (t) => {
      const site = await served();
      const native = await page.run(() => {
        const key = Uint8Array.from(atob("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="), (c) => c.charCodeAt(0));
        return crypto.subtle.importKey("raw", key, "Ed25519", false, ["verify"]).then(() => "yes", ({ name }) => name);
      });
      t.diagnostic(`Ed25519 in WebCrypto: ${native}`);
      await page.run(() => {
        crypto.subtle.importKey = () => Promise.reject(new DOMException("Unrecognized name", "NotSupportedError"));
      });
      await offer(site, "2.0.0", v2);
      const { text } = site;
      site.say(text.replace('"serial": 2', '"serial": 3'));
      assert.match((await field("check")).message, /not signed/);
      site.say(text);
      const told = await field("check");
      assert.equal(told.version, "2.0.0", told.message);
    });

    test("a self-test that fails, a page that does not accept, a worker that ends", async () => {
      const site = await served();
      await offer(site, "2.0.0", broken);
      const failed = await field("check");
      assert.deepEqual([failed.version, failed.last.code], ["1.0.0", "self-test"]);
      assert.equal((await field("check")).result, false); // not again
      assert.equal((await field("call")).result, 10);

      await offer(site, "3.0.0", v3);
      assert.equal((await field("check")).version, "3.0.0");
      await field("endWorker");
      const lost = await field("call");
      assert.equal(lost.code, "crashed");
      const next = await field("call"); // waits for another worker
      assert.deepEqual([next.result, next.version], [10, "3.0.0"], next.message);
      for (let crash = 2; crash <= 3; crash++) {
        await field("endWorker");
        await field("call");
        assert.equal((await field("call")).result, 10);
      }
      await until(page, () => globalThis.field.tell().then(({ version }) => version === "1.0.0"));
      const { events, result } = await field("call");
      assert.equal(result, 10);
      assert.ok(events.includes("rolled-back 3.0.0"), events.join());
    });

    test("reports of bad results lead back", async () => {
      const site = await served();
      await offer(site, "2.0.0", v2);
      await field("check");
      await field("startCalling");
      assert.equal((await field("reportBad")).result, false);
      assert.equal((await field("reportBad")).result, false);
      const told = await field("reportBad");
      assert.deepEqual([told.result, told.version], [true, "1.0.0"], told.message);
      assert.deepEqual((await field("stopCalling")).failed, []);
      assert.equal((await field("check")).result, false); // what is bad is not tried again
    });

    describe("what is remembered", () => {
      test("a page that ends while a version comes, or is tested", async () => {
        const site = await served();
        await offer(site, "2.0.0", large, { pause: 10 });
        const trying = () => globalThis.field.tell().then(({ events }) => events.at(-1) === "trying 2.0.0");
        await page.run(() => void globalThis.field.check());
        await until(page, trying);
        site.plan("2.0.0");
        const second = await visit(site, { accept: "never answers" }); // the first page is gone
        assert.equal(second.version, "1.0.0", second.message);
        await page.run(() => void globalThis.field.check());
        await until(page, () => globalThis.field.tell().then(({ kept }) => kept.includes("2.0.0.mite")));
        const third = await visit(site);
        assert.equal(third.version, "1.0.0");
        const told = await field("check");
        assert.deepEqual([told.version, told.result], ["2.0.0", true], told.message);
        // A page that is left may still hear that its download was broken off.
        const ends = told.events.filter((each) => /^(interrupted|rejected) 2/.test(each));
        assert.deepEqual([ends.length, ends.at(-1)], [2, "interrupted 2.0.0"], told.events.join());
        assert.equal((await visit(site)).version, "2.0.0");
      });

      const lost = engine === "webkit" && "models do not outlive a page here";
      test("serves without a network, and what was begun is gone on with", { skip: lost }, async () => {
        const site = await served();
        site.say("", [{ status: 503 }]);
        site.plan("1.0.0", { status: 404 });
        const told = await visit(site, { update: "wait" });
        assert.deepEqual([told.version, told.events.slice(-2)], ["1.0.0", ["check-failed", "serving 1.0.0"]]);
        await site.publish();
        await offer(site, "2.0.0", large, { cut: 700_000, pause: 1 });
        assert.equal((await field("check")).code, "network");
        site.plan("2.0.0");
        await visit(site);
        const next = await field("check");
        assert.equal(next.version, "2.0.0", next.message);
        assert.match(server.faults.log.find(({ path }) => path === site.pathOf("2.0.0")).range, /^bytes=[1-9]/);
        site.say("", [{ hang: true }]);
        assert.equal((await visit(site, { update: "background" })).version, "2.0.0");
      });

      test("who is in the share of a roll-out stays in it", async () => {
        const site = await served();
        site.add("2.0.0", v2);
        await site.promote("2.0.0", { percent: 50, otherwise: "1.0.0" });
        const { version } = await visit(site, { update: "wait" });
        assert.equal((await visit(site, { update: "wait" })).version, version);
        const pinned = await visit(site, { update: "wait", version: "1.0.0" });
        assert.equal(pinned.version, "1.0.0");
      });

      test("two pages: one tries, both take it over, and both go back", async () => {
        const site = await served();
        await offer(site, "2.0.0", large);
        const told = await page.run(async (list, publicKeys) => {
          const frame = document.createElement("iframe");
          frame.src = "/tests/field.html";
          document.body.append(frame);
          while (!frame.contentWindow.field) await new Promise((resolve) => setTimeout(resolve, 5));
          const [one, other] = [window, frame.contentWindow].map((each) => each.field);
          await other.open(list, { publicKeys });
          const checks = await Promise.all([one.check(), other.check()]);
          const versions = checks.map(({ version }) => version);
          await one.rollBack();
          for (let tries = 0; tries < 400; tries++) {
            if ((await other.tell()).version === "1.0.0") break;
            await new Promise((resolve) => setTimeout(resolve, 10));
          }
          const last = [await one.call(), await other.call()];
          const { events } = last[1];
          return { versions, checks, last: last.map(({ version, result }) => [version, result]), events };
        }, site.list, site.publicKeys);
        assert.deepEqual(told.versions, ["2.0.0", "2.0.0"], JSON.stringify(told));
        assert.deepEqual(told.last, [["1.0.0", 10], ["1.0.0", 10]]);
        assert.equal(told.events.filter((each) => each === "trying 2.0.0").length, 1);
        assert.equal(site.requestsFor("2.0.0"), 1);
      });

      test("no room on the device", { skip: engine !== "chromium" && "only Chromium's quota can be set" }, async () => {
        const site = await served();
        await offer(site, "2.0.0", large);
        await page.quota(server.url, 1_000_000);
        await field("startCalling");
        const told = await field("check");
        assert.equal(told.version, "2.0.0", told.message);
        assert.deepEqual((await field("stopCalling")).failed, []);
        await field("settled");
        const { kept } = await field("check");
        assert.ok(kept.includes("1.0.0.mite") && !kept.includes("2.0.0.mite"), kept.join());
        site.say("", [{ status: 503 }]);
        site.plan("2.0.0", { status: 503 });
        const offline = await visit(site);
        assert.deepEqual([offline.version, offline.events.slice(-2)], ["1.0.0", ["load-failed 2.0.0", "serving 1.0.0"]]);
        await page.quota(server.url);
      });
    });

    test("a window without IndexedDB", async () => {
      await newPage();
      await page.run(() => void Object.defineProperty(globalThis, "indexedDB", { get: () => undefined }));
      const site = await Site.create(server.faults, server.url, `/field/${++sites}/`);
      await offer(site, "1.0.0", v1);
      const told = await field("open", site.list, { publicKeys: site.publicKeys });
      assert.equal(told.version, "1.0.0", told.message);
      assert.equal(told.events[0], "not-remembered");
      await offer(site, "2.0.0", v2);
      assert.equal((await field("check")).version, "2.0.0");
      assert.equal((await field("rollBack")).version, "1.0.0");
    });
  });
}
