// SPDX-License-Identifier: Apache-2.0
// RFFT2D, and what is made of its complex numbers: REAL, IMAG, COMPLEX_ABS, and other shapes of them. A
// complex tensor is one of real numbers with a dimension more, of two: real and imaginary part.
#include "import/tflite/tflite_handlers.h"

#include <string.h>

static bool is_complex(const tfl_tensor *t) { return t && t->type == TFL_COMPLEX64; }

// Input 0, complex.
static mite_ir_value *complex_in(tfl_import *c) {
    const tfl_value *v = tfl_has(c, 0) ? &c->values[c->node->inputs[0]] : NULL;
    if (v && v->computed && v->stored && is_complex(tfl_input(c, 0))) return v->stored;
    mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "complex numbers are taken only as RFFT2D gives them");
    return NULL;
}

static void set_complex(tfl_import *c, mite_ir_value *v) {
    tfl_value *out = c->node->output_count ? &c->values[c->node->outputs[0]] : NULL;
    if (!v || !out || !mite_ir_ok(c->g)) return;
    if (out->computed || !is_complex(tfl_output(c, 0))) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its output is computed twice, or is not complex");
        return;
    }
    out->stored = v;
    out->computed = true;
}

// `length` numbers along `axis`, cut or filled up with zeros, transformed; complex where `onesided` is
// not set.
static mite_ir_value *transformed(tfl_import *c, mite_ir_value *v, int32_t axis, int64_t length,
                                  bool onesided) {
    mite_ir_value *count = mite_ir_constant(c->g, tfl_name(c), MITE_I64, 0, NULL);
    if (!v || !count) return NULL;
    *(int64_t *)count->data = length;
    return MITE_IR_EMIT(c->g, .op = "dft", .name = tfl_name(c), .inputs = {v, count},
                        .attrs = {{"axis", .word = axis}, {"onesided", .word = onesided}});
}

void tfl_rfft2d(tfl_import *c) {
    int64_t length[2];
    size_t count;
    int32_t shape[MITE_MAX_RANK];
    mite_ir_value *x = tfl_real(c, 0);
    if (!x || !tfl_is_fixed(c, x) || !tfl_numbers(c, 1, "length", length, 2, &count)) return;
    if (count != 2 || length[0] < 1 || length[1] < 1 || x->rank < 2 || x->rank >= MITE_MAX_RANK) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its input %T and its two lengths do not fit",
                     (size_t)x->rank, x->shape);
        return;
    }
    memcpy(shape, x->shape, sizeof shape);
    shape[x->rank] = 1;
    int32_t rank = x->rank;
    mite_ir_value *y = tfl_reshape(c, x, (size_t)rank + 1, shape);
    y = transformed(c, y, rank - 1, length[1], true);
    if (length[0] > 1 || shape[rank - 2] > 1) y = transformed(c, y, rank - 2, length[0], false);
    set_complex(c, y);
}

static mite_ir_value *part(tfl_import *c, mite_ir_value *v, int64_t which) {
    mite_ir_value *index = mite_ir_constant(c->g, tfl_name(c), MITE_I64, 0, NULL);
    if (!v || !index) return NULL;
    *(int64_t *)index->data = which;
    return MITE_IR_EMIT(c->g, .op = "gather", .name = tfl_name(c), .inputs = {v, index},
                        .attrs = {{"axis", .word = v->rank - 1}});
}

void tfl_real_part(tfl_import *c) { tfl_set(c, 0, part(c, complex_in(c), 0)); }
void tfl_imaginary_part(tfl_import *c) { tfl_set(c, 0, part(c, complex_in(c), 1)); }

void tfl_complex_abs(tfl_import *c) {
    tfl_set(c, 0, tfl_emit_reduce(c, MITE_REDUCE_L2, complex_in(c), -1, false));
}

bool tfl_reshape_complex(tfl_import *c) {
    int64_t shape[MITE_MAX_RANK];
    size_t count = 0;
    if (!is_complex(tfl_input(c, 0))) return false;
    mite_ir_value *v = complex_in(c);
    if (!v || !tfl_numbers(c, 1, "shape", shape, MITE_MAX_RANK - 1, &count)) return true;
    shape[count] = 2;
    mite_ir_value *to = tfl_integers(c, shape, count + 1);
    set_complex(c, tfl_emit_moved(c, "reshape_to", v, to, NULL, NULL, NULL));
    return true;
}
