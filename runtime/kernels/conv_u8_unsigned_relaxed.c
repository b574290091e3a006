// SPDX-License-Identifier: Apache-2.0
// Convolution of u8 and i8 by the relaxed dot product where it is exact with unsigned activations
// (vpdpbusd and the like); and the probe that tells what it is.
#include "versions.h"

#if MITE_HAVE_RELAXED

#define STEP 4
#define DOT(sum, w, x) wasm_i32x4_relaxed_dot_i8x16_i7x16_add(w, x, sum)
#define TILE_ROWS 6
#define WIDE 0
#define ONE_INSTRUCTION
#define CONV_U8 mite_conv_u8_unsigned
#define CONV_U8_F32 mite_conv_u8_f32_unsigned
#include "conv_u8_vector.h"

// Both instructions are asked, since an engine may lower them differently. The operands come
// through volatile memory so that no compiler answers for the machine.
mite_dot mite_probe_dot(void) {
    volatile uint8_t bytes[2] = {127, 255};
    uint8_t weights[16], activations[16];
    for (int i = 0; i < 16; i++) weights[i] = bytes[0], activations[i] = bytes[1];
    vec w = load(weights), x = load(activations);
    int32_t four = wasm_i32x4_extract_lane(
        wasm_i32x4_relaxed_dot_i8x16_i7x16_add(w, x, wasm_i32x4_splat(0)), 0);
    int32_t two = wasm_i16x8_extract_lane(wasm_i16x8_relaxed_dot_i8x16_i7x16(w, x), 0);
    if (four == 4 * 127 * 255) return MITE_DOT_UNSIGNED;
    if (two == INT16_MAX) return MITE_DOT_SATURATES; // 2 * 127 * 255, saturated
    return MITE_DOT_UNKNOWN;
}

#endif
