// SPDX-License-Identifier: Apache-2.0
// Threads in WebAssembly: the same bits for any number, shared work, ends that are ends, and what
// happens where a thread cannot be had.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { gunzipSync } from "node:zlib";
import { compileRuntime } from "../../bindings/js/src/compile.js";
import { Crew } from "../../bindings/js/src/crew.js";
import { newSession } from "../../bindings/js/src/engine.js";
import { load } from "../../bindings/js/src/index.js";
import { receiveModel } from "../../bindings/js/src/receive.js";
import { setShared } from "../../bindings/js/src/sharing.js";
import { openSource } from "../../bindings/js/src/source.js";
import { instantiate } from "../../bindings/js/src/wasm.js";
import { bitsOf, digits, effnet, root, samples } from "./support.mjs";

const bits = readFileSync(join(root, "tests/models/bits.txt"), "utf8");
const dist = join(root, "bindings/js/dist");
const index = pathToFileURL(join(root, "bindings/js/src/index.js")).href;

describe("one to eight threads", () => {
  for (let threads = 1; threads <= 8; threads++) {
    test(`${threads} give the same bits`, async () => {
      const model = await load(effnet, { threads });
      assert.equal(model.runtime.threads, threads, model.runtime.note);
      for (let run = 0; run < 3; run++) {
        const hash = await bitsOf(model);
        assert.ok(bits.includes(hash), `run ${run} gave ${hash}, which bits.txt does not have`);
      }
      await model.dispose();
    });
  }
  test("in a worker, with pictures, aborts and its own self-test", async () => {
    const model = await load(effnet, { threads: 3, worker: true });
    assert.deepEqual([model.runtime.threads, model.runtime.worker], [3, true]);
    const { top } = await model.classify(readFileSync(join(samples, "coffee.jpg")));
    assert.equal(top[0].label, "espresso");
    const stop = new AbortController();
    const running = model.run(new Float32Array(150528), { signal: stop.signal });
    stop.abort(new Error("stop"));
    await assert.rejects(running, /stop/);
    assert.equal((await model.selfTest()).ok, true);
    await model.dispose();
  });
  test("models beside one another do not disturb one another", async () => {
    const models = await Promise.all([1, 2, 3, 4].map((threads) => load(effnet, { threads })));
    for (let run = 0; run < 3; run++) {
      for (const hash of await Promise.all(models.map(bitsOf))) assert.ok(bits.includes(hash));
    }
    await Promise.all(models.map((model) => model.dispose()));
  });
});

test("work is shared out, and claims do not get in one another's way", async (t) => {
  const count = 4;
  const crew = new Crew(count - 1);
  const compiled = await compileRuntime(undefined, { shared: true });
  const wasm = await instantiate(compiled.module, compiled);
  const model = await receiveModel(wasm, await openSource(effnet), {});
  const session = newSession(wasm, model, 1 + (await crew.size()));
  await crew.join(wasm, compiled, session);
  const { calls } = wasm;
  assert.equal(calls.session_threads(session), count);
  for (let run = 0; run < 200; run++) assert.equal(calls.session_run(session), 0);
  const threads = wasm.borrow(12, (at) =>
    Array.from({ length: count }, (_, slot) => {
      calls.session_thread_counts(session, slot, at);
      const [parts, losses, naps] = new Uint32Array(wasm.memory.buffer, at, 3);
      return { parts, losses, naps };
    }),
  );
  for (const { parts, losses, naps } of threads) {
    t.diagnostic(`${parts} parts run, ${losses} claims lost, ${naps} naps`);
  }
  const all = threads.reduce((sum, { parts }) => sum + parts, 0);
  const lost = threads.reduce((sum, { losses }) => sum + losses, 0);
  assert.ok(all > 0 && threads[0].parts < all, "no helper did any work");
  // A claim is lost only to one that was won, so each part costs at most one loss a thread.
  assert.ok(lost <= all * (count - 1), `${lost} claims lost for ${all} parts`);
  // Freeing the session ends the helpers.
  calls.session_free(session);
  await crew.end();
});

describe("the end of threads", () => {
  test("dispose ends them, and they keep no process alive", () => {
    const script = `
      import { load } from ${JSON.stringify(index)};
      let alive = 0;
      process.on("worker", (worker) => { alive++; worker.once("exit", () => alive--); });
      const said = [];
      for (const options of [{ threads: 4 }, { threads: 4, worker: true }]) {
        const model = await load(${JSON.stringify(digits)}, options);
        said.push(model.runtime.threads, alive > 0);
        await model.dispose();
        said.push(alive);
      }
      const left = await load(${JSON.stringify(digits)}, { threads: 3 });
      said.push(left.runtime.threads); // never disposed: the process ends all the same
      console.log(said.join());`;
    const args = ["--input-type=module", "-e", script];
    const out = execFileSync(process.execPath, args, { timeout: 20_000 });
    assert.equal(String(out), "4,true,0,4,true,0,3\n");
  });
  test("their memory is given back", async () => {
    const before = process.memoryUsage().rss;
    for (let i = 0; i < 30; i++) {
      const model = await load(effnet, { threads: 2 });
      await model.run(new Float32Array(150528));
      await model.dispose();
      globalThis.gc?.();
    }
    const grown = (process.memoryUsage().rss - before) / 2 ** 20;
    assert.ok(grown < 200, `30 models of 7 MB each left ${grown.toFixed(0)} MB`);
  });
  test("a failed load leaves none", async () => {
    let alive = 0;
    const count = (worker) => {
      alive++;
      worker.once("exit", () => alive--);
    };
    process.on("worker", count);
    const damaged = readFileSync(effnet);
    damaged[3_000_000] ^= 1;
    await assert.rejects(load(damaged, { threads: 4 }), /SHA-256/);
    process.off("worker", count);
    for (let i = 0; alive && i < 100; i++) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(alive, 0);
  });
});

describe("fewer threads than asked for", () => {
  /** A worker of the page's kind, of which the first `most` start. */
  const pageWorkers = (most) => {
    let made = 0;
    return class extends EventTarget {
      constructor(url) {
        super();
        const fails = made++ >= most;
        if (fails) return void setTimeout(() => this.onerror({ message: "no", preventDefault() {} }));
        this.worker = new Worker(url);
        this.worker.on("message", (data) => this.onmessage({ data }));
        this.worker.unref();
      }
      postMessage(message, transfer) {
        this.worker.postMessage(message, transfer);
      }
      terminate() {
        this.worker?.terminate();
      }
    };
  };
  test("where workers do not start, the model runs with those that did and says so", async () => {
    globalThis.Worker = /** @type {any} */ (pageWorkers(1));
    try {
      const model = await load(effnet, { threads: 4 });
      assert.equal(model.runtime.threads, 2);
      assert.match(model.runtime.note, /2 of the 4 threads/);
      assert.ok(bits.includes(await bitsOf(model)));
      await model.dispose();
    } finally {
      delete globalThis.Worker;
    }
  });
  test("where memory cannot be shared, one runs and the headers are named", () => {
    const script = `
      globalThis.crossOriginIsolated = false;
      const { load } = await import(${JSON.stringify(index)});
      const { runtime } = await load(${JSON.stringify(digits)}, { threads: 2 });
      console.log(runtime.threads, /Cross-Origin-Opener-Policy/.test(runtime.note));
      const usual = await load(${JSON.stringify(digits)});
      console.log(usual.runtime.threads, usual.runtime.note);`;
    const out = execFileSync(process.execPath, ["--input-type=module", "-e", script]);
    assert.equal(String(out), "1 true\n1 undefined\n");
  });
  test("by default one core is left alone", async () => {
    const model = await load(digits);
    assert.equal(model.runtime.threads, Math.min(4, Math.max(1, availableParallelism() - 1)));
    assert.equal(model.runtime.note, undefined);
    await model.dispose();
  });
});

test("a module on disk asks for plain memory, and can be made to ask for shared", async () => {
  const read = (name) => {
    const bytes = readFileSync(join(dist, name));
    return name.endsWith(".gz") ? gunzipSync(bytes) : bytes;
  };
  const modules = async (shared) =>
    Promise.all(
      ["mite-simd.wasm", "mite-more.wasm.gz"].map((name) => {
        const bytes = read(name);
        assert.equal(setShared(bytes, shared), true);
        if (!shared) assert.deepEqual(bytes, read(name));
        return WebAssembly.compile(bytes);
      }),
    );
  const [plain, plainSide] = await modules(false);
  const [shared, sharedSide] = await modules(true);
  await instantiate(plain, { sides: [plainSide] });
  await instantiate(shared, { shared: true, sides: [sharedSide] });
  await assert.rejects(instantiate(plain, { shared: true }), /does not fit/);
  await assert.rejects(instantiate(shared, { shared: true, sides: [plainSide] }), /does not fit/);
  assert.equal(setShared(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0), true), false);
  assert.equal(setShared(readFileSync(digits), true), false);
});
