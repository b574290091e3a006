// SPDX-License-Identifier: Apache-2.0
// A network of many tiny nodes, for what it costs to share a node out among threads: CHAIN products of
// one row with a square matrix, each the next one's input. It is in ONNX's format (field numbers: onnx.proto).

export const CHAIN = 1000;
const WIDTH = 16; // two panels of eight columns: two parts

/** @param {number} n */
function varint(n) {
  const bytes = [];
  for (; n > 127; n = Math.floor(n / 128)) bytes.push((n % 128) + 128);
  return Buffer.from([...bytes, n]);
}

/** @param {number} field @param {number} value */
const number = (field, value) => Buffer.concat([varint(field * 8), varint(value)]);

/** @param {number} field @param {(string | Buffer)[]} parts */
function message(field, ...parts) {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  return Buffer.concat([varint(field * 8 + 2), varint(body.length), body]);
}

const FLOAT = number(1, 1); // elem_type
const dimension = (/** @type {number} */ size) => message(1, number(1, size));
const port = (/** @type {number} */ field, /** @type {string} */ name) =>
  message(field, message(1, name), message(2, message(1, FLOAT, message(2, dimension(1), dimension(WIDTH)))));

/** @param {string} name @param {number[]} sizes @param {Float32Array} values */
const constant = (name, sizes, values) =>
  message(
    5,
    ...sizes.map((size) => number(1, size)),
    number(2, 1),
    message(8, name),
    message(9, Buffer.from(values.buffer)),
  );

/** The network's file. Each matrix turns the row by one place and halves the distance to 1. */
export function chainOnnx() {
  const matrix = Float32Array.from({ length: WIDTH * WIDTH }, (_, i) =>
    (Math.floor(i / WIDTH) + 1) % WIDTH === i % WIDTH ? 0.5 : 0,
  );
  const nodes = Array.from({ length: CHAIN }, (_, i) => [
    message(1, ...[i ? `x${i}` : "input", `w${i}`, "bias"].map((name) => message(1, name)),
      message(2, i + 1 < CHAIN ? `x${i + 1}` : "output"), message(4, "Gemm")),
    constant(`w${i}`, [WIDTH, WIDTH], matrix),
  ]);
  const bias = constant("bias", [WIDTH], new Float32Array(WIDTH).fill(0.5));
  const graph = message(7, ...nodes.flat(), message(2, "chain"), bias, port(11, "input"), port(12, "output"));
  return Buffer.concat([number(1, 8), graph, message(8, number(2, 17))]);
}

/** What it is run on. */
export const chainInput = () => Float32Array.from({ length: WIDTH }, (_, i) => i);
