// SPDX-License-Identifier: Apache-2.0
// The command line: what it prints, where, and its exit codes; on the oldest Node too.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { readNpy, writeNpy } from "../../bindings/js/src/cli/npy.js";
import { digits, largestOf, mite, npy, root, samples } from "./support.mjs";

const folder = mkdtempSync(join(tmpdir(), "mite-cli-"));
after(() => rmSync(folder, { recursive: true }));
const inFolder = (name) => join(folder, name);
const onnx = join(root, "tests/models/digits_cnn.onnx");

/** One sentence on standard error, nothing else there. */
function oneSentence(err) {
  assert.match(err, /^mite: .{15,}\n$/);
}

describe("classify", () => {
  for (const node of new Set([process.execPath, process.env.NODE20 ?? process.execPath])) {
    test(`photos, as JSON, on ${node === process.execPath ? "this Node" : "Node 20"}`, async () => {
      const files = ["cat", "coffee"].map((name) => join(samples, `${name}.jpg`));
      const { code, out, err } = await mite(["classify", ...files, "--json", "--top", "3"], { node });
      assert.deepEqual([code, err], [0, ""]);
      const lines = out.trim().split("\n").map((line) => JSON.parse(line));
      assert.deepEqual(lines.map(({ file }) => file), files);
      assert.ok([281, 282, 285].includes(lines[0].top[0].index));
      assert.equal(lines[1].top[0].label, "espresso");
      for (const { top, ms } of lines) {
        assert.equal(top.length, 3);
        assert.ok(top.every(({ probability }) => probability >= 0 && probability <= 1));
        assert.ok(ms.decode > 0 && ms.run > 0);
      }
    });
  }
  test("as a table", async () => {
    const { code, out } = await mite(["classify", join(samples, "coffee.jpg")]);
    assert.equal(code, 0);
    assert.match(out, /coffee\.jpg.*\n.*9\d\.\d %.*espresso/);
  });
  test("a bad photo among good ones", async () => {
    writeFileSync(inFolder("broken.jpg"), readFileSync(join(samples, "cat.jpg")).subarray(0, 9000));
    writeFileSync(inFolder("photo.webp"), "RIFF\x10\0\0\0WEBPVP8 and so on and so on");
    const files = [inFolder("broken.jpg"), join(samples, "coffee.jpg"), inFolder("photo.webp"), "none.jpg"];
    const { code, out, err } = await mite(["classify", ...files, "--json"]);
    assert.equal(code, 1);
    const lines = out.trim().split("\n").map((line) => JSON.parse(line));
    assert.deepEqual(lines.map((line) => "top" in line), [false, true, false, false]);
    assert.match(err, /broken\.jpg.*\n.*WebP.*\n.*none\.jpg/);
  });
  test("calls that make no sense", async () => {
    for (const args of [["classify"], ["classify", "x.jpg", "--top", "0"], ["classify", "--wrong"]]) {
      const { code, err } = await mite(args);
      assert.equal(code, 2, args.join(" "));
      oneSentence(err);
    }
  });
});

describe("run", () => {
  const input = inFolder("x.npy");
  writeFileSync(
    input,
    writeNpy({
      data: npy(join(root, "tests/models/digits_input.npy")).slice(0, 64),
      shape: [1, 1, 8, 8],
      dtype: "f32",
    }),
  );
  test("writes what the model computes", async () => {
    const model = join(root, "tests/models/digits_cnn.f32.mite");
    const args = ["run", model, "--input", `input=${input}`, "--output-dir", inFolder("out"), "--profile"];
    const { code, out, err } = await mite(args);
    assert.deepEqual([code, err], [0, ""]);
    assert.match(out, /logits {2}f32\[1,10\]/);
    const { data, shape } = readNpy(readFileSync(inFolder("out/logits.npy")), "logits.npy");
    assert.deepEqual(shape, [1, 10]);
    const golden = npy(join(root, "tests/models/digits_cnn_logits.npy")).subarray(0, 10);
    assert.ok(largestOf(data, golden) < 2e-3);
    assert.deepEqual(readdirSync(inFolder("out")), ["logits.npy"]);
  });
  test("says what is wrong", async () => {
    const bad = [
      [["run", digits], 1, /'input' is missing/],
      [["run", digits, "--input", `image=${input}`], 2, /'input'/],
      [["run", digits, "--input", "input=none.npy"], 1, /none\.npy/],
      [["run", onnx, "--input", `input=${input}`], 1, /convert/],
      [["run"], 2, /one model/],
    ];
    for (const [args, code, words] of bad) {
      const result = await mite(args);
      assert.equal(result.code, code, result.err);
      assert.match(result.err, words);
      oneSentence(result.err);
    }
  });
});

describe("convert and inspect", () => {
  test("f32, checked against the source", async () => {
    const { code, err } = await mite(["convert", onnx, "-o", inFolder("f32.mite"), "--check"]);
    assert.equal(code, 0, err);
    assert.match(err, /check passed/);
  });
  test("int8, the same bytes every time", async () => {
    const calibration = mkdtempSync(inFolder("calibrate-"));
    const data = npy(join(root, "tests/models/digits_input.npy"));
    writeFileSync(join(calibration, "x.npy"), writeNpy({ data, shape: [50, 1, 8, 8], dtype: "f32" }));
    for (const name of ["a.mite", "b.mite"]) {
      const args = ["convert", onnx, "-o", inFolder(name), "--int8", "--calibrate", calibration, "--check"];
      const { code, err } = await mite(args);
      assert.equal(code, 0, err);
      // On the examples: on random numbers, which no digit looks like, it is far off.
      const [, largest, of] = /check passed: largest difference (\S+) of (\S+)/.exec(err);
      assert.ok(largest / of < 0.05, err);
    }
    assert.deepEqual(readFileSync(inFolder("a.mite")), readFileSync(inFolder("b.mite")));
    const verified = await mite(["verify", inFolder("a.mite")]);
    assert.match(verified.out, /self-test passed/);
  });
  test("inspect tells operators, shapes, sizes and metadata", async () => {
    const { code, out } = await mite(["inspect", digits]);
    assert.equal(code, 0);
    for (const words of [/conv2d +u8\[1,8,8,16\]/, /arena +\d/, /MACs/, /"license": "CC-BY-4.0"/]) {
      assert.match(out, words);
    }
    const d = JSON.parse((await mite(["inspect", digits, "--json"])).out);
    assert.equal(d.fileBytes, readFileSync(digits).length);
    assert.ok(d.nodes.every(({ macs, weightBytes }) => macs >= 0 && weightBytes >= 0));
  });
  test("damaged sources give one sentence and no file", async () => {
    const bytes = readFileSync(onnx);
    for (const [i, file] of [bytes.subarray(0, 5000), Buffer.from("\x08nonsense"), Buffer.alloc(0)].entries()) {
      writeFileSync(inFolder(`bad${i}.onnx`), file);
      const { code, err } = await mite(["convert", inFolder(`bad${i}.onnx`), "-o", inFolder("bad.mite")]);
      assert.equal(code, 1);
      oneSentence(err);
    }
    assert.ok(!readdirSync(folder).some((name) => name.startsWith("bad.mite")));
  });
  test("a failure names the file, and what was there stays", async () => {
    const source = inFolder("mine.onnx");
    writeFileSync(source, readFileSync(onnx));
    writeFileSync(inFolder("meta.json"), "{");
    const cases = [
      [["convert", source, "-o", join(folder, ".", "mine.onnx")], 2, /is the model itself/],
      [["convert", source, "-o", inFolder("none/x.mite")], 1, /cannot write .*x\.mite: there is no such folder\n/],
      [["convert", source, "-o", inFolder("x.mite"), "--metadata", inFolder("meta.json")], 1, /meta\.json: .*JSON/],
      [["convert", source, "-o", inFolder("x.mite"), "--labels", digits], 1, /digits.*is no text in UTF-8/],
      [["convert", source, "-o", inFolder("x.mite"), "--int8"], 1, /at least one example input .*--calibrate DIR/],
      [["convert", source, "-o", inFolder("x.mite"), "--int8", "--calibrate", digits], 2, /is no folder of examples/],
      [["inspect", source], 1, /mine\.onnx: .*ONNX/],
      [["run", digits, "--input", inFolder("x.npy"), "--output-dir", source], 1, /cannot write .*mine\.onnx: there is a file/],
      [["diff", digits, inFolder("meta.json")], 1, /meta\.json: /],
    ];
    for (const [args, expected, words] of cases) {
      const { code, err } = await mite(args);
      assert.equal(code, expected, err);
      assert.match(err, words);
      oneSentence(err);
    }
    assert.deepEqual(readFileSync(source), readFileSync(onnx));
    assert.match((await mite(["help", "convert"])).out, /^usage: mite convert/);
  });
  test("calls that make no sense", async () => {
    for (const args of [["convert", onnx], ["convert", onnx, "-o", "x", "--calibrate", "."], ["convert", onnx, "-o", "x", "--tolerance", "some"], ["frobnicate"]]) {
      const { code, err } = await mite(args);
      assert.equal(code, 2);
      oneSentence(err);
    }
    assert.equal((await mite(["--help"])).code, 0);
    assert.equal((await mite([])).code, 2);
    for (const command of ["classify", "run", "convert", "inspect", "verify"]) {
      const { code, out } = await mite([command, "--help"]);
      assert.equal(code, 0);
      assert.match(out, new RegExp(`^usage: mite ${command}`));
    }
  });
});

describe("diff", () => {
  const models = `${root}/tests/models`;
  test("a converted model does what its source does, layer by layer", async () => {
    const { code, out } = await mite(["diff", `${models}/digits_cnn.onnx`, `${models}/digits_cnn.f32.mite`]);
    assert.equal(code, 0, out);
    assert.match(out, /\d+ results in common/);
    assert.match(out, /output logits: \d\.\d+e[+-]\d+/);
  });
  test("an output that no node gives is compared, too", async () => {
    const constant = `${root}/tests/fuzz/corpus/onnx/constant`;
    const { code, out } = await mite(["diff", constant, constant]);
    assert.equal(code, 0, out);
    assert.match(out, /output values: 0\.00e\+0/);
  });
  test("where an int8 model parts from f32 is marked, and the exit code says so", async () => {
    const args = ["diff", `${models}/digits_cnn.f32.mite`, `${models}/digits_cnn.int8.mite`, "--json"];
    const { code, out } = await mite(args);
    assert.equal(code, 1);
    const { layers, outputs } = JSON.parse(out);
    assert.ok(layers.length > 4 && layers.every(({ cosine }) => cosine <= 1 + 1e-9));
    assert.equal(outputs[0].name, "logits");
    const { out: text } = await mite(args.slice(0, 3));
    assert.match(text, /<- here they part/);
  });
});
