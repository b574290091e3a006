// SPDX-License-Identifier: Apache-2.0
// Downloads through what networks do to them, in Node; tests/web/keep.test.mjs has the pages'.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";
import { load } from "../../bindings/js/src/index.js";
import { Faults } from "../web/faults.mjs";
import { effnet, fails, root } from "./support.mjs";

const bytes = readFileSync(effnet);
const other = readFileSync(`${root}/tests/models/encoder.int8.mite`);
const damaged = Uint8Array.from(bytes);
damaged[3_000_000] ^= 1;

describe("downloads", { concurrency: false }, () => {
  const faults = new Faults();
  /** @type {import("node:http").Server} */
  let server;
  let url;
  before(async () => {
    server = createServer(async (request, response) => {
      if (!(await faults.handle(request, response))) response.writeHead(404).end();
    });
    await new Promise((resolve) => server.listen(0, "localhost", resolve));
    url = `http://localhost:${server.address().port}/m.mite`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  /** @param {import("../web/faults.mjs").Step[]} steps */
  const loads = async (steps, options = {}) => {
    faults.plan("/m.mite", bytes, steps);
    const progress = [];
    const onProgress = (step) => progress.push(step);
    try {
      const model = await load(url, { onProgress, threads: 1, ...options });
      assert.ok((await model.selfTest()).ok);
      await model.dispose();
    } finally {
      const last = progress.at(-1);
      assert.ok(["ready", "error"].includes(last.state), last.state);
    }
    assert.deepEqual(progress.at(-1), { state: "ready", loaded: bytes.length, total: bytes.length, from: "network" });
    return { log: faults.log, progress };
  };

  test("one request is enough for a good server", async () => {
    const { log } = await loads([{}]);
    assert.equal(log.length, 1);
  });
  test("what breaks off is taken up where it did, and twice", async () => {
    const { log } = await loads([{ cut: 1_000_000 }, { cut: 1_500_000 }, {}]);
    assert.deepEqual(log.map(({ status }) => status), [200, 206, 206]);
    assert.ok(log.every(({ range, ifRange }) => !range === !ifRange));
    const sent = log.reduce((sum, each) => sum + each.sent, 0);
    // What the server wrote may have been lost on the way, but not the most of it.
    assert.ok(sent < 1.2 * bytes.length, `${sent} bytes were sent`);
  });
  test("a server that knows no ranges sends all once more", async () => {
    const { log, progress } = await loads([{ cut: 500_000 }, { whole: true }]);
    assert.deepEqual(log.map(({ status }) => status), [200, 200]);
    const loaded = progress.map((step) => step.loaded);
    assert.deepEqual(loaded, loaded.toSorted((a, b) => a - b));
  });
  test("without an ETag, too", async () => {
    const { log } = await loads([{ cut: 500_000, anonymous: true }, { anonymous: true }]);
    assert.deepEqual(log.map(({ status }) => status), [200, 206]);
  });
  test("a server that is busy is asked again", async () => {
    const begin = performance.now();
    const { log } = await loads([{ status: 503, headers: { "retry-after": "1" } }, { status: 429 }, {}]);
    assert.deepEqual(log.map(({ status }) => status), [503, 429, 200]);
    assert.ok(performance.now() - begin >= 1000);
  });
  test("one that asks for too much patience is not", () =>
    assert.rejects(
      loads([{ status: 503, headers: { "retry-after": "3600" } }]),
      fails("network", /503/),
    ));
  test("a refusal is final", async () => {
    await assert.rejects(loads([{ status: 403 }, {}, {}]), fails("network", /403/));
    await assert.rejects(loads([{ cut: 100_000 }, { status: 404 }, {}]), fails("network", /404/));
  });
  test("patience ends", async () => {
    await assert.rejects(loads([{ status: 500 }], { retry: 1 }), fails("network", /500/));
    assert.equal(faults.log.length, 2);
    await assert.rejects(loads([{ cut: 100_000 }], { retry: 0 }), fails("network", /broke off after \d+/));
    assert.equal(faults.log.length, 1);
    // Once more and no further is no progress.
    await assert.rejects(
      loads([{ cut: 100_000, whole: true }], { retry: 1 }),
      fails("network", /broke off after 1?\d+/),
    );
  });
  test("a file that changes while it comes is loaded anew", async () => {
    const { log } = await loads([{ bytes: other, cut: 30_000 }, { bytes }, {}]);
    assert.equal(log.at(-1).range, undefined);
  });
  test("wrong bytes are refused, and not asked for again", async () => {
    await assert.rejects(loads([{ bytes: damaged }]), fails("format", /SHA-256/));
    assert.equal(faults.log.length, 1);
  });
  test("wrong bytes behind an interruption are suspected to be of another file", async () => {
    const { log } = await loads([
      { anonymous: true, cut: 1_000_000 }, { anonymous: true, bytes: damaged }, { anonymous: true, bytes },
    ]);
    assert.equal(log.length, 3);
  });
  test("an abort ends a pause between two attempts", async () => {
    const stop = new AbortController();
    const begin = performance.now();
    setTimeout(() => stop.abort(new Error("enough")), 200);
    const slow = [{ status: 503, headers: { "retry-after": "20" } }];
    await assert.rejects(loads(slow, { signal: stop.signal }), /enough/);
    assert.ok(performance.now() - begin < 5000);
  });
  test("options that make no sense are named", async () => {
    await assert.rejects(load(url, { retry: -1 }), fails("argument", /retry/));
    await assert.rejects(load(url, { cache: /** @type {any} */ ("disk") }), fails("argument", /disk/));
    await assert.rejects(load(url, { cache: "opfs" }), fails("unsupported", /opfs/));
  });
});
