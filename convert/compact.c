// SPDX-License-Identifier: Apache-2.0
#include "compact.h"

#include <string.h>

// A constant [panels][rows][8].
static mite_ir_value *panels_of(mite_ir_graph *g, const char *name, mite_dtype dtype,
                                const mite_compact *w, size_t rows) {
    int32_t shape[3] = {(int32_t)((w->columns + 7) / 8), (int32_t)rows, 8};
    return mite_ir_constant(g, name, dtype, 3, shape);
}

static void fill_weights(uint8_t *to, const mite_compact *w, size_t rows) {
    for (size_t n = 0; n < w->columns; n++) {
        uint8_t *column = to + n / 8 * rows * 8 + n % 8;
        const uint8_t *q = w->q + n * w->depth;
        for (size_t k = 0; k < w->depth; k++) {
            if (w->bits == 8) column[k * 8] = q[k];
            else column[k / 2 * 8] |= (uint8_t)(q[k] << (k % 2 * 4));
        }
    }
}

mite_ir_value *mite_ir_emit_compact(mite_ir_graph *g, const char *name, mite_ir_value *x,
                                    const mite_compact *w, const mite_ir_value *bias,
                                    mite_ir_value *residual, float lo, float hi) {
    size_t groups = (w->depth + w->group - 1) / w->group;
    size_t rows = w->bits == 8 ? w->depth : (w->depth + 1) / 2;
    int32_t padded = (int32_t)((w->columns + 7) / 8 * 8);
    mite_ir_value *weights = panels_of(g, name, MITE_U8, w, rows);
    mite_ir_value *scales = panels_of(g, name, MITE_F32, w, groups);
    mite_ir_value *zeros = panels_of(g, name, MITE_U8, w, groups);
    mite_ir_value *biases = mite_ir_constant(g, name, MITE_F32, 1, &padded);
    if (!x || !weights || !scales || !zeros || !biases) return NULL;
    fill_weights(weights->data, w, rows);
    for (size_t n = 0; n < w->columns; n++) {
        for (size_t i = 0; i < groups; i++) {
            size_t at = (n / 8 * groups + i) * 8 + n % 8;
            ((float *)scales->data)[at] = w->scales[n * groups + i];
            ((uint8_t *)zeros->data)[at] = w->zeros[n * groups + i];
        }
    }
    if (bias) memcpy(biases->data, bias->data, w->columns * sizeof(float));
    return MITE_IR_EMIT(g, .op = "dense_compact", .name = name,
                        .inputs = {x, weights, scales, zeros, biases, residual},
                        .attrs = {{"columns", .word = (int32_t)w->columns},
                                  {"bits", .word = w->bits},
                                  {"group", .word = w->group == w->depth ? 0 : (int32_t)w->group},
                                  {"clamp_lo", .word = mite_ir_bits(lo)},
                                  {"clamp_hi", .word = mite_ir_bits(hi)}});
}
