// SPDX-License-Identifier: Apache-2.0
// What a model tells of itself: counts that are exact from the first run on, histograms, drift that is told
// where there is some, text that Prometheus reads, callbacks, and statistics that are right or refused.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { writeNpy } from "../../bindings/js/src/cli/npy.js";
import { compileRuntime } from "../../bindings/js/src/compile.js";
import { convert } from "../../bindings/js/src/convert.js";
import { load } from "../../bindings/js/src/index.js";
import { pictureSpec } from "../../bindings/js/src/metadata.js";
import { prometheus, watch } from "../../bindings/js/src/metrics.js";
import { Histogram } from "../../bindings/js/src/metrics/histogram.js";
import { Look, stabilityIndex } from "../../bindings/js/src/metrics/look.js";
import { readStatistics } from "../../bindings/js/src/metrics/statistics.js";
import { PictureReader, portablePicture } from "../../bindings/js/src/picture.js";
import { generator } from "../../bindings/js/src/self-test.js";
import { parsePrometheus } from "../prometheus.mjs";
import { digits, effnet, fails, mite, npy, root, samples } from "./support.mjs";

const onnx = join(root, "tests/models/digits_cnn.onnx");
const numbers = npy(join(root, "tests/models/digits_input.npy"));
const digit = (/** @type {number} */ i) => numbers.slice(64 * i, 64 * i + 64);
const metadata = {
  name: "digits",
  version: "7",
  preprocess: { fit: "stretch", scale: [1 / 255, 1 / 255, 1 / 255] },
  postprocess: { kind: "logits" },
};
const examples = () => Array.from({ length: 50 }, (_, i) => ({ input: digit(i) }));
const { bytes: calibrated } = await convert(readFileSync(onnx), { metadata, examples });
const pixels = (/** @type {number} */ i) => ({
  data: Uint8Array.from({ length: 192 }, (_, k) => 255 * digit(i)[Math.floor(k / 3)]),
  width: 8,
  height: 8,
});
const all = { budget: Infinity };

/** @param {import("node:test").TestContext} t */
async function opened(t, source = calibrated, options = {}) {
  const model = await load(source, options);
  t.after(() => model.dispose());
  return model;
}

for (const worker of [false, true]) {
  describe(`counts, ${worker ? "in a worker" : "on the calling thread"}`, () => {
    test("are exact from the first run on, whenever they are asked for", async (t) => {
      const model = await opened(t, calibrated, { worker });
      for (let i = 0; i < 5; i++) await model.run(digit(i));
      for (let i = 0; i < 3; i++) await model.classify(pixels(i));
      await assert.rejects(model.run(digit(0), { signal: AbortSignal.abort() }));
      await model.selfTest();
      const held = await model.holdImage(pixels(0));
      await held.run({ width: 2, height: 2, values: new Float32Array(4) });
      held.release();
      const first = await model.metrics();
      assert.equal(first.runs.count, 9);
      assert.deepEqual([first.runs.failed, first.runs.apart, first.runs.lost], [{ aborted: 1 }, 2, 0]);
      assert.equal(first.confidence.count, 3, "classifications before");
      assert.equal(first.runs.pictures.count, 4);
      assert.deepEqual([first.selfTest.passed, first.selfTest.failed, first.selfTest.last.ok], [1, 0, true]);

      await model.run(digit(0));
      await model.classify(pixels(1));
      await model.runImage(pixels(2));
      const { runs, confidence, drift } = await model.metrics();
      assert.deepEqual([runs.count, confidence.count], [12, 6], "answers of every kind, once each");
      assert.ok(drift.runs >= 1 && drift.runs <= 3);
      for (const { count, counts, bounds, sum, min, max, p50, p99 } of [runs.ms, runs.callMs, confidence]) {
        assert.equal(counts.reduce((a, b) => a + b), count);
        assert.equal(counts.length, bounds.length + 1);
        assert.ok(sum >= count * min && sum <= count * max && min <= p50 && p50 <= p99 && p99 <= max);
      }
      assert.ok(runs.callMs.sum > runs.ms.sum);
    });

    test("what it is and what it takes is told, as plain data", async (t) => {
      const model = await opened(t, calibrated, { worker, metrics: true, threads: 1 });
      await model.run(digit(0));
      const metrics = await model.metrics();
      assert.deepEqual(JSON.parse(JSON.stringify(metrics)), structuredClone(metrics));
      assert.deepEqual(metrics.model, { name: "digits", version: "7", id: model.id });
      const { mite: version, ...runtime } = metrics.runtime;
      const { build, isa, whole, threads } = model.runtime;
      assert.deepEqual(runtime, { build, isa, whole, threads, worker });
      assert.ok(version);
      assert.equal(metrics.memory.bytes, model.runtime.bytes);
      assert.deepEqual(metrics.load.bytes, { network: 0, cache: 0, given: calibrated.length });
      const { total, ...phases } = metrics.load.ms;
      const sum = Object.values(phases).reduce((a, b) => a + b);
      assert.ok(total > 0 && Math.abs(sum - total) < 1e-6, `${sum} is not ${total}`);
      assert.equal(metrics.drift.runs, 1, "the first run was looked at");
      await model.dispose();
      assert.equal((await model.metrics()).runs.count, 1, "what was counted stays");
    });
  });
}

test("of many runs before the first question the last count, and how many were lost is told", async (t) => {
  const model = await opened(t);
  for (let i = 0; i < 1010; i++) await model.run(digit(i % 50));
  const { runs } = await model.metrics();
  assert.deepEqual([runs.count, runs.lost], [1000, 10]);
  await model.run(digit(0));
  assert.equal((await model.metrics()).runs.count, 1001);
});

test("bytes from the network are told as such", async (t) => {
  const server = createServer((_, response) => response.end(calibrated)).listen(0);
  t.after(() => server.close());
  await new Promise((resolve) => server.once("listening", resolve));
  const model = await opened(t, `http://localhost:${server.address().port}/digits.mite`);
  assert.deepEqual((await model.metrics()).load.bytes, { network: calibrated.length, cache: 0, given: 0 });
});

test("histograms: a bound belongs to the bucket below it; quantiles lie within what was seen", () => {
  const histogram = new Histogram([1, 2, 4]);
  assert.deepEqual(histogram.read(), { count: 0, sum: 0, bounds: [1, 2, 4], counts: [0, 0, 0, 0] });
  for (const x of [0.5, 1, 1.5, 2, 3, 4, 4.5, 100]) histogram.add(x);
  const { counts, sum, mean, min, max, p50, p99 } = histogram.read();
  assert.deepEqual([counts, sum, mean, min, max], [[2, 2, 2, 2], 116.5, 14.5625, 0.5, 100]);
  assert.equal(p50, 2);
  assert.ok(p99 > 90 && p99 <= 100);
});

test("looks that are made one are what one look would have seen", () => {
  const next = generator(3);
  const values = Array.from({ length: 1000 }, () => 10 + next() ** 2);
  const [whole, left, right] = [new Look([10.1, 10.5]), new Look([10.1, 10.5]), new Look([10.1, 10.5])];
  values.forEach((x, i) => {
    whole.add(x, values[i + 1]);
    (i < 300 ? left : right).add(x, values[i + 1]);
  });
  left.merge(right);
  left.merge(new Look([10.1, 10.5]));
  for (const name of ["mean", "deviation", "likeness", "min", "max", "count"]) {
    assert.ok(Math.abs(left[name] - whole[name]) < 1e-12, name);
  }
  assert.deepEqual(left.counts, whole.counts);
  const mean = values.reduce((a, b) => a + b) / 1000;
  assert.ok(Math.abs(whole.mean - mean) < 1e-12);
  const deviation = Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 1000);
  assert.ok(Math.abs(whole.deviation - deviation) < 1e-12);
  assert.ok(Math.abs(whole.likeness) < 0.1, "numbers by chance are not alike");
});

test("the population stability index is the textbook's where there are many observations", () => {
  const [p, q] = [[0.2, 0.3, 0.5], [0.3, 0.3, 0.4]];
  const expected = p.reduce((sum, x, i) => sum + (x - q[i]) * Math.log(x / q[i]), 0);
  assert.ok(Math.abs(stabilityIndex(p, 1e9, q, 1e9) - expected) < 1e-6);
  assert.ok(Number.isFinite(stabilityIndex([1, 0], 10, [0, 1], 10)));
});

describe("statistics of a calibration", () => {
  const { statistics } = JSON.parse(JSON.stringify(metadataOf(calibrated)));
  test("are those of the examples", () => {
    const [channel] = statistics.inputs.input.channels;
    const mean = numbers.reduce((a, b) => a + b) / numbers.length;
    const std = Math.sqrt(numbers.reduce((sum, x) => sum + (x - mean) ** 2, 0) / numbers.length);
    assert.equal(statistics.examples, 50);
    assert.ok(Math.abs(channel.mean - mean) < 1e-5 && Math.abs(channel.std - std) < 1e-5);
    assert.deepEqual([channel.min, channel.max], [0, 1]);
    channel.edges.forEach((edge, i) => {
      const below = numbers.filter((x) => x <= edge).length / numbers.length;
      assert.ok(Math.abs(channel.shares.slice(0, i + 1).reduce((a, b) => a + b) - below) < 1e-4, `edge ${edge}`);
    });
    assert.equal(statistics.confidence.counts.reduce((a, b) => a + b), 50);
  });

  test("can be left out, or made without quantizing", async () => {
    const without = await convert(readFileSync(onnx), { metadata, examples, statistics: false });
    assert.equal(metadataOf(without.bytes).statistics, undefined);
    const floats = await convert(readFileSync(onnx), { metadata, statistics: (ports) => {
      assert.equal(ports[0].name, "input");
      return examples();
    } });
    assert.deepEqual(metadataOf(floats.bytes).statistics.inputs, statistics.inputs);
    await assert.rejects(
      convert(readFileSync(onnx), { metadata, statistics: () => [{}] }),
      fails("argument", /example 1 for statistics has no input 'input'/),
    );
  });

  test("are made on the command line, of floats and of int8", async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "mite-statistics-"));
    t.after(() => rmSync(folder, { recursive: true }));
    writeFileSync(join(folder, "x.npy"), writeNpy({ data: numbers, shape: [50, 1, 8, 8], dtype: "f32" }));
    const out = join(folder, "out.mite");
    for (const options of [["--statistics", folder], ["--int8", "--calibrate", folder]]) {
      const { code, err } = await mite(["convert", onnx, "-o", out, ...options]);
      assert.equal(code, 0, err);
      assert.deepEqual(metadataOf(readFileSync(out)).statistics.inputs, statistics.inputs);
    }
    const tflite = join(root, "tests/models/digits_cnn_int8.tflite");
    const { code, err } = await mite(["convert", tflite, "-o", out, "--statistics", folder]);
    assert.equal(code, 0, err);
    const [[, { channels }]] = Object.entries(metadataOf(readFileSync(out)).statistics.inputs);
    const { mean } = statistics.inputs.input.channels[0];
    assert.ok(Math.abs(channels[0].mean - mean) < 0.01, "of quantized inputs: the real numbers");
  });

  test("that make no sense are said to be unusable, and nothing breaks", async (t) => {
    const good = { metadata: { statistics }, inputs: [{ name: "input", dtype: "f32", shape: [1, 1, 8, 8] }] };
    assert.ok("statistics" in readStatistics(good));
    const next = generator(5);
    const wrong = [null, [], "x", -1, Infinity, NaN, {}, 1e308, [[]], 0.5, { length: 1e9 }, Array(65).fill(0.5)];
    let refused = 0;
    for (let round = 0; round < 3000; round++) {
      const mutant = structuredClone(statistics);
      let [at, keys] = [mutant, Object.keys(mutant)];
      while (keys.length) {
        const key = keys[Math.floor(next() * keys.length)];
        if (typeof at[key] === "object" && at[key] !== null && next() < 0.8) [at, keys] = [at[key], Object.keys(at[key])];
        else {
          at[key] = wrong[Math.floor(next() * wrong.length)];
          break;
        }
      }
      const read = readStatistics({ ...good, metadata: { statistics: mutant } });
      if ("reason" in read) {
        refused++;
        assert.match(read.reason, /^the model's metadata.statistics cannot be used: .{8,}; convert it again$/);
      }
    }
    assert.ok(refused > 2000, `${refused} of 3000 were refused`);
    const broken = { ...metadata, statistics: { examples: 3, inputs: { other: {} } } };
    const { bytes } = await convert(readFileSync(onnx), { metadata: broken });
    const model = await opened(t, bytes, { metrics: true });
    await model.run(digit(0));
    const { drift, runs } = await model.metrics();
    assert.equal(runs.count, 1);
    assert.match(drift.reason, /the model has no input 'other'/);
  });
});

describe("drift", () => {
  test("is not told before there are enough runs, nor of a model without statistics", async (t) => {
    const model = await opened(t, calibrated, { metrics: true });
    const watched = watch(model, { ...all, minRuns: 10 });
    for (let i = 0; i < 9; i++) await model.run(new Float32Array(64));
    assert.equal(watched.read().drift.level, "unknown");
    assert.match(watched.read().drift.reason, /10 runs are needed to say anything; 9 were looked at/);
    await model.run(new Float32Array(64));
    assert.equal(watched.read().drift.level, "much");
    assert.equal((await model.metrics()).drift.level, "unknown", "which asks for 30");
    const old = await opened(t, digits, { metrics: true });
    assert.match((await old.metrics()).drift.reason, /no statistics to compare with; convert it with/);
  });

  test("of digits: the like, inverted, dark, and numbers by chance", async (t) => {
    const next = generator(9);
    const kinds = {
      none: [(x) => x, (x) => x * 0.98],
      much: [(x) => 1 - x, (x) => x * 0.2, () => next(), (x) => x * 255, () => NaN],
    };
    for (const [level, changes] of Object.entries(kinds)) {
      for (const change of changes) {
        const model = await opened(t, calibrated, { metrics: true });
        watch(model, all);
        for (let i = 0; i < 50; i++) await model.run(digit(i).map(change));
        const { drift } = await model.metrics();
        if (change.toString().includes("NaN")) {
          assert.equal(drift.inputs.input.channels[0].notFinite, 50 * 64);
          assert.equal(drift.inputs.input.level, "unknown");
        } else assert.equal(drift.inputs.input.level, level, change.toString());
      }
    }
  });

  test("of photos: the like, dark, inverted, noise", { timeout: 120_000 }, async (t) => {
    const model = await opened(t, effnet);
    const [port] = model.inputs;
    const spec = pictureSpec(model.metadata.preprocess, port);
    const reader = new PictureReader((await compileRuntime()).module);
    const photos = [];
    for (const name of readdirSync(samples).filter((file) => file.endsWith(".jpg"))) {
      const picture = await portablePicture(join(samples, name));
      for (const cropFraction of [1, 0.9, 0.8, 0.7, 0.6, 0.5]) {
        photos.push((await reader.read({ picture, spec: { ...spec, cropFraction } }, port)).data);
      }
    }
    const next = generator(11);
    /** Of numbers from -1, black, to 1, white. @type {[string, string, (x: number) => number][]} */
    const kinds = [
      ["as they are", "none", (x) => x],
      ["dark", "much", (x) => (x + 1) * 0.3 - 1],
      ["inverted", "much", (x) => -x],
      ["noise", "much", () => 2 * next() - 1],
    ];
    for (const [kind, level, change] of kinds) {
      const watched = await opened(t, effnet, { metrics: true });
      watch(watched, all);
      for (const photo of photos) await watched.run(photo.map(change));
      const { drift } = await watched.metrics();
      assert.equal(drift.runs, photos.length);
      assert.equal(drift.level, level, `${kind}: ${JSON.stringify(drift)}`);
      assert.equal(drift.inputs.input.channels.length, 3);
      await watched.dispose();
    }
  });

  test("is told of the last runs: it comes, and it goes", { timeout: 60_000 }, async (t) => {
    const model = await opened(t, calibrated, { metrics: true });
    const watched = watch(model, all);
    const level = () => watched.read().drift.inputs.input.level;
    for (let i = 0; i < 3000; i++) await model.run(digit(i % 50));
    assert.equal(level(), "none");
    for (let i = 0; i < 2000; i++) await model.run(digit(i % 50).map((x) => 1 - x));
    assert.equal(level(), "much");
    for (let i = 0; i < 2000; i++) await model.run(digit(i % 50));
    assert.equal(level(), "none");
  });

  test("looking keeps within its budget", async (t) => {
    const model = await opened(t, calibrated, { metrics: true });
    const watched = watch(model, { budget: 0 });
    for (let i = 0; i < 50; i++) await model.run(digit(i));
    assert.ok(watched.read().drift.runs <= 1);
    assert.equal(watched.read().runs.count, 50);
  });
});

describe("Prometheus' text", () => {
  test("is read by a strict reader, and says what the data say", async (t) => {
    const model = await opened(t, calibrated, { metrics: true });
    watch(model, all);
    for (let i = 0; i < 40; i++) await model.run(digit(i));
    await model.selfTest();
    await model.run(digit(0), { signal: AbortSignal.abort() }).catch(() => {});
    const metrics = await model.metrics();
    const families = parsePrometheus(prometheus(metrics, { labels: { site: "a" } }));
    const one = (name, labels = {}) => {
      const found = families.get(name).samples.filter(({ labels: has }) =>
        Object.entries(labels).every(([key, value]) => has[key] === value));
      assert.equal(found.length, 1, name);
      return found[0];
    };
    const { labels } = one("mite_runs_total");
    assert.deepEqual(labels, { model: "digits", version: "7", id: model.id.slice(0, 16), site: "a" });
    assert.equal(one("mite_runs_total").value, 40);
    assert.equal(one("mite_run_failures_total", { code: "aborted" }).value, 1);
    assert.equal(one("mite_self_tests_total", { result: "passed" }).value, 1);
    assert.equal(one("mite_load_bytes", { from: "given" }).value, calibrated.length);
    assert.equal(one("mite_memory_bytes").value, model.runtime.bytes);
    assert.equal(one("mite_model_info", { threads: String(model.runtime.threads), module: "core" }).value, 1);
    assert.equal(one("mite_drift_level").value, 0);
    const { samples: run, type } = families.get("mite_run_seconds");
    assert.equal(type, "histogram");
    const sum = run.find(({ suffix }) => suffix === "_sum").value;
    assert.ok(Math.abs(sum - metrics.runs.ms.sum / 1000) < 1e-9, "in seconds");
    const les = run.filter(({ suffix }) => suffix === "_bucket").map(({ labels: { le } }) => le);
    assert.deepEqual([les[0], les[5], les.at(-2), les.at(-1)], ["0.00001", "0.0001", "100", "+Inf"]);
    assert.equal(families.get("mite_confidence_ratio").samples.at(-1).value, 40);
  });

  test("several models, and names of any kind", async (t) => {
    const strange = { ...metadata, name: 'a "quoted" \\ name\nof two lines', version: undefined };
    const { bytes } = await convert(readFileSync(onnx), { metadata: strange });
    const told = [await opened(t), await opened(t, bytes), await opened(t, digits)];
    const metrics = await Promise.all(told.map((model) => model.metrics()));
    const families = parsePrometheus(prometheus(metrics));
    const names = families.get("mite_runs_total").samples.map(({ labels }) => labels.model);
    assert.equal(names[1], strange.name);
    assert.equal(names.length, 3);
    assert.equal(prometheus([]), "");
    assert.throws(() => prometheus([metrics[0], metrics[0]]), fails("argument", /given twice/));
    for (const name of ["le", "9a", "a-b", "__name__", "code"]) {
      assert.throws(() => prometheus(metrics[0], { labels: { [name]: "x" } }), fails("argument", /the label/));
    }
  });
});

describe("the callback", () => {
  test("comes at intervals where there is news, and at the end", async (t) => {
    const model = await opened(t);
    const calls = [];
    watch(model, { interval: 20, onMetrics: ({ runs }, reason) => calls.push([runs.count, reason]) });
    await model.run(digit(0));
    await sleep(120);
    assert.deepEqual(calls, [[1, "interval"]]);
    await model.run(digit(0));
    await model.dispose();
    await sleep(60);
    assert.deepEqual(calls, [[1, "interval"], [2, "end"]]);
  });

  test("comes when the threshold begins to hold, again only after it did not", async (t) => {
    const model = await opened(t);
    const calls = [];
    const watched = watch(model, {
      threshold: ({ runs }) => runs.count % 2 === 1,
      onMetrics: ({ runs }, reason) => calls.push([runs.count, reason]),
    });
    for (let i = 0; i < 3; i++) {
      await model.run(digit(0));
      await sleep(150);
    }
    assert.deepEqual(calls, [[1, "threshold"], [3, "threshold"]]);
    watched.stop();
    await model.run(digit(0));
    await model.run(digit(0));
    await model.dispose();
    await sleep(150);
    assert.equal(calls.length, 2);
  });

  test("what makes no sense is refused", async (t) => {
    const model = await opened(t);
    assert.throws(() => watch({}), fails("argument", /give it a model that load\(\) made/));
    assert.throws(() => watch(model, { interval: 5 }), fails("argument", /onMetrics, which is missing/));
    const onMetrics = () => {};
    for (const options of [{ interval: 0, onMetrics }, { minRuns: 0 }, { budget: -1 }, { interval: "x", onMetrics }]) {
      assert.throws(() => watch(model, options), fails("argument", /must be/));
    }
  });

  test("keeps no process alive", () => {
    const entry = (/** @type {string} */ name) => pathToFileURL(join(root, `bindings/js/dist/${name}.js`)).href;
    const code = `import { load } from "${entry("index")}"; import { watch } from "${entry("metrics")}";
      const model = await load(${JSON.stringify(digits)}, { threads: 1 });
      watch(model, { interval: 1e6, threshold: () => false, onMetrics() {} });
      await model.run(new Float32Array(64));
      console.log((await model.metrics()).runs.count);`;
    const out = execFileSync(process.execPath, ["--input-type=module", "-e", code], { encoding: "utf8", timeout: 60_000 });
    assert.equal(out, "1\n");
  });
});

/** @param {Uint8Array} file */
function metadataOf(file) {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const [at, length] = [56, 64].map((offset) => Number(view.getBigUint64(offset, true)));
  return JSON.parse(new TextDecoder().decode(file.subarray(at, at + length)));
}
