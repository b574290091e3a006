// SPDX-License-Identifier: Apache-2.0
// What several operator files share: attribute access, type checks, windows over pictures, and
// tables of quanta.
#ifndef MITE_OPS_COMMON_H
#define MITE_OPS_COMMON_H

#include "../base/sizes.h"
#include "op.h"

#include <string.h>

// Bits of floats, for defaults of 'f' attributes.
#define MITE_BITS_INF 0x7f800000
#define MITE_BITS_NEG_INF (-0x00800000)
#define MITE_BITS_ONE 0x3f800000

static inline int32_t mite_attr_int(const mite_step *s, size_t word) {
    return s->node->attrs[word];
}

static inline float mite_attr_float(const mite_step *s, size_t word) {
    float value;
    memcpy(&value, &s->node->attrs[word], sizeof value);
    return value;
}

// Input `index`, or NULL where absent.
static inline mite_view *mite_step_input(const mite_step *s, size_t index) {
    return index < s->node->input_count ? s->inputs[index] : NULL;
}

// Both stand for the same real numbers.
static inline bool mite_same_quantization(const mite_view *a, const mite_view *b) {
    return a->scale == b->scale && a->zero_point == b->zero_point;
}

static inline bool mite_same_shape(const mite_view *a, const mite_view *b) {
    return a->rank == b->rank &&
           memcmp(a->shape, b->shape, (size_t)a->rank * sizeof a->shape[0]) == 0;
}

const char *mite_dtype_name(mite_dtype dtype);

// Fails unless the view (input or output of the step) has this type. `what` names it: "x".
mite_status mite_step_need_type(mite_step *s, const char *what, const mite_view *v,
                                mite_dtype dtype);

// Fails unless the view's quantization is usable: a positive finite scale, a zero point its type
// can hold.
mite_status mite_step_need_quantized(mite_step *s, const char *what, const mite_view *v);

// For operators that work in real numbers on f32 and u8: output 0 and all present inputs have
// one of these types, the same everywhere, and u8 ones are quantized.
mite_status mite_step_need_real(mite_step *s);

// Attribute `word` as a dimension of a value of this rank; negative ones count from the end.
mite_status mite_step_axis(mite_step *s, size_t word, int32_t rank, size_t *axis);

// For element-wise operators: output 0 has the shape of input 0 and may take its memory.
mite_status mite_step_same_shape(mite_step *s);
mite_status mite_step_plan_in_place(mite_step *s);

// --- Windows over pictures (convolution, pooling) ------------------------------------------------

typedef struct mite_window {
    int32_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
    mite_halo pad;
    // Set by mite_window_place:
    int32_t out_h, out_w;
    mite_halo reach; // how far windows really reach out of the picture; at most pad
} mite_window;

// Checks the window and lays it over an input of rank 4, NHWC.
mite_status mite_window_place(mite_step *s, mite_window *w, const mite_view *x);

// --- Quanta --------------------------------------------------------------------------------------

// Rows of real numbers; out may be in.
typedef void mite_row_fn(const mite_step *s, float *out, const float *in, size_t count);

// table[q] = the output's quantum for f(what q stands for in the input); f NULL: itself.
void mite_table_fill(uint8_t table[256], const mite_step *s, const mite_view *in,
                     const mite_view *out, mite_row_fn *f);

#endif
