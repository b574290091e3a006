// SPDX-License-Identifier: Apache-2.0
#include "import/tflite/tflite_nodes.h"

#include <string.h>

mite_ir_value *tfl_emit_moved(tfl_import *c, const char *op, mite_ir_value *x, mite_ir_value *a,
                              mite_ir_value *b, mite_ir_value *d, mite_ir_value *e) {
    if (!x || !mite_ir_ok(c->g)) return NULL;
    return MITE_IR_EMIT(c->g, .op = op, .name = tfl_name(c), .inputs = {x, a, b, d, e},
                        .scale = x->scale, .zero_point = x->zero_point);
}

mite_ir_value *tfl_emit_slice(tfl_import *c, mite_ir_value *v, const int64_t *begin,
                              const int64_t *size) {
    int64_t end[MITE_MAX_RANK];
    if (!v || !tfl_is_fixed(c, v)) return NULL;
    size_t rank = (size_t)v->rank;
    bool all = true;
    for (size_t i = 0; i < rank; i++) {
        end[i] = begin[i] + size[i];
        all = all && begin[i] == 0 && size[i] == v->shape[i];
        if (begin[i] >= 0 && size[i] >= 0 && end[i] <= v->shape[i]) continue;
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "elements %D to %D are outside of dimension %z of %T",
                     begin[i], end[i], i, rank, v->shape);
        return NULL;
    }
    if (all) return v;
    return tfl_emit_moved(c, "slice", v, tfl_integers(c, begin, rank), tfl_integers(c, end, rank),
                          NULL, NULL);
}

mite_ir_value *tfl_channels_to_pixels(tfl_import *c, mite_ir_value *v, int32_t bh, int32_t bw,
                                      int32_t channels) {
    if (!v) return NULL;
    int32_t n = v->shape[0], h = v->shape[1], w = v->shape[2];
    int64_t tall = (int64_t)h * bh, wide = (int64_t)w * bw;
    if (tall > INT32_MAX || wide > INT32_MAX) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its output would have %Dx%D pixels", tall, wide);
        return NULL;
    }
    v = tfl_reshape(c, v, 6, (const int32_t[]){n, h, w, bh, bw, channels});
    v = tfl_transpose(c, v, (const int32_t[]){0, 1, 3, 2, 4, 5});
    return tfl_reshape(c, v, 4, (const int32_t[]){n, (int32_t)tall, (int32_t)wide, channels});
}

mite_ir_value *tfl_pixels_to_channels(tfl_import *c, mite_ir_value *v, int32_t bh, int32_t bw) {
    if (!v) return NULL;
    int32_t n = v->shape[0], h = v->shape[1] / bh, w = v->shape[2] / bw, channels = v->shape[3];
    int64_t all = (int64_t)channels * bh * bw;
    if (all > INT32_MAX) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its output would have %D channels", all);
        return NULL;
    }
    v = tfl_reshape(c, v, 6, (const int32_t[]){n, h, bh, w, bw, channels});
    v = tfl_transpose(c, v, (const int32_t[]){0, 1, 3, 2, 4, 5});
    return tfl_reshape(c, v, 4, (const int32_t[]){n, h, w, (int32_t)all});
}

mite_ir_value *tfl_emit_gather(tfl_import *c, mite_ir_value *v, size_t axis, const int64_t *indices,
                               size_t count) {
    mite_ir_value *list = tfl_integers(c, indices, count);
    if (!v || !list) return NULL;
    return MITE_IR_EMIT(c->g, .op = "gather", .name = tfl_name(c), .inputs = {v, list},
                        .attrs = {{"axis", .word = (int32_t)axis}}, .scale = v->scale,
                        .zero_point = v->zero_point);
}

mite_ir_value *tfl_emit_row_mean(tfl_import *c, mite_ir_value *v) {
    if (!v) return NULL;
    const int32_t axis = v->rank - 1;
    return MITE_IR_EMIT(
        c->g, .op = "mean", .name = tfl_name(c), .inputs = {v},
        .attrs = {{"axis_count", .word = 1}, {"axes", .list = &axis, .list_count = 1}});
}

mite_ir_value *tfl_emit_pad_integers(tfl_import *c, mite_ir_value *x, const int32_t *before,
                                     const int32_t *after, mite_ir_value *value) {
    int64_t pads[2 * MITE_MAX_RANK];
    if (!x) return NULL;
    size_t rank = (size_t)x->rank;
    for (size_t i = 0; i < rank; i++) {
        pads[i] = before[i];
        pads[rank + i] = after[i];
    }
    return tfl_emit_moved(c, "pad_by", x, tfl_integers(c, pads, 2 * rank), value, NULL, NULL);
}
