// SPDX-License-Identifier: Apache-2.0
// Networks whose inputs leave sizes open give the numbers that they give converted for one size, whatever it
// is: shorter than the converter's stand-ins, between them, and longer.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { convert } from "../../bindings/js/src/convert.js";
import { load } from "../../bindings/js/src/index.js";

const sizes = {
  open_strides: [[1, 1, 30], [2, 1, 64], [1, 1, 97], [3, 1, 1000], [1, 1, 3000]],
  open_windows: [[1, 1], [2, 7], [1, 8], [3, 64], [1, 97], [2, 1500]],
};

for (const [name, shapes] of Object.entries(sizes)) {
  test(name, async () => {
    const source = await readFile(new URL(`${name}.onnx`, import.meta.url));
    const open = await load((await convert(source)).bytes);
    for (const shape of shapes) {
      const count = shape.reduce((a, b) => a * b);
      const x = { shape, data: Float32Array.from({ length: count }, (_, i) => Math.sin(i * i)) };
      const fixed = await load((await convert(source, { inputShapes: { x: shape } })).bytes);
      const [got, wanted] = [await open.run(x), await fixed.run(x)];
      assert.deepEqual(got.shape, wanted.shape);
      assert.deepEqual(got.data, wanted.data, `x ${shape}`);
      await fixed.dispose();
    }
    await open.dispose();
  });
}
