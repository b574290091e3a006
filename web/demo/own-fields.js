// SPDX-License-Identifier: Apache-2.0
// The fields for what a model leaves to its user: open sizes, and single whole numbers, which are
// rather a setting (a sampling rate, a count) than something random.
import { closedShapes } from "./own-inputs.js";
import { make } from "./page.js";

/** @typedef {import("../../bindings/js/mite.d.ts").Port} Port */
/** @typedef {{ shapes: number[][], numbers: (number | undefined)[] }} Settings by input */

/**
 * @param {readonly Port[]} ports
 * @returns {Settings}
 */
export function settingsOf(ports) {
  const isSetting = (/** @type {Port} */ { dtype, shape }) =>
    /^[iu]\d/.test(dtype) && shape.every((size) => size === 1);
  return { shapes: closedShapes(ports), numbers: ports.map((port) => (isSetting(port) ? 1 : undefined)) };
}

/**
 * Fields that write into `settings`.
 * @param {readonly Port[]} ports
 * @param {Settings} settings
 * @param {() => void} onChange
 */
export function fieldsFor(ports, { shapes, numbers }, onChange) {
  /** @type {(label: string, value: number, min: number, set: (value: number) => void) => Node} */
  const field = (label, value, min, set) => {
    const input = make("input", { type: "number", required: true, min, value });
    input.addEventListener("change", () => {
      if (!input.reportValidity()) return;
      set(input.valueAsNumber);
      onChange();
    });
    return make("label", {}, `${label} `, input);
  };
  return ports.flatMap(({ name, shape }, i) => [
    ...shape.flatMap((size, axis) =>
      size < 0
        ? [field(`${name}, dimension ${axis}`, shapes[i][axis], 1, (value) => (shapes[i][axis] = value))]
        : [],
    ),
    ...(numbers[i] === undefined ? [] : [field(name, numbers[i], 0, (value) => (numbers[i] = value))]),
  ]);
}
