// SPDX-License-Identifier: Apache-2.0
// What this core gives WebAssembly, measured where the engines are measured: multiply-adds with all
// operands in registers, and bytes read by plain vector loads. The modules are assembled here, so
// that the same probe runs in Node and in a page without a compiler between.

const V128 = 0x7b;
const I32 = 0x7f;
const ops = /** @type {const} */ ({
  f32_madd: [0xfd, 0x85, 0x02], // f32x4.relaxed_madd
  f32_add: [0xfd, 0xe4, 0x01],
  i8_dot_add: [0xfd, 0x93, 0x02], // i32x4.relaxed_dot_i8x16_i7x16_add_s
  i16_dot: [0xfd, 0xba, 0x01], // i32x4.dot_i16x8_s
  i32_add: [0xfd, 0xae, 0x01],
  f32_lane: [0xfd, 0x1f, 0],
  i32_lane: [0xfd, 0x1b, 0],
});

/** @param {number} n */
function leb(n) {
  const bytes = [];
  for (; n > 127; n = Math.floor(n / 128)) bytes.push((n % 128) + 128);
  return [...bytes, n];
}

/** @param {number} id @param {number[]} content */
const section = (id, content) => [id, ...leb(content.length), ...content];
const get = (/** @type {number} */ local) => [0x20, local];
const set = (/** @type {number} */ local) => [0x21, local];
const load = (/** @type {number} */ offset) => [0xfd, 0x00, 4, ...leb(offset)]; // v128.load

/**
 * A module with memory and one function run(i32, i32) -> i32 whose `vectors` locals start at 2.
 * @param {number} vectors
 * @param {number[]} body
 */
function assemble(vectors, body) {
  const code = [1, vectors, V128, ...body, 0x0b];
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 2, I32, I32, 1, I32]),
    ...section(3, [1, 0]),
    ...section(5, [1, 0, 1]), // one memory, of one page
    ...section(7, [2, 3, 0x72, 0x75, 0x6e, 0, 0, 3, 0x6d, 0x65, 0x6d, 2, 0]), // run, mem
    ...section(10, [1, ...leb(code.length), ...code]),
  ]);
}

/** Adds up vectors first…first+count-1 so that none of their work can be left out. @param {number} count */
const result = (count) => [
  ...get(2),
  ...Array.from({ length: count - 1 }, (_, i) => [...get(3 + i), ...ops.i32_add]).flat(),
  ...ops.i32_lane,
];

/** `step` repeated while local 0 counts down to 0. @param {number[]} step */
const countDown = (step) => [
  ...[0x03, 0x40], // loop
  ...step,
  ...[0x20, 0, 0x41, 1, 0x6b, 0x22, 0, 0x0d, 0, 0x0b], // i32.sub 1, local.tee 0, br_if
];

const CHAINS = 10; // enough to hide four cycles at two a cycle; with two operands 12 of 15 registers

/** @param {(accumulator: number, a: number, b: number) => number[]} step */
function arithmetic(step) {
  const [a, b] = [2 + CHAINS, 3 + CHAINS];
  const operand = (/** @type {number} */ local) => [0x41, 0, ...load(16 * (local - a)), ...set(local)];
  const steps = Array.from({ length: 2 * CHAINS }, (_, i) => step(2 + (i % CHAINS), a, b)).flat();
  const body = [...operand(a), ...operand(b), ...countDown(steps), ...result(CHAINS)];
  return assemble(CHAINS + 2, body);
}

const LOADS = 8;

function reading() {
  const address = 1;
  const loads = Array.from({ length: LOADS }, (_, i) => [
    ...get(2 + i),
    ...get(address),
    ...load(16 * i),
    ...ops.i32_add,
    ...set(2 + i),
  ]).flat();
  const advance = [...get(address), 0x41, ...[0x80, 0x01], 0x6a, ...set(address)]; // + 128
  return assemble(LOADS, [...countDown([...loads, ...advance]), ...result(LOADS)]);
}

const probes = {
  f32: {
    code: arithmetic((c, a, b) => [...get(a), ...get(b), ...get(c), ...ops.f32_madd, ...set(c)]),
    work: 2 * CHAINS * 8,
  },
  int8: {
    code: arithmetic((c, a, b) => [...get(a), ...get(b), ...get(c), ...ops.i8_dot_add, ...set(c)]),
    work: 2 * CHAINS * 32,
  },
  int16: {
    // The sum is an operand, or the product would be computed once for all.
    code: arithmetic((c, _, b) => [...get(c), ...get(c), ...get(b), ...ops.i16_dot, ...ops.i32_add, ...set(c)]),
    work: 2 * CHAINS * 16,
  },
  read: { code: reading(), work: 16 * LOADS },
};

/**
 * Billions of units a second, the best of many short stretches of `calls` each.
 * @param {WebAssembly.Instance} instance
 * @param {number} calls
 * @param {number} rounds a call
 * @param {number} work a round
 */
function best(instance, calls, rounds, work) {
  const { run } = /** @type {{ run: (rounds: number, at: number) => number }} */ (instance.exports);
  let least = Infinity;
  for (let i = 0; i < 60; i++) {
    const begin = performance.now();
    for (let call = 0; call < calls; call++) run(rounds, 0);
    least = Math.min(least, performance.now() - begin);
  }
  return (calls * rounds * work) / least / 1e6;
}

/**
 * @typedef {object} Limits
 * @property {number} f32 GFLOP/s, a multiply-add being two
 * @property {number} int8 Gop/s, the better of 8-bit and 16-bit products
 * @property {number} cache GB/s from 256 KiB
 * @property {number} memory GB/s from 64 MiB
 */

/** @returns {Limits} */
export function measureLimits() {
  /** @typedef {Uint8Array<ArrayBuffer>} Code */
  const instance = (/** @type {Code} */ code) => new WebAssembly.Instance(new WebAssembly.Module(code));
  const rate = (/** @type {{ code: Code, work: number }} */ { code, work }) =>
    best(instance(code), 20, 20_000, work);
  const read = (/** @type {number} */ bytes) => {
    const reader = instance(probes.read.code);
    const memory = /** @type {WebAssembly.Memory} */ (reader.exports.mem);
    memory.grow(bytes / 65536);
    new Uint8Array(memory.buffer).fill(1); // pages that nobody wrote are one page of zeros
    return best(reader, Math.ceil(2 ** 24 / bytes), bytes / probes.read.work, probes.read.work);
  };
  return {
    f32: rate(probes.f32),
    int8: Math.max(rate(probes.int8), rate(probes.int16)),
    cache: read(256 * 1024),
    memory: read(64 * 1024 * 1024),
  };
}

/** @param {readonly Limits[]} all @returns {Limits} */
export function largest(all) {
  const most = (/** @type {keyof Limits} */ key) => Math.max(...all.map((limits) => limits[key]));
  return { f32: most("f32"), int8: most("int8"), cache: most("cache"), memory: most("memory") };
}
