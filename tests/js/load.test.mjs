// SPDX-License-Identifier: Apache-2.0
// load(): every kind of source, progress, abort, integrity, and what is said when it fails.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { MiteError, features, load } from "../../bindings/js/src/index.js";
import { bitsOf, digits, effnet, fails, npy, root } from "./support.mjs";

const bytes = readFileSync(digits);
const wholeHash = createHash("sha256").update(bytes).digest("hex");
const bits = readFileSync(`${root}/tests/models/bits.txt`, "utf8");

/** Pieces of a file, as a stream. */
function streamOf(file, piece) {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= file.length) controller.close();
      else controller.enqueue(new Uint8Array(file.subarray(at, (at += piece))));
    },
  });
}

describe("sources", () => {
  /** @type {import("node:http").Server} */
  let server;
  let url;
  before(async () => {
    server = createServer((request, response) => {
      if (request.url === "/model") response.end(bytes);
      else if (request.url === "/html") response.end("<!doctype html><title>Not here</title>".repeat(9));
      else if (request.url === "/moved") response.writeHead(302, { location: "/model" }).end();
      else if (request.url === "/packed") {
        response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(bytes));
      } else if (request.url === "/cut") {
        response.writeHead(200, { "content-length": bytes.length });
        response.write(bytes.subarray(0, 500), () => response.destroy());
      } else if (request.url === "/stall") response.write(bytes.subarray(0, 500));
      else response.writeHead(404).end("no");
    });
    await new Promise((resolve) => server.listen(0, resolve));
    url = `http://localhost:${server.address().port}`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });

  const sources = {
    path: () => digits,
    "file URL": () => new URL(`file://${digits}`),
    URL: () => new URL(`${url}/model`),
    Request: () => new Request(`${url}/model`),
    Response: () => fetch(`${url}/model`),
    Blob: () => new Blob([bytes]),
    ArrayBuffer: () => new Uint8Array(bytes).buffer,
    bytes: () => new Uint8Array(bytes),
    "an address that has moved": () => `${url}/moved`,
    "an answer that is packed": () => `${url}/packed`,
    "stream of single bytes": () => streamOf(bytes, 1),
    "stream of odd pieces": () => streamOf(bytes, 4093),
  };
  test("a connection that breaks", () =>
    assert.rejects(load(`${url}/cut`, { retry: 0 }), fails("network", /cut broke off after \d+ bytes/)));
  for (const [name, make] of Object.entries(sources)) {
    test(name, async () => {
      const model = await load(await make(), { sha256: wholeHash });
      assert.ok(bits.includes(await bitsOf(model)));
      await model.dispose();
    });
  }

  test("in a worker, with the same bits", async () => {
    const model = await load(effnet, { worker: true });
    assert.equal(model.runtime.worker, true, model.runtime.note);
    assert.ok(bits.includes(await bitsOf(model)));
    await model.dispose();
  });

  test("a page instead of a model", () =>
    assert.rejects(load(`${url}/html`), fails("format", /HTML/)));
  test("an address that does not exist", () =>
    assert.rejects(load(`${url}/none`), fails("network", /404/)));
  test("a server that is not there", () =>
    assert.rejects(load("http://localhost:9/x.mite", { retry: 0 }), fails("network", /localhost:9/)));
  test("a download that stalls can be aborted", async () => {
    const stop = new AbortController();
    const loading = load(`${url}/stall`, { signal: stop.signal });
    setTimeout(() => stop.abort(new Error("enough")), 50);
    await assert.rejects(loading, /enough/);
  });
});

test("progress rises to the whole, through every state", async () => {
  const steps = [];
  const model = await load(streamOf(readFileSync(effnet), 100_000), {
    onProgress: (step) => steps.push(step),
  });
  const { size } = { size: readFileSync(effnet).length };
  assert.deepEqual(steps.at(-1), { loaded: size, total: size, state: "ready", from: undefined });
  const states = [...new Set(steps.map(({ state }) => state))];
  assert.deepEqual(states, ["idle", "downloading", "verifying", "compiling", "ready"]);
  assert.ok(steps.every(({ loaded }, i) => i === 0 || loaded >= steps[i - 1].loaded));
  await model.dispose();
});

describe("damage", () => {
  test("truncation at any place", async () => {
    for (let length = 0; length < bytes.length; length += 211) {
      await assert.rejects(load(bytes.subarray(0, length)), fails("format", /bytes|got/));
    }
  });
  test("a flipped bit at any place", async () => {
    for (let at = 0; at < bytes.length; at += 173) {
      const copy = new Uint8Array(bytes);
      copy[at] ^= 4;
      await assert.rejects(load(copy), (error) => error instanceof MiteError);
    }
  });
  test("more than the header promises", () =>
    assert.rejects(load(new Uint8Array([...bytes, 0])), fails("format", /goes on/)));
  test("a newer version", () => {
    const copy = new Uint8Array(bytes);
    copy[8] = 7;
    return assert.rejects(load(copy), fails("version", /version 7/));
  });
  test("another file than was asked for", () =>
    assert.rejects(load(digits, { sha256: "0".repeat(64) }), fails("format", /SHA-256/)));
  test("an ONNX file", () =>
    assert.rejects(load(`${root}/tests/models/digits_cnn.onnx`), fails("format", /convert/)));
});

describe("a model", () => {
  /** @type {import("../../bindings/js/mite.d.ts").Model} */
  let model;
  const input = npy(`${root}/tests/models/digits_input.npy`).subarray(0, 64);
  before(async () => (model = await load(digits)));

  test("says what it is", () => {
    assert.deepEqual(model.inputs.map(({ name, shape }) => [name, shape]), [["input", [1, 1, 8, 8]]]);
    assert.equal(model.metadata.labels.length, 10);
    assert.match(model.id, /^[0-9a-f]{64}$/);
    assert.equal(model.runtime.build, features().relaxedSimd ? "relaxed" : "simd");
  });
  test("runs by name and alone, giving fresh arrays", async () => {
    const alone = await model.run(input);
    const { logits } = await model.run({ input });
    assert.deepEqual(alone.data, logits.data);
    assert.notEqual(alone.data.buffer, logits.data.buffer);
  });
  test("queues calls", async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => model.run(input)));
    for (const { data } of all) assert.deepEqual(data, all[0].data);
  });
  test("refuses wrong inputs with names and numbers", async () => {
    await assert.rejects(model.run(input.subarray(1)), fails("argument", /'input'.*64|63/));
    await assert.rejects(model.run({ image: input }), fails("argument", /'image'.*'input'/));
    await assert.rejects(model.run({}), fails("argument", /'input'/));
    await assert.rejects(model.run(/** @type {any} */ ("hello")), fails("argument", /./));
  });
  test("profiles every node", async () => {
    const nodes = await model.profile();
    assert.ok(nodes.some(({ op, macs, ms }) => op === "conv2d" && macs > 0 && ms >= 0));
  });
  test("does not classify without preprocessing", () =>
    assert.rejects(model.classify(input), fails("unsupported", /preprocess/)));
  test("passes its own test", async () => assert.equal((await model.selfTest()).ok, true));
  test("an aborted run rejects and the model goes on", async () => {
    const big = await load(effnet);
    const stop = new AbortController();
    const { signal } = stop;
    const running = Array.from({ length: 20 }, () => big.run(new Float32Array(150528), { signal }));
    running[0].then(() => stop.abort(new Error("stop")));
    await Promise.allSettled(running);
    await assert.rejects(running[19], /stop/);
    assert.equal((await big.run(new Float32Array(150528))).data.length, 1000);
    await big.dispose();
  });
  test("is gone after dispose", async () => {
    await model.dispose();
    await model.dispose();
    await assert.rejects(model.run(input), fails("disposed", /load it again/));
  });
});
