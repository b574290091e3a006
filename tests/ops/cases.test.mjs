// SPDX-License-Identifier: Apache-2.0
// Operators, by way of the converter, against ONNX Runtime (make_cases.py): the optimised graph,
// and the same with nothing simplified (`check`).
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { convert } from "../../bindings/js/src/convert.js";
import { load } from "../../bindings/js/src/index.js";

const cases = JSON.parse(readFileSync(new URL("cases.json", import.meta.url), "utf8"));
const floats = (text) => new Float32Array(new Uint8Array(Buffer.from(text, "base64")).buffer);

describe("operators", () => {
  for (const { name, model, x, y, shape, tolerance } of cases) {
    test(name, async () => {
      const { bytes, difference } = await convert(Buffer.from(model, "base64"), { check: true });
      assert.ok(difference.largest <= 1e-4 * Math.max(1, difference.of) + (name.startsWith("qdq") ? tolerance : 0),
        `simplified and plain graph differ by ${difference.largest} of ${difference.of}`);
      const net = await load(bytes);
      const output = (await net.run(floats(x)));
      assert.deepEqual(output.shape, shape);
      const expected = floats(y);
      output.data.forEach((value, i) =>
        assert.ok(Math.abs(value - expected[i]) <= tolerance * Math.max(1, Math.abs(expected[i])),
          `element ${i} is ${value}, expected ${expected[i]}`));
      await net.dispose();
    });
  }
});
