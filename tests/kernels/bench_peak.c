// SPDX-License-Identifier: Apache-2.0
// What the registers give: loops of independent sums and constant operands. The sums hide the latency
// of a multiply-add, and all fit V8's fifteen usable registers.
#include "bench.h"
#include "kernels/simd.h"

float bench_sink;

// Operands come from memory, or the compiler would compute the loops' results itself.
static const float operands[4] = {0.5f, 0.25f, 0.125f, 1.0f};
static const float *volatile operands_at = operands;

#define EIGHT(DO) DO(0), DO(1), DO(2), DO(3), DO(4), DO(5), DO(6), DO(7)
#define TWELVE(DO) EIGHT(DO), DO(8), DO(9), DO(10), DO(11)
#define SUM(i) c##i = x
#define TOTAL(i) total = wasm_v128_xor(total, c##i)

#define PEAK(name, operations, STEP)                                 \
    static double name(size_t steps) {                               \
        const float *from = operands_at;                             \
        vec x = splat_f32(from), y = splat_f32(from + 1), total = y; \
        vec TWELVE(SUM);                                             \
        NO_UNROLL for (size_t i = 0; i < steps; i++) TWELVE(STEP);   \
        TWELVE(TOTAL);                                               \
        bench_sink = wasm_f32x4_extract_lane(total, 0);              \
        return 12.0 * (operations) * (double)steps;                  \
    }

// The sum is an operand, or the product would be taken out of the loop.
#define DOT_ADD(i) c##i = wasm_i32x4_add(c##i, wasm_i32x4_dot_i16x8(c##i, y))
PEAK(dot_i16x8, 16, DOT_ADD)

#if MITE_HAVE_RELAXED
#define MADD(i) c##i = wasm_f32x4_relaxed_madd(x, y, c##i)
#define SHORT_DOT(i) wasm_i16x8_relaxed_dot_i8x16_i7x16(c##i, y)
#define PAIRS(i) c##i = wasm_i32x4_add(c##i, wasm_i32x4_extadd_pairwise_i16x8(SHORT_DOT(i)))
#define FOURS(i) c##i = wasm_i32x4_relaxed_dot_i8x16_i7x16_add(x, y, c##i)
PEAK(relaxed_madd, 8, MADD)
PEAK(relaxed_pairs, 32, PAIRS)
PEAK(relaxed_fours, 32, FOURS)
#endif

// As a sum with a product of itself this would be too long a chain for twelve to hide: here the
// products hang on nothing but an operand that is loaded, as in the kernels.
#define MUL_ADD(sum, x, y) sum = wasm_f32x4_add(sum, wasm_f32x4_mul(x, y))
#define PAIR(i, k) x = splat_f32(from + (i)), MUL_ADD(c##i, x, y), MUL_ADD(c##k, x, z)

static double mul_add(size_t steps) {
    const float *from = operands_at;
    vec x = splat_f32(from), y = splat_f32(from + 1), z = splat_f32(from + 2), total = y;
    vec EIGHT(SUM);
    NO_UNROLL for (size_t i = 0; i < steps; i++) {
        PAIR(0, 4), PAIR(1, 5), PAIR(2, 6), PAIR(3, 7);
        KEEP_ORDER();
    }
    EIGHT(TOTAL);
    bench_sink = wasm_f32x4_extract_lane(total, 0);
    return 64.0 * (double)steps;
}

bench_peaks bench_peaks_of(int32_t isa) {
#if MITE_HAVE_RELAXED
    if (isa >= MITE_ISA_RELAXED)
        return (bench_peaks){{relaxed_madd, mul_add}, {dot_i16x8, relaxed_pairs, relaxed_fours}};
#endif
    (void)isa;
    return (bench_peaks){{mul_add, NULL}, {dot_i16x8, NULL, NULL}};
}
