// SPDX-License-Identifier: Apache-2.0
// What the engine can do, found out by validating tiny modules: one instruction that an engine
// does not know makes the whole of a module invalid, so the right file must be chosen beforehand.

/**
 * A module of one function without parameters that returns a v128, computed by `body`.
 * @param {number[]} body instructions
 */
function probe(body) {
  const code = [0, ...body, 0x0b]; // no locals; end
  return new Uint8Array([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0], // "\0asm", version 1
    ...[1, 5, 1, 0x60, 0, 1, 0x7b], // section 1, 5 bytes: one type, () -> v128
    ...[3, 2, 1, 0], // section 3, 2 bytes: one function, of type 0
    ...[10, code.length + 2, 1, code.length, ...code], // section 10: its code
  ]);
}

const zeros = [0x41, 0, 0xfd, 0x11]; // i32.const 0; i32x4.splat
const relaxedDotAdd = [0xfd, 0x93, 0x02]; // i32x4.relaxed_dot_i8x16_i7x16_add_s

/** @returns {ReturnType<typeof import("../mite.d.ts").features>} */
export function features() {
  const engine = globalThis.WebAssembly;
  return {
    simd: !!engine?.validate(probe(zeros)),
    relaxedSimd: !!engine?.validate(probe([...zeros, ...zeros, ...zeros, ...relaxedDotAdd])),
    sharedMemory:
      typeof SharedArrayBuffer === "function" && globalThis.crossOriginIsolated !== false,
  };
}
