// SPDX-License-Identifier: Apache-2.0
// A convolution over three dimensions with constant f32 weights becomes one over pictures, which has fast
// kernels: a picture for each slice of the result, whose channels are those of all slices that its
// window meets, side by side.
#include "passes/passes.h"

#include <string.h>

typedef struct volume {
    int32_t stride[3], dilation[3], begin[3], end[3], out[3]; // depth, height, width
} volume;

// Padding as it comes out; false where the window does not fit or numbers grow too large.
static bool place(const mite_ir_node *node, const mite_ir_value *x, const mite_ir_value *w,
                  volume *v) {
    enum { EXPLICIT, SAME_UPPER };
    static const char *const names[4] = {"strides", "dilations", "pads_begin", "pads_end"};
    int32_t *to[4] = {v->stride, v->dilation, v->begin, v->end};
    int32_t mode = mite_ir_int(node, "auto_pad");
    size_t count;
    for (size_t i = 0; i < 4; i++)
        memcpy(to[i], mite_ir_attr_words(node, names[i], &count), sizeof v->stride);
    for (size_t i = 0; i < 3; i++) {
        int64_t in = x->shape[2 + i], step = v->stride[i];
        int64_t extent = ((int64_t)w->shape[2 + i] - 1) * v->dilation[i] + 1;
        if (in < 1 || step < 1 || extent < 1) return false;
        if (mode != EXPLICIT) {
            int64_t total = (in - 1) / step * step + extent - in;
            total = total > 0 && total <= INT32_MAX ? total : 0;
            v->begin[i] = (int32_t)(mode == SAME_UPPER ? total / 2 : total - total / 2);
            v->end[i] = (int32_t)(total - v->begin[i]);
        }
        int64_t room = in + v->begin[i] + v->end[i] - extent;
        if (room < 0 || v->begin[i] < 0 || v->end[i] < 0) return false;
        v->out[i] = (int32_t)(room / step + 1);
        if (room / step + 1 != node->output->shape[2 + i]) return false;
    }
    return true;
}

static bool suits(const mite_ir_node *node) {
    const mite_ir_value *x = node->inputs[0], *w = node->inputs[1];
    const mite_ir_value *bias = mite_ir_input_of(node, 2);
    return mite_ir_is(node, "conv_nd") && node->input_count <= 3 && x->dtype == MITE_F32 &&
           x->rank == 5 && mite_ir_is_fixed(x) && mite_ir_is_constant(w) && mite_ir_elements(w) &&
           mite_ir_elements(x) && (!bias || mite_ir_is_constant(bias)) &&
           mite_ir_int(node, "groups") == 1;
}

static mite_ir_value *turned(mite_ir_graph *g, const mite_ir_node *node, mite_ir_value *v,
                             const int32_t *perm) {
    if (!v) return NULL;
    return MITE_IR_EMIT(g, .op = "transpose", .name = node->name, .inputs = {v},
                        .attrs = {{"perm", .list = perm, .list_count = 5}});
}

static mite_ir_value *reshaped(mite_ir_graph *g, const mite_ir_node *node, mite_ir_value *v,
                               size_t rank, const int32_t *shape) {
    if (!v) return NULL;
    return MITE_IR_EMIT(
        g, .op = "reshape", .name = node->name, .inputs = {v},
        .attrs = {{"rank", .word = (int32_t)rank}, {"shape", .list = shape, .list_count = rank}});
}

static mite_ir_value *number(mite_ir_graph *g, const mite_ir_node *node, int64_t n) {
    mite_ir_value *v = mite_ir_constant(g, node->name, MITE_I64, 1, (const int32_t[]){1});
    if (v) *(int64_t *)v->data = n;
    return v;
}

// [N,D,H,W,C] -> [N*out,H,W,taps*C]
static mite_ir_value *windows(mite_ir_graph *g, const mite_ir_node *node, const volume *v,
                              mite_ir_value *x, int32_t taps) {
    const int32_t before[5] = {0, v->begin[0]}, after[5] = {0, v->end[0]};
    const int32_t *d = x->shape;
    const int32_t shape[4] = {d[0] * v->out[0], d[2], d[3], taps * d[4]};
    mite_ir_value **list = mite_ir_alloc(g, (size_t)taps, sizeof(mite_ir_value *));
    if (before[1] || after[1])
        x = MITE_IR_EMIT(g, .op = "pad", .name = node->name, .inputs = {x},
                         .attrs = {{"before", .list = before, .list_count = 5},
                                   {"after", .list = after, .list_count = 5}});
    for (int32_t k = 0; k < taps && list && x; k++) {
        int64_t begin = (int64_t)k * v->dilation[0];
        int64_t end = begin + (v->out[0] - (int64_t)1) * v->stride[0] + 1;
        list[k] = MITE_IR_EMIT(g, .op = "slice", .name = node->name,
                               .inputs = {x, number(g, node, begin), number(g, node, end),
                                          number(g, node, 1), number(g, node, v->stride[0])});
        if (!list[k]) return NULL;
    }
    if (!list || !x) return NULL;
    x = taps == 1 ? list[0]
                  : MITE_IR_EMIT(g, .op = "concat", .name = node->name, .input_list = list,
                                 .input_count = (size_t)taps, .attrs = {{"axis", .word = 4}});
    return reshaped(g, node, x, 4, shape);
}

static bool visit(mite_ir_graph *g, mite_ir_node *node, void *context) {
    volume v;
    (void)context;
    if (!suits(node) || !place(node, node->inputs[0], node->inputs[1], &v)) return false;
    mite_ir_value *x = node->inputs[0], *w = node->inputs[1], *bias = mite_ir_input_of(node, 2);
    int32_t taps = w->shape[2], columns = w->shape[0], batch = x->shape[0];
    int64_t pictures = (int64_t)batch * v.out[0], depth = (int64_t)taps * x->shape[1];
    if (pictures > INT32_MAX || depth > INT32_MAX) return false;
    const int32_t rows[4] = {columns, w->shape[3], w->shape[4], (int32_t)depth};
    // [M,C,KD,KH,KW] -> [M,KH,KW,KD*C]
    w = mite_ir_transposed(g, w, (const int32_t[]){0, 3, 4, 2, 1});
    w = w ? mite_ir_reshaped(g, w, 4, rows) : NULL;
    if (!bias) bias = mite_ir_constant(g, node->name, MITE_F32, 1, &columns);
    else if (bias->rank != 1) bias = mite_ir_reshaped(g, bias, 1, &columns);
    x = turned(g, node, x, (const int32_t[]){0, 2, 3, 4, 1});
    x = x ? windows(g, node, &v, x, taps) : NULL;
    if (!x || !w || !bias) return false;
    mite_ir_value *y = MITE_IR_EMIT(g, .op = "conv2d", .name = node->name, .inputs = {x, w, bias},
                                    .attrs = {{"stride_h", .word = v.stride[1]},
                                              {"stride_w", .word = v.stride[2]},
                                              {"dilation_h", .word = v.dilation[1]},
                                              {"dilation_w", .word = v.dilation[2]},
                                              {"pad_top", .word = v.begin[1]},
                                              {"pad_left", .word = v.begin[2]},
                                              {"pad_bottom", .word = v.end[1]},
                                              {"pad_right", .word = v.end[2]}});
    y = reshaped(g, node, y, 5, (const int32_t[]){batch, v.out[0], v.out[1], v.out[2], columns});
    y = turned(g, node, y, (const int32_t[]){0, 4, 1, 2, 3});
    if (!y) return false;
    mite_ir_replace(node->output, y);
    mite_ir_kill(node);
    return true;
}

bool mite_pass_volumes(mite_ir_graph *g) { return mite_ir_rewrite(g, visit, NULL); }
