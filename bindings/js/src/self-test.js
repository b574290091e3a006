// SPDX-License-Identifier: Apache-2.0
// The test that a model carries: inputs from a generator that anyone can write down, and samples
// of the outputs that they must give. docs/metadata.md defines both.
import { MiteError } from "./errors.js";
import { elementsOf, types } from "./tensors.js";

/** @typedef {import("../mite.d.ts").Model} Model */
/** @typedef {import("../mite.d.ts").Port} Port */
/** @typedef {import("../mite.d.ts").SelfTest} SelfTest */
/** @typedef {import("../mite.d.ts").Tensor} Tensor */

export const SAMPLES = 64;

/**
 * Marsaglia's xorshift32 (13, 17, 5): numbers 0 ≤ u < 1 from a seed that is not 0.
 * @param {number} seed
 */
export function generator(seed) {
  let x = seed | 0;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>> 0) / 2 ** 32;
  };
}

/**
 * The inputs for a seed, filled one after another from one sequence; open dimensions are 1.
 * @param {readonly Port[]} ports
 * @param {Pick<SelfTest, "seed" | "low" | "high">} test
 */
export function seededInputs(ports, { seed, low = 0, high = 1 }) {
  const next = generator(seed);
  return Object.fromEntries(
    ports.map((port) => {
      const shape = port.shape.map((size) => (size < 0 ? 1 : size));
      const numbers = Array.from(
        { length: elementsOf(shape) },
        () => low + (high - low) * next(),
      );
      if (port.dtype === "f32") return [port.name, { data: Float32Array.from(numbers), shape }];
      if (port.dtype === "f16") {
        throw new MiteError(
          "unsupported",
          `a self-test cannot fill input '${port.name}' of type f16`,
        );
      }
      const [least, most] = types[port.dtype].range ?? [0, 0];
      const data = numbers.map((x) => Math.min(most, Math.max(least, Math.floor(x))));
      return [port.name, { data, shape }];
    }),
  );
}

/**
 * The samples of an output that a self-test keeps.
 * @param {Tensor} tensor
 * @param {number} count
 */
export function samplesOf({ data }, count = Math.min(data.length, SAMPLES)) {
  return Array.from({ length: count }, (_, i) =>
    Number(data[Math.floor((i * data.length) / count)]),
  );
}

/**
 * @param {Pick<Model, "inputs" | "metadata"> & { run: (...args: any[]) => Promise<any> }} model
 * @param {import("../mite.d.ts").RunOptions} [options]
 * @returns {Promise<import("../mite.d.ts").SelfTestResult>}
 */
export async function runSelfTest(model, options) {
  const test = model.metadata.selfTest;
  if (!test) {
    throw new MiteError(
      "unsupported",
      "this model carries no self-test; convert it again to add one",
    );
  }
  if (!Number.isInteger(test.seed) || !(test.seed | 0) || !test.expected) {
    throw new MiteError(
      "format",
      "the model's metadata.selfTest cannot be used: it needs a seed from 1 to 4294967295 and expected outputs",
    );
  }
  const outputs = await model.run(seededInputs(model.inputs, test), options);
  const { tolerance = 1e-3 } = test;
  let maxDifference = 0;
  for (const [name, expected] of Object.entries(test.expected)) {
    if (!outputs[name]) {
      throw new MiteError(
        "format",
        `the model's self-test names output '${name}', which it does not have`,
      );
    }
    const actual = samplesOf(outputs[name], expected.length);
    actual.forEach((x, i) => {
      const difference = Math.abs(x - expected[i]);
      if (!(difference <= maxDifference)) maxDifference = difference; // NaN sticks
    });
  }
  return { ok: maxDifference <= tolerance, maxDifference, tolerance };
}
