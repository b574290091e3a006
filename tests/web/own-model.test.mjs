// SPDX-License-Identifier: Apache-2.0
// A visitor's own model on the demo page: converted and run there, in three engines.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { readNpy } from "../../bindings/js/src/cli/npy.js";
import { engines, launch, missing, until } from "./browsers.mjs";
import { startServer } from "./server.mjs";

const pictures = fileURLToPath(new URL("../../build/screenshots/", import.meta.url));
mkdirSync(pictures, { recursive: true });

// --- What a visitor does, as scripts in the page ------------------------------------------------

/** Drops files: [name, address or bytes, most bytes] each. */
const drop = async (...files) => {
  const data = new DataTransfer();
  for (const [name, from, most] of files) {
    const bytes = typeof from === "string" ? new Uint8Array(await (await fetch(from)).arrayBuffer()) : Uint8Array.from(from);
    const type = name.endsWith(".jpg") ? "image/jpeg" : "";
    data.items.add(new File([bytes.subarray(0, most ?? bytes.length)], name, { type }));
  }
  const event = new DragEvent("drop", { bubbles: true, cancelable: true });
  Object.defineProperty(event, "dataTransfer", { value: data });
  document.dispatchEvent(event);
};
/** Drops a grey picture of 8 × 8 pixels. */
const dropGrey = async (levels) => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 8, height: 8 });
  const rgba = levels.flatMap((level) => [level, level, level, 255]);
  canvas.getContext("2d").putImageData(new ImageData(Uint8ClampedArray.from(rgba), 8, 8), 0, 0);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve));
  const data = new DataTransfer();
  data.items.add(new File([blob], "digit.png", { type: "image/png" }));
  const event = new DragEvent("drop", { bubbles: true, cancelable: true });
  Object.defineProperty(event, "dataTransfer", { value: data });
  document.getElementById("own-verdict").textContent = ""; // so that the next answer is this one's
  document.dispatchEvent(event);
};
const press = (selector) => document.querySelector(selector).click();
const setSize = (value) => {
  const field = document.querySelector("#own-settings input");
  field.value = value;
  field.dispatchEvent(new Event("change"));
};
const state = (pattern) => new RegExp(pattern).test(document.getElementById("own-state").textContent);
/** What the card says, once its verdict matches. */
const card = (pattern) => {
  const text = (id) => document.getElementById(id).textContent;
  return (
    !document.getElementById("own").hidden &&
    new RegExp(pattern).test(text("own-verdict")) && {
      title: text("own-title"),
      verdict: text("own-verdict"),
      outputs: text("own-outputs"),
      numbers: [...document.querySelectorAll("#own-outputs output")].map((item) => Number(item.textContent)),
      indices: [...document.querySelectorAll("#own-outputs li")].map((item) => Number(item.dataset.index)),
      facts: text("own-facts"),
      answerHidden: document.getElementById("answer").hidden,
      save: document.getElementById("own-save").download,
      focus: document.activeElement.id,
    }
  );
};
const problem = (id = "own-problem") =>
  !document.getElementById(id).hidden && document.getElementById(id).textContent;
const watch = () => {
  globalThis.violations = [];
  const { createObjectURL } = URL;
  URL.createObjectURL = (blob) => {
    globalThis.saved = blob;
    return createObjectURL.call(URL, blob);
  };
  document.addEventListener("securitypolicyviolation", (event) =>
    globalThis.violations.push(`${event.violatedDirective} ${event.blockedURI}`),
  );
};
const foreign = () =>
  performance
    .getEntriesByType("resource")
    .map(({ name }) => name)
    .filter((name) => !name.startsWith(`${location.origin}/`) && !name.startsWith("blob:"));

// --- What is dropped ----------------------------------------------------------------------------

/** A protobuf message of [field, value]: a value is a number, a text, or a message's bytes. */
const message = (...fields) =>
  Uint8Array.from(
    fields.flatMap(([field, value]) => {
      if (typeof value === "number") return [8 * field, value];
      const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
      const length = bytes.length < 128 ? [bytes.length] : [(bytes.length & 127) | 128, bytes.length >> 7];
      return [8 * field + 2, ...length, ...bytes];
    }),
  );
const vector = (dimension) => message([1, message([1, 1], [2, message([1, dimension])])]);
const f32Of2 = vector(message([1, 2]));
const f32OfAny = vector(message([2, "n"]));
/** ONNX: y = x + w, f32[2] each, with w at byte 8 of parts/weights.bin. */
const externalSum = message(
  [1, 8],
  [8, message([2, 13])],
  [7, message(
    [1, message([1, "x"], [1, "w"], [2, "y"], [4, "Add"])],
    [2, "sum"],
    [5, message(
      [1, 2], [2, 1], [8, "w"],
      [13, message([1, "location"], [2, "parts/weights.bin"])],
      [13, message([1, "offset"], [2, "8"])],
      [13, message([1, "length"], [2, "8"])],
      [14, 1],
    )],
    [11, message([1, "x"], [2, f32Of2])],
    [12, message([1, "y"], [2, f32Of2])],
  )],
);
/** ONNX: y = x + w, with x of any length and w of 2, so that x may have 1 or 2. */
const picky = message(
  [1, 8],
  [8, message([2, 13])],
  [7, message(
    [1, message([1, "x"], [1, "w"], [2, "y"], [4, "Add"])],
    [2, "sum"],
    [5, message([1, 2], [2, 1], [8, "w"], [9, new Uint8Array(Float32Array.of(40, 50).buffer)])],
    [11, message([1, "x"], [2, f32OfAny])],
    [12, message([1, "y"], [2, f32OfAny])],
  )],
);
/** ONNX with two operators that nobody has. */
const strange = message(
  [1, 8],
  [8, message([2, 13])],
  [7, message(
    [1, message([1, "x"], [2, "t"], [4, "Frobnicate"])],
    [1, message([1, "t"], [2, "y"], [4, "Twiddle"])],
    [2, "strange"],
    [11, message([1, "x"], [2, f32Of2])],
    [12, message([1, "y"], [2, f32Of2])],
  )],
);
const npy = (name) => readNpy(readFileSync(new URL(`../models/${name}`, import.meta.url)), name).data;
/** Three handwritten digits, and the five largest of what PyTorch makes of each. */
const digits = [0, 1, 2].map((digit) => {
  const logits = [...npy("digits_cnn_logits.npy").slice(10 * digit, 10 * digit + 10)];
  return {
    levels: [...npy("digits_input.npy").slice(64 * digit, 64 * digit + 64)].map((x) => Math.round(255 * x)),
    logits: logits.sort((a, b) => b - a).slice(0, 5),
    best: npy("digits_cnn_logits.npy").slice(10 * digit, 10 * digit + 10).indexOf(logits[0]),
  };
});
const onnx = ["digits.onnx", "/tests/models/digits_cnn.onnx"];
const tflite = ["digits.tflite", "/tests/models/digits_cnn_int8.tflite"];
const photo = ["coffee.jpg", "/samples/coffee.jpg"];

for (const engine of engines) {
  describe(`own model in ${engine}`, { skip: missing(engine), timeout: 120_000 }, () => {
    /** @type {import("./browsers.mjs").Page} */
    let page;
    /** @type {Awaited<ReturnType<typeof startServer>>} */
    let server;
    const converters = () => server.state.requests.filter((url) => url.endsWith("mite-convert.wasm.gz")).length;
    before(async () => {
      server = await startServer();
      page = await launch(engine);
      await page.resize(1100, 1000);
      await page.open(`${server.url}/`);
      await page.run(watch);
      await until(page, () => document.querySelectorAll("#samples button").length === 5);
    });
    after(async () => {
      await page?.close();
      await server?.close();
    });

    test("an ONNX model is converted, shown and asked about a photo", async () => {
      assert.equal(converters(), 0, "the converter came before it was needed");
      await page.run(drop, onnx);
      const ready = await until(page, card, ["Now a photo"]);
      assert.equal(converters(), 1);
      assert.equal(ready.title, "digits");
      assert.equal(ready.focus, "own-title");
      assert.equal(ready.save, "digits.mite");
      assert.equal(ready.answerHidden, true);
      for (const fact of [
        "FormatONNX", "Inputinput f32[?, 1, 8, 8]", "Outputlogits f32[?, 10]", "Operators11",
        "MACs126,192", "Weights", "Arena", "27.5 kB before", "Conversion",
      ]) {
        assert.ok(ready.facts.includes(fact), `${fact} is missing in: ${ready.facts}`);
      }
      assert.ok(await page.run(state, "^Ready"));
      await page.run(drop, photo);
      const { verdict, indices, outputs } = await until(page, card, ["largest outputs"]);
      assert.match(verdict, / ms$/);
      assert.match(outputs, /^logits f32\[1, 10\]/);
      assert.equal(new Set(indices).size, 5);
      await page.screenshot(`${pictures}${engine}-own.png`);
    });

    test("the converted file can be saved, and sizes left open can be set", async () => {
      assert.equal(await page.run(() => globalThis.saved.slice(0, 4).text()), "MITE");
      assert.match(await page.run(() => document.getElementById("own-save").href), /^blob:/);
      await page.run(setSize, "3");
      await page.run(press, "#own-random");
      const { outputs, facts } = await until(page, card, ["random numbers"]);
      assert.match(facts, /MACs378,576/);
      assert.match(outputs, /^logits f32\[3, 10\]-?\d/);
      await page.run(drop, photo);
      await until(page, card, ["largest outputs"]);
    });

    test("a TensorFlow Lite model takes its place, and the photo", async () => {
      await page.run(drop, tflite);
      await until(page, state, ["^Ready: digits.tflite"]);
      const { facts, outputs } = await until(page, card, ["largest outputs"]);
      assert.match(facts, /FormatTensorFlow Lite/);
      assert.match(outputs, /i8\[1, 10\]/);
    });

    for (const [what, file, near] of [["float, channels first", onnx, 0.1], ["int8, channels last", tflite, 1]]) {
      test(`pictures reach the model as it wants them: ${what}`, async () => {
        await page.run(drop, file);
        await until(page, state, [`^Ready: ${file[0]}`]);
        await until(page, card, ["largest outputs"]);
        for (const { levels, logits, best } of digits) {
          await page.run(dropGrey, levels);
          const { indices, numbers } = await until(page, card, ["largest outputs"]);
          assert.equal(indices[0], best);
          logits.forEach((logit, i) => assert.ok(Math.abs(logit - numbers[i]) < near, `${numbers} for ${logits}`));
        }
      });
    }

    test("a .mite file is not converted", async () => {
      await page.run(drop, ["digits.mite", "/tests/models/digits_cnn.f32.mite"]);
      await until(page, state, ["^Ready: digits.mite"]);
      assert.equal(await page.run(() => document.getElementById("own-save").hidden), true);
      const { facts } = await until(page, card, ["largest outputs"]);
      assert.match(facts, /Formatmite.*Size28\.9 kB/);
    });

    test("a .mite file that says what it is for is asked as it says", async () => {
      const model = "/models/efficientnet-lite0/efficientnet-lite0.int8.mite";
      await page.run(drop, photo);
      await page.run(drop, ["efficientnet.mite", model]);
      const { outputs } = await until(page, card, ["sees in the photo"]);
      assert.match(outputs, /^espresso\d+\.\d %/);
    });

    test("weights in a file of their own are dropped with the model", async () => {
      await page.run(drop, ["sum.onnx", [...externalSum]]);
      assert.match(await until(page, problem), /weights\.bin/);
      const weights = new Uint8Array(Float32Array.of(0, 0, 40, 50).buffer);
      await page.run(drop, ["weights.bin", [...weights]], ["sum.onnx", [...externalSum]]);
      const { outputs } = await until(page, card, ["random numbers"]);
      const [first, second] = outputs.replace("y f32[2]", "").split(", ").map(Number);
      assert.ok(first >= 40 && first <= 41 && second >= 50 && second <= 51, outputs);
    });

    test("a run that fails says why, and another size may do", async () => {
      await page.run(drop, ["picky.onnx", [...picky]]);
      await until(page, state, ["^Ready: picky.onnx"]);
      await until(page, card, ["random numbers"]);
      await page.run(setSize, "3");
      const { outputs } = await until(page, card, ["does not run"]);
      assert.equal(outputs, "");
      assert.match(await page.run(problem, "own-run-problem"), /\w+ .{10,}/);
      await page.run(setSize, "2");
      const again = await until(page, card, ["random numbers"]);
      assert.match(again.outputs, /^y f32\[2\]4\d/);
      assert.equal(await page.run(problem, "own-run-problem"), false);
    });

    test("operators that are missing are named, all at once", async () => {
      await page.run(drop, ["strange.onnx", [...strange]]);
      assert.match(await until(page, problem), /Frobnicate.*Twiddle/s);
    });

    test("a damaged file gives the converter's sentence, and the model before it stays", async () => {
      await page.run(drop, ["half.onnx", onnx[1], 9000]);
      assert.match(await until(page, problem), /^not a sound ONNX file: .+/);
      assert.ok(await page.run(state, "^half.onnx cannot be run here"));
      assert.equal(await page.run(() => document.getElementById("own-loading").hidden), true);
      await page.run(press, "#own-random");
      await until(page, card, ["random numbers"]);
      assert.equal(await page.run(problem), false);
    });

    test("a conversion is cancelled by a button or by another file", async () => {
      const before = await page.run(() => document.getElementById("own-title").textContent);
      server.state.held = "mite-convert.wasm.gz";
      await page.run(drop, onnx);
      await until(page, state, ["^Converting digits.onnx"]);
      await page.run(press, "#own-cancel");
      await until(page, state, ["digits.onnx was cancelled"]);
      assert.equal(await page.run(() => document.getElementById("own-title").textContent), before);
      await page.run(drop, ["first.onnx", onnx[1]]);
      await until(page, state, ["^Converting first.onnx"]);
      await page.run(drop, ["second.tflite", tflite[1]]);
      await until(page, state, ["^Converting second.tflite"]);
      await page.run(drop, photo); // goes to the model in use, and later to this one
      assert.ok(await page.run(state, "^Converting second.tflite"));
      server.state.held = undefined;
      await until(page, state, ["^Ready: second.tflite"]);
      await until(page, card, ["largest outputs"]);
      assert.equal(await page.run(() => document.getElementById("own-title").textContent), "second");
      assert.equal(await page.run(problem), false);
    });

    test("320 pixels are wide enough", async () => {
      await page.resize(320, 800);
      const [content, width] = await page.run(() => [
        document.documentElement.scrollWidth,
        document.documentElement.clientWidth,
      ]);
      assert.ok(content <= width, `${content} pixels of content in ${width}`);
      await page.resize(1100, 1000);
    });

    test("the way back, and nothing sent", async () => {
      await page.run(press, "#own-leave");
      assert.deepEqual(
        await page.run(() => ["own", "answer"].map((id) => document.getElementById(id).hidden)),
        [true, false],
      );
      assert.equal(await page.run(() => document.activeElement.id), "own-file");
      assert.deepEqual(await page.run(foreign), []);
      assert.deepEqual([...server.state.methods], ["GET"]);
      assert.deepEqual(await page.run(() => globalThis.violations), []);
      assert.deepEqual(page.complaints, []);
    });
  });
}
