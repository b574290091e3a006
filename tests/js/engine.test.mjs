// SPDX-License-Identifier: Apache-2.0
// What lies between load() and C: finding and compiling the module, workers, crashes, values that
// go in, metadata that is believed only after it was checked.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { gunzipSync } from "node:zlib";
import { readNpy, writeNpy } from "../../bindings/js/src/cli/npy.js";
import { MiteError, features, load } from "../../bindings/js/src/index.js";
import { pictureSpec } from "../../bindings/js/src/metadata.js";
import { seededInputs } from "../../bindings/js/src/self-test.js";
import { kindOfBytes } from "../../bindings/js/src/sniff.js";
import { tensorFor } from "../../bindings/js/src/tensors.js";
import { Wasm } from "../../bindings/js/src/wasm.js";
import { digits, effnet, fails, root, samples, withMinor } from "./support.mjs";

const dist = join(root, "bindings/js/dist");
const build = features().relaxedSimd ? "relaxed" : "simd";
const blank = new Float32Array(150528);

describe("the WebAssembly file", () => {
  const folder = mkdtempSync(join(tmpdir(), "mite-wasm-"));
  const file = join(dist, `mite-${build}.wasm`);
  /** @type {import("node:http").Server} */
  let server;
  let url;
  before(async () => {
    server = createServer((request, response) => {
      const [, kind] = request.url.split("/");
      const type = { typed: "application/wasm", untyped: "application/octet-stream" }[kind];
      if (type) response.writeHead(200, { "Content-Type": type }).end(readFileSync(file));
      else if (kind === "html") response.end("<!doctype html><title>Oops</title>");
      else response.writeHead(404, "Not Found").end();
    });
    await new Promise((resolve) => server.listen(0, resolve));
    url = `http://localhost:${server.address().port}`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  });

  const loads = async (wasm) => {
    const model = await load(digits, { wasm });
    assert.equal(model.runtime.build, build);
    assert.equal((await model.selfTest()).ok, true);
    await model.dispose();
  };
  test("from a folder's path", () => loads(dist));
  test("from a folder's URL", () => loads(pathToFileURL(`${dist}/`)));
  test("from one file's URL", () => loads(pathToFileURL(file)));
  test("from a server with the right type", () => loads(`${url}/typed`));
  test("from a server with a wrong type", () => loads(`${url}/untyped/`));
  test("compiled by the caller", async () => loads(await WebAssembly.compile(readFileSync(file))));

  test("a page in its place is named", () =>
    assert.rejects(load(digits, { wasm: `${url}/html` }), fails("format", /HTML page.*\/html\//)));
  test("a server that has none, and then has: the failure is not kept", async () => {
    await assert.rejects(load(digits, { wasm: `${url}/none` }), fails("network", /404 Not Found/));
    await assert.rejects(load(digits, { wasm: folder }), fails("network", /mite-\w+\.wasm/));
    copyFileSync(file, join(folder, `mite-${build}.wasm`));
    await loads(folder);
  });
  test("somebody else's module is refused", async () => {
    const other = await WebAssembly.compile(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
    await assert.rejects(load(digits, { wasm: other }), fails("version", /same release/));
  });
});

test("a trap is an error of its own and ends its instance only", () => {
  const trap = () => {
    throw new WebAssembly.RuntimeError("unreachable");
  };
  const exports = new Proxy({}, { get: (_, name) => (name === "alloc" ? trap : () => 0) });
  const memory = new WebAssembly.Memory({ initial: 1 });
  const wasm = new Wasm(/** @type {any} */ (exports), memory);
  assert.equal(wasm.calls.model_status(0), 0);
  assert.throws(() => wasm.alloc(8), fails("crashed", /unreachable/));
  assert.throws(() => wasm.calls.model_status(0), fails("crashed", /unreachable/));
});

test("without WebCrypto, as on pages of insecure origin, C checks the hashes", () => {
  const script = `
    Object.defineProperty(globalThis, "crypto", { value: undefined });
    const { load } = await import(${JSON.stringify(pathToFileURL(join(root, "bindings/js/src/index.js")))});
    const { createHash } = await import("node:crypto");
    const { readFileSync } = await import("node:fs");
    const file = readFileSync(process.argv[1]);
    const sha256 = createHash("sha256").update(file).digest("hex");
    const said = [(await (await load(file, { sha256 })).selfTest()).ok];
    const refused = (error) => said.push(error.code, /SHA-256/.test(error.message));
    await load(file, { sha256: "0".repeat(64) }).catch(refused);
    file[file.length - 100] ^= 1;
    await load(file).catch(refused);
    console.log(said.join());`;
  const out = execFileSync(process.execPath, ["--input-type=module", "-e", script, effnet]);
  assert.equal(String(out), "true,format,true,format,true\n");
});

describe("modules and scripts of different builds", () => {
  const src = join(root, "bindings/js/dist/index.js");
  /** The core of another build. */
  const older = () => {
    const bytes = readFileSync(join(dist, "mite-simd.wasm"));
    const at = bytes.lastIndexOf('"build":"') + 9;
    bytes[at] = bytes[at] === 0x61 ? 0x62 : 0x61;
    return bytes;
  };
  test("are refused with both named, and what to do", async () => {
    const { load: packaged } = await import(pathToFileURL(src).href);
    // The package's own class of errors is not the sources'.
    const refused = ({ code, message }) => code === "version" && sentence.test(message);
    const sentence = /JavaScript is build \w{12}.* is build \w{12}.*same release .*cache/;
    const module = await WebAssembly.compile(older());
    await assert.rejects(packaged(digits, { wasm: module }), refused);
    const folder = mkdtempSync(join(tmpdir(), "mite-older-"));
    try {
      for (const name of ["simd", "relaxed"]) writeFileSync(join(folder, `mite-${name}.wasm`), older());
      await assert.rejects(packaged(digits, { wasm: folder }), refused);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
  test("somebody else's module is called that", async () => {
    const module = await WebAssembly.compile(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
    await assert.rejects(load(digits, { wasm: module }), fails("version", /not mite's/));
  });
});

describe("mite/inline", () => {
  for (const options of [{}, { worker: true }, { threads: 3 }]) {
    test(`has its core with it, ${JSON.stringify(options)}`, async () => {
      const inline = await import(pathToFileURL(join(root, "bindings/js/dist/inline.js")).href);
      const model = await inline.load(digits, options);
      assert.equal((await model.selfTest()).ok, true);
      const { runtime } = model;
      assert.deepEqual([runtime.build, runtime.worker], [build, options.worker ?? false]);
      if (options.threads) assert.equal(runtime.threads, 3);
      await model.dispose();
    });
  }
});

describe("the module with further operators", () => {
  /** The .wasm files that a load asks a server for. */
  const fetchedFor = async (model, options) => {
    const fetched = [];
    const server = createServer((request, response) => {
      fetched.push(request.url.slice(1));
      response.writeHead(200, { "Content-Type": "application/wasm" });
      response.end(readFileSync(join(dist, request.url)));
    });
    await new Promise((resolve) => server.listen(0, resolve));
    try {
      const wasm = `http://localhost:${server.address().port}`;
      const loaded = await load(model, { wasm, ...options });
      assert.equal((await loaded.selfTest()).ok, true);
      const { whole } = loaded.runtime;
      await loaded.dispose();
      return { fetched, whole };
    } finally {
      server.closeAllConnections();
      server.close();
    }
  };
  test("is not fetched for a model that does without", async () => {
    const { fetched, whole } = await fetchedFor(digits);
    assert.deepEqual([fetched, whole], [[`mite-${build}.wasm`], false]);
  });
  for (const worker of [false, true]) {
    test(`comes beside the core where the header says so, worker: ${worker}`, async () => {
      const { fetched, whole } = await fetchedFor(withMinor(1), { worker });
      assert.equal(whole, true);
      assert.deepEqual(fetched.sort(), [`mite-${build}.wasm`, "mite-more.wasm.gz"].sort());
    });
  }
  test("comes from the package where only the core is given, or is given itself", async () => {
    const core = await WebAssembly.compile(readFileSync(join(dist, `mite-${build}.wasm`)));
    const more = await WebAssembly.compile(gunzipSync(readFileSync(join(dist, "mite-more.wasm.gz"))));
    const folder = pathToFileURL(`${dist}/`);
    for (const wasm of [core, { core, more }, { more }, { core: folder, more: `${dist}/mite-more.wasm.gz` }]) {
      const model = await load(withMinor(1), { wasm });
      assert.equal(model.runtime.whole, true);
      assert.equal((await model.selfTest()).ok, true);
      await model.dispose();
    }
    const swapped = load(withMinor(1), { wasm: { core, more: core } });
    await assert.rejects(swapped, fails("version", /does not fit/));
  });
  test("also where the header comes byte by byte", async () => {
    const file = withMinor(1);
    const drops = new ReadableStream({
      start(controller) {
        for (let at = 0; at < 130; at++) controller.enqueue(file.subarray(at, at + 1));
        controller.enqueue(file.subarray(130));
        controller.close();
      },
    });
    const model = await load(drops);
    assert.equal(model.runtime.whole, true);
    assert.equal((await model.selfTest()).ok, true);
    await model.dispose();
  });
});

describe("a worker", () => {
  test("runs, profiles, classifies as the calling thread does", async () => {
    const [far, near] = await Promise.all([load(effnet, { worker: true }), load(effnet)]);
    assert.deepEqual(far.runtime, { ...near.runtime, worker: true });
    const photo = readFileSync(join(samples, "cat.jpg"));
    const answers = await Promise.all([far, near].map((model) => model.classify(photo)));
    assert.deepEqual(answers[0].top, answers[1].top);
    const nodes = await Promise.all([far, near].map((model) => model.profile()));
    assert.deepEqual(nodes[0].map(({ kernel }) => kernel), nodes[1].map(({ kernel }) => kernel));
    assert.equal(blank.buffer.byteLength, 4 * 150528);
    await far.run(blank);
    assert.equal(blank.buffer.byteLength, 4 * 150528, "the caller's input was taken away");
    await Promise.all([far.dispose(), near.dispose()]);
  });
  test("streams, reports progress, and passes failures on", async () => {
    const steps = [];
    const onProgress = (/** @type {any} */ step) => steps.push(step);
    const model = await load(effnet, { worker: true, onProgress });
    assert.equal(steps.at(-1).state, "ready");
    assert.equal(steps.at(-1).loaded, readFileSync(effnet).length);
    await model.dispose();
    const damaged = readFileSync(effnet);
    damaged[3_000_000] ^= 1;
    await assert.rejects(load(damaged, { worker: true }), fails("format", /SHA-256/));
    await assert.rejects(load("none.mite", { worker: true }), fails("network", /none\.mite/));
  });
  test("stops for an abort between two nodes, and goes on", async () => {
    const model = await load(effnet, { worker: true });
    const stop = new AbortController();
    // More than can be done in 2 ms on any machine.
    const running = Array.from({ length: 20 }, () => model.run(blank, { signal: stop.signal }));
    const next = model.run(blank);
    setTimeout(() => stop.abort(new Error("stop")), 2);
    await Promise.allSettled(running);
    await assert.rejects(running[19], /stop/);
    assert.equal((await next).data.length, 1000);
    await model.dispose();
  });
  test("is ended by dispose while it works", async () => {
    const model = await load(effnet, { worker: true });
    const running = Array.from({ length: 20 }, () => model.run(blank));
    setTimeout(() => model.dispose(), 2);
    await Promise.allSettled(running);
    await assert.rejects(running[19], fails("disposed", /load it again/));
    await assert.rejects(model.profile(), fails("disposed", /./));
  });
  test("that cannot start is done without, and the model says so", async () => {
    class Forbidden extends EventTarget {
      constructor() {
        super();
        const event = { message: "refused by the page's policy", preventDefault() {} };
        setTimeout(() => /** @type {any} */ (this).onerror(event));
      }
      terminate() {}
    }
    globalThis.Worker = /** @type {any} */ (Forbidden);
    try {
      const model = await load(digits, { worker: true });
      assert.equal(model.runtime.worker, false);
      assert.match(model.runtime.note, /calling thread.*refused by the page's policy/);
      assert.equal((await model.selfTest()).ok, true);
    } finally {
      delete globalThis.Worker;
    }
  });
});

test("a signal that is aborted already stops everything before it begins", async () => {
  const signal = AbortSignal.abort(new Error("never mind"));
  await assert.rejects(load(digits, { signal }), /never mind/);
  const model = await load(digits);
  await assert.rejects(model.run(new Float32Array(64), { signal }), /never mind/);
  await model.dispose();
});

test("a stream that its owner breaks, and one that stalls, give up what was received", async () => {
  const head = new Uint8Array(readFileSync(digits)).subarray(0, 200);
  const broken = new ReadableStream({
    start(controller) {
      controller.enqueue(head);
      controller.error(new Error("cable cut"));
    },
  });
  await assert.rejects(load(broken), fails("network", /cable cut/));
  let cancelled;
  const stalled = new ReadableStream({
    start: (controller) => controller.enqueue(head),
    cancel: (reason) => (cancelled = reason),
  });
  const reason = new Error("no patience");
  const stop = new AbortController();
  setTimeout(() => stop.abort(reason), 20);
  await assert.rejects(load(stalled, { signal: stop.signal }), reason);
  assert.equal(cancelled, reason);
});

test("what may not be loaded is named", async () => {
  const used = new Response("x");
  await used.text();
  const stream = new ReadableStream();
  stream.getReader();
  const cases = [
    [42, /42/],
    [{ a: 1 }, /plain object/],
    [used, /read before/],
    [stream, /locked/],
    [new ReadableStream({ start: (c) => c.enqueue("text") }), /gave text/],
  ];
  for (const [source, words] of cases) {
    await assert.rejects(load(/** @type {any} */ (source)), fails("argument", words));
  }
  await assert.rejects(load(digits, { threads: 0 }), fails("argument", /threads/));
  await assert.rejects(load(digits, { sha256: "abc" }), fails("argument", /64/));
});

test("bytes are named by what they are", () => {
  const cases = {
    "an HTML page": "\n<!DOCTYPE html>",
    "a Git LFS pointer": "version https://git-lfs.github.com/spec/v1",
    "a gzip file": "\x1f\x8b\x08",
    "a TensorFlow Lite model": "\x1c\0\0\0TFL3",
    "a WebP picture": "RIFF\0\0\0\0WEBPVP8 ",
    "an AVIF picture": "\0\0\0\x1cftypavif",
  };
  for (const [kind, text] of Object.entries(cases)) {
    assert.equal(kindOfBytes(Buffer.from(text, "latin1")), kind);
  }
  assert.equal(kindOfBytes(readFileSync(join(root, "tests/models/digits_cnn.onnx"))), "an ONNX model");
  assert.equal(kindOfBytes(readFileSync(digits)), "a .mite file");
  assert.equal(kindOfBytes(new Uint8Array(0)), undefined);
});

describe("values for a port", () => {
  const port = (dtype) => ({ name: "x", dtype, shape: [2, 2] });
  test("typed arrays pass as they are; numbers become them", () => {
    const mine = new Float32Array(4);
    assert.equal(tensorFor(port("f32"), mine).data, mine);
    assert.deepEqual(tensorFor(port("f32"), [1, 2, 3, 4]).data, Float32Array.of(1, 2, 3, 4));
    assert.deepEqual(tensorFor(port("i64"), [1, 2, 3, -4]).data, BigInt64Array.of(1n, 2n, 3n, -4n));
    const given = { data: [0, 1, 1, 0], shape: [2, 2] };
    assert.deepEqual(tensorFor(port("bool"), given).data, Uint8Array.of(0, 1, 1, 0));
  });
  test("what does not fit is refused with both sides", () => {
    const cases = [
      ["f32", new Float64Array(4), /Float32Array.*Float64Array/],
      ["u8", [1, 2, 3, 256], /element 3 is 256/],
      ["i32", [1, 2.5, 3, 4], /element 1 is 2\.5/],
      ["f32", [1, "2", 3, 4], /element 1 is 2/],
      ["f32", { data: new Float32Array(4), shape: [4] }, /\[2, 2\].*\[4\]/],
      ["f32", new Float32Array(5), /4 elements.*5/],
      ["f16", [1, 2, 3, 4], /Uint16Array/],
      ["f32", null, /'x'/],
    ];
    for (const [dtype, input, words] of cases) {
      assert.throws(() => tensorFor(port(dtype), /** @type {any} */ (input)), fails("argument", words));
    }
  });
  test("open dimensions follow from the elements, or are given", () => {
    const open = { name: "x", dtype: /** @type {const} */ ("f32"), shape: [-1, 2] };
    assert.deepEqual(tensorFor(open, new Float32Array(6)).shape, [3, 2]);
    assert.deepEqual(tensorFor(open, { data: [1, 2], shape: [1, 2] }).shape, [1, 2]);
    const both = { ...open, shape: [-1, -1] };
    assert.deepEqual(tensorFor(both, { data: new Float32Array(6), shape: [2, 3] }).shape, [2, 3]);
    assert.throws(() => tensorFor(open, new Float32Array(5)), fails("argument", /-1 is open/));
    assert.throws(() => tensorFor(both, new Float32Array(6)), fails("argument", /data, shape/));
    const wrong = { data: new Float32Array(6), shape: [2, 3] };
    assert.throws(() => tensorFor(open, wrong), fails("argument", /was given the shape \[2, 3\]/));
  });
  test("the seeded input is the documented sequence", () => {
    // xorshift32 from 1: 270369, 67634689, 2647435461, 307599695.
    const { x } = seededInputs([port("f32")], { seed: 1, low: 0, high: 2 ** 32 });
    assert.deepEqual(x.data, Float32Array.of(270369, 67634689, 2647435461, 307599695));
    const { x: bytes } = seededInputs([port("u8")], { seed: 1, low: 0, high: 256 });
    assert.deepEqual(bytes, { data: [0, 4, 157, 18], shape: [2, 2] });
  });
});

test("metadata is checked before it is used", () => {
  const port = { name: "image", dtype: /** @type {const} */ ("f32"), shape: [1, 3, 4, 6] };
  const spec = pictureSpec({}, port);
  assert.deepEqual([spec.width, spec.height, spec.channelsFirst], [6, 4, true]);
  const cases = [
    [{ fit: "toString" }, /preprocess\.fit/],
    [{ filter: "nearest" }, /filter/],
    [{ mean: [1, 2] }, /mean/],
    [{ scale: [1, Number.NaN, 1] }, /scale/],
    [{ width: 7 }, /7 × 4/],
    [{ fit: "resize-crop" }, /resizeTo/],
    [{ cropFraction: 0 }, /cropFraction/],
    [{ background: "white" }, /#rrggbb/],
    [{ layout: "chwn" }, /layout/],
  ];
  for (const [preprocess, words] of cases) {
    assert.throws(() => pictureSpec(/** @type {any} */ (preprocess), port), fails("format", words));
  }
  assert.throws(() => pictureSpec({}, { ...port, shape: [1, 10] }), fails("format", /'image'/));
});

describe("pictures", () => {
  /** @type {import("../../bindings/js/mite.d.ts").Model} */
  let model;
  before(async () => (model = await load(effnet)));
  after(() => model.dispose());

  test("the same pixels as RGB and RGBA give the same answer; transparency shows the background", async () => {
    const side = 64;
    const rgb = Uint8Array.from({ length: 3 * side * side }, (_, i) => (i * 37) & 255);
    const rgba = Uint8ClampedArray.from({ length: 4 * side * side }, (_, i) =>
      i % 4 === 3 ? 255 : rgb[3 * (i >> 2) + (i % 4)],
    );
    const top = async (data) =>
      (await model.classify({ data, width: side, height: side }, { topK: 3 })).top;
    assert.deepEqual(await top(rgba), await top(rgb));
    const white = new Uint8Array(rgb.length).fill(255);
    assert.deepEqual(await top(new Uint8Array(rgba.length)), await top(white));
  });
  test("a large photo does not grow the model", async () => {
    const { bytes } = model.runtime;
    const side = 3000;
    await model.classify({ data: new Uint8Array(3 * side * side), width: side, height: side });
    const again = await load(effnet);
    assert.equal(again.runtime.bytes, bytes);
    await again.dispose();
    assert.ok(bytes < 24e6, `${bytes} bytes`);
  });
  test("what is no picture is named", async () => {
    const wrong = [
      [{ data: new Uint8Array(5), width: 2, height: 2 }, "argument", /16 bytes.*12/],
      [7, "argument", /7/],
      [Buffer.from("RIFF\0\0\0\0WEBPVP8 and more"), "unsupported", /WebP.*JPEG or PNG/],
      [new Uint8Array(100), "format", /./],
      ["none.jpg", "network", /none\.jpg/],
    ];
    for (const [image, code, words] of wrong) {
      await assert.rejects(model.classify(/** @type {any} */ (image)), fails(code, words));
    }
    await assert.rejects(model.classify(blank, { topK: 0 }), fails("argument", /topK/));
  });
});

describe("npy", () => {
  const numbers = [0, 1, 0, 1, 1, 0];
  for (const [dtype, array] of [
    ["f32", Float32Array], ["u8", Uint8Array], ["i8", Int8Array], ["i32", Int32Array],
    ["i64", BigInt64Array], ["bool", Uint8Array], ["i16", Int16Array],
  ]) {
    test(`${dtype} comes back as it was written`, () => {
      const data = array.from(dtype === "i64" ? numbers.map(BigInt) : numbers);
      const file = writeNpy({ data, shape: [2, 3], dtype });
      assert.equal((10 + Buffer.from(file).readUInt16LE(8)) % 64, 0);
      assert.deepEqual(readNpy(file, "x.npy"), { data, shape: [2, 3] });
    });
  }
  test("what is not one, or of a kind that is not read, is refused", () => {
    const good = writeNpy({ data: new Float32Array(6), shape: [2, 3], dtype: "f32" });
    const changed = (from, to) =>
      Buffer.from(Buffer.from(good).toString("latin1").replace(from, to), "latin1");
    const cases = [
      [Buffer.from("no"), /not a \.npy/],
      [good.subarray(0, 40), /header/],
      [good.subarray(0, good.length - 1), /as many elements/],
      [changed("'<f4'", "'>f4'"), />f4/],
      [changed("'<f4'", "'<c8'"), /<c8/],
      [changed("False", "True "), /Fortran/],
    ];
    for (const [file, words] of cases) {
      assert.throws(() => readNpy(/** @type {any} */ (file), "x.npy"), fails("format", words));
    }
  });
});

test("errors are errors", () => {
  const error = new MiteError("format", "a sentence", { node: { name: "a", op: "b" } });
  assert.ok(error instanceof Error);
  assert.deepEqual([error.name, error.code, error.node], ["MiteError", "format", { name: "a", op: "b" }]);
});
