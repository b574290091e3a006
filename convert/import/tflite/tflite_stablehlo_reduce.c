// SPDX-License-Identifier: Apache-2.0
// StableHLO's reductions, whole and by windows, and zeros between elements.
#include "import/tflite/tflite_stablehlo.h"

#include <string.h>

// --- Bodies -----------------------------------------------------------------------------------------

const tfl_graph *tfl_body_of(tfl_import *c, int32_t index, size_t inputs) {
    bool exists = index > 0 && (size_t)index < c->model.graph_count;
    const tfl_graph *body = exists ? &c->model.graphs[index] : NULL;
    if (body && body->input_count == inputs && body->output_count == 1) return body;
    mite_ir_fail(c->g, MITE_ERR_FORMAT, "its body, graph %d of %z, does not make one number of %z",
                 index, c->model.graph_count, inputs);
    return NULL;
}

bool tfl_meeting_of(tfl_import *c, int32_t index, mite_dtype dtype, mite_reduce *out) {
    static const struct {
        const char *name;
        bool logical;
        mite_reduce which;
    } known[] = {
        {"STABLEHLO_ADD", false, MITE_REDUCE_SUM},       {"ADD", false, MITE_REDUCE_SUM},
        {"STABLEHLO_MULTIPLY", false, MITE_REDUCE_PROD}, {"MUL", false, MITE_REDUCE_PROD},
        {"STABLEHLO_MAXIMUM", false, MITE_REDUCE_MAX},   {"MAXIMUM", false, MITE_REDUCE_MAX},
        {"STABLEHLO_MINIMUM", false, MITE_REDUCE_MIN},   {"MINIMUM", false, MITE_REDUCE_MIN},
        {"STABLEHLO_OR", true, MITE_REDUCE_MAX},         {"LOGICAL_OR", true, MITE_REDUCE_MAX},
        {"STABLEHLO_AND", true, MITE_REDUCE_MIN},        {"LOGICAL_AND", true, MITE_REDUCE_MIN},
    };
    const tfl_graph *body = tfl_body_of(c, index, 2);
    if (!body) return false;
    const tfl_node *n = body->node_count == 1 ? body->nodes : NULL;
    const int32_t *in = body->inputs;
    bool whole = n && n->input_count == 2 && n->output_count == 1 &&
                 n->outputs[0] == body->outputs[0] && in[0] != in[1] &&
                 ((n->inputs[0] == in[0] && n->inputs[1] == in[1]) ||
                  (n->inputs[0] == in[1] && n->inputs[1] == in[0]));
    const tfl_op *op = whole ? tfl_op_of(n) : NULL;
    for (size_t i = 0; op && i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i].name, op->name) || (known[i].logical && dtype != MITE_BOOL)) continue;
        *out = known[i].which;
        // Sums of bools are true where one is, products where all are.
        if (dtype == MITE_BOOL && *out == MITE_REDUCE_SUM) *out = MITE_REDUCE_MAX;
        if (dtype == MITE_BOOL && *out == MITE_REDUCE_PROD) *out = MITE_REDUCE_MIN;
        return true;
    }
    mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                 "its body, graph %d, must add, multiply, or take the larger or smaller of two %s",
                 index, mite_ir_dtype_name(dtype));
    return false;
}

// Two values that meet. The core's operators are for f32.
static mite_ir_value *met(tfl_import *c, mite_reduce which, mite_ir_value *a, mite_ir_value *b) {
    static const struct {
        const char *op;
        mite_binary function;
    } as[] = {[MITE_REDUCE_SUM] = {"add", MITE_BINARY_ADD},
              [MITE_REDUCE_PROD] = {"mul", MITE_BINARY_MUL},
              [MITE_REDUCE_MAX] = {"max", MITE_BINARY_MAX},
              [MITE_REDUCE_MIN] = {"min", MITE_BINARY_MIN}};
    if (a && a->dtype == MITE_F32) return tfl_emit_binary(c, as[which].op, a, b);
    return tfl_emit_general_binary(c, as[which].function, a, b);
}

// Inputs: what is reduced, and the number that all of it is added to.
void tfl_stablehlo_reduce(tfl_import *c) {
    enum { DIMENSIONS, BODY };
    mite_ir_value *x = tfl_plain(c, 0), *first = tfl_plain(c, 1);
    int64_t axes[MITE_MAX_RANK];
    size_t count, axis;
    mite_reduce which;
    if (!x || !first || !tfl_has_rank(c, x)) return;
    if (c->node->input_count != 2) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "it reduces several tensors at once");
        return;
    }
    if (!tfl_stablehlo_list(c, DIMENSIONS, MITE_MAX_RANK, axes, &count) ||
        !tfl_meeting_of(c, tfl_option(c, BODY), x->dtype, &which))
        return;
    for (size_t i = 0; i < count; i++)
        if (!tfl_axis(c, axes[i], (size_t)x->rank, &axis)) return;
    mite_ir_value *list = tfl_integers(c, axes, count);
    if (!list) return;
    x = MITE_IR_EMIT(c->g, .op = "reduce", .name = tfl_name(c), .inputs = {x, list},
                     .attrs = {{"function", .word = (int32_t)which},
                               {"keep_dims", .word = 0},
                               {"keep_all", .word = 1}});
    tfl_set(c, 0, met(c, which, x, first));
}

// --- Between elements -------------------------------------------------------------------------------

mite_ir_value *tfl_emit_gaps(tfl_import *c, mite_ir_value *x, const int64_t *gaps,
                             mite_ir_value *value) {
    int32_t shape[MITE_MAX_RANK];
    if (!x || !tfl_is_fixed(c, x)) return NULL;
    size_t rank = (size_t)x->rank, all = mite_ir_elements(x);
    memcpy(shape, x->shape, sizeof shape);
    for (size_t i = 0; i < rank && x && all; i++) {
        int64_t size = shape[i], wide = (size - 1) * (gaps[i] + 1) + 1, inner = 1;
        if (!gaps[i]) continue;
        for (size_t k = i + 1; k < rank; k++) inner *= shape[k];
        int64_t outer = (int64_t)mite_ir_elements(x) / size / inner;
        if (gaps[i] < 0 || wide > INT32_MAX - gaps[i] || inner > INT32_MAX || outer > INT32_MAX) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT, "%D between elements of %T is impossible", gaps[i],
                         rank, shape);
            return NULL;
        }
        const int32_t none[4] = {0}, after[4] = {0, 0, (int32_t)gaps[i], 0};
        const int64_t begin[3] = {0}, end[3] = {outer, wide, inner};
        x = tfl_reshape(c, x, 4,
                        (const int32_t[]){(int32_t)outer, (int32_t)size, 1, (int32_t)inner});
        x = tfl_emit_pad_integers(c, x, none, after, value);
        x = tfl_reshape(
            c, x, 3, (const int32_t[]){(int32_t)outer, (int32_t)(wide + gaps[i]), (int32_t)inner});
        x = tfl_emit_slice(c, x, begin, end);
        shape[i] = (int32_t)wide;
        x = tfl_reshape(c, x, rank, shape);
    }
    return x;
}

// Inputs: x, factors of its dimensions, what stands between elements.
void tfl_dilate(tfl_import *c) {
    bool moves = tfl_same_quantization(c, 0);
    mite_ir_value *x = moves ? tfl_in(c, 0) : tfl_plain(c, 0);
    mite_ir_value *value = moves ? tfl_in(c, 2) : tfl_plain(c, 2);
    int64_t gaps[MITE_MAX_RANK];
    size_t count;
    if (!x || !value || !tfl_is_fixed(c, x) ||
        !tfl_numbers(c, 1, "factors", gaps, MITE_MAX_RANK, &count))
        return;
    if (count != (size_t)x->rank || value->dtype != x->dtype || mite_ir_elements(value) != 1) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "%z factors and a value %T do not fit its input %T",
                     count, (size_t)value->rank, value->shape, (size_t)x->rank, x->shape);
        return;
    }
    for (size_t i = 0; i < count; i++) gaps[i]--;
    tfl_set(c, 0, tfl_emit_gaps(c, x, gaps, value));
}

// --- Windows ----------------------------------------------------------------------------------------

typedef struct windows { // along each dimension
    int64_t size[MITE_MAX_RANK], stride[MITE_MAX_RANK], dilation[MITE_MAX_RANK];
    int64_t gaps[MITE_MAX_RANK], pads[2 * MITE_MAX_RANK]; // around x, all before then all behind
} windows;

// `count` elements along dimension `axis` from `begin` on.
static mite_ir_value *part(tfl_import *c, mite_ir_value *x, size_t axis, int64_t begin,
                           int64_t count) {
    int64_t from[MITE_MAX_RANK] = {0}, size[MITE_MAX_RANK];
    if (!x) return NULL;
    for (int32_t i = 0; i < x->rank; i++) size[i] = x->shape[i];
    from[axis] = begin;
    size[axis] = count;
    return tfl_emit_slice(c, x, from, size);
}

// Of x, results over windows of `a` and of `b` numbers make one over a + b: those of the latter begin where
// the former end.
static mite_ir_value *joined(tfl_import *c, mite_reduce which, size_t axis, mite_ir_value *of_a,
                             mite_ir_value *of_b, int64_t a_extent) {
    if (!of_a || !of_b) return NULL;
    int64_t count = of_b->shape[axis] - a_extent;
    return met(c, which, part(c, of_a, axis, 0, count), part(c, of_b, axis, a_extent, count));
}

// Windows along one dimension, doubled until they are as long as they should be.
static mite_ir_value *along(tfl_import *c, mite_reduce which, mite_ir_value *x, size_t axis,
                            const windows *w) {
    int64_t size = w->size[axis], dilation = w->dilation[axis], stride = w->stride[axis], done = 0;
    if (!x) return NULL;
    if (size < 1 || dilation < 1 || stride < 1 || size > INT32_MAX || dilation > INT32_MAX) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT,
                     "a window of %D with dilation %D and stride %D is impossible", size, dilation,
                     stride);
        return NULL;
    }
    if ((size - 1) * dilation >= x->shape[axis]) return part(c, x, axis, 0, 0);
    mite_ir_value *y = NULL;
    for (int64_t one = 1; one <= size; one *= 2) { // x: of windows of `one`
        if (size & one) {
            y = done ? joined(c, which, axis, y, x, done * dilation) : x;
            done += one;
        }
        if (2 * one <= size) x = joined(c, which, axis, x, x, one * dilation);
    }
    if (stride == 1 || !y) return y;
    const int64_t begin = 0, end = y->shape[axis], which_axis = (int64_t)axis;
    return tfl_emit_moved(c, "slice", y, tfl_integers(c, &begin, 1), tfl_integers(c, &end, 1),
                          tfl_integers(c, &which_axis, 1), tfl_integers(c, &stride, 1));
}

static void set_windows(tfl_import *c, mite_reduce which, mite_ir_value *x, mite_ir_value *first,
                        const windows *w) {
    bool pads = false;
    size_t rank = (size_t)x->rank;
    if (mite_ir_elements(first) != 1 || first->dtype != x->dtype) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its first value must be a single one of x's type");
        return;
    }
    x = tfl_emit_gaps(c, x, w->gaps, first);
    for (size_t i = 0; i < 2 * rank; i++) pads = pads || w->pads[i];
    if (pads && x)
        x = tfl_emit_moved(c, "pad_by", x, tfl_integers(c, w->pads, 2 * rank), first, NULL, NULL);
    for (size_t i = 0; i < rank; i++) x = along(c, which, x, i, w);
    tfl_set(c, 0, met(c, which, x, tfl_reshape(c, first, 0, NULL)));
}

// Option `field`, `count` numbers; `otherwise` where it is absent.
static bool list_or(tfl_import *c, size_t field, size_t count, int64_t otherwise, int64_t *out) {
    size_t there;
    if (!tfl_stablehlo_list(c, field, count, out, &there)) return false;
    for (size_t i = 0; !there && i < count; i++) out[i] = otherwise;
    if (!there || there == count) return true;
    mite_ir_fail(c->g, MITE_ERR_FORMAT, "its option %z has %z numbers, wanted are %z", field, there,
                 count);
    return false;
}

void tfl_stablehlo_reduce_window(tfl_import *c) {
    enum { SIZES, STRIDES, BASE_DILATIONS, DILATIONS, PADDING, BODY };
    mite_ir_value *x = tfl_plain(c, 0), *first = tfl_plain(c, 1);
    int64_t pads[2 * MITE_MAX_RANK];
    mite_reduce which;
    windows w;
    if (!x || !first || !tfl_is_fixed(c, x)) return;
    size_t rank = (size_t)x->rank;
    if (c->node->input_count != 2) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "it reduces several tensors at once");
        return;
    }
    if (!list_or(c, SIZES, rank, 1, w.size) || !list_or(c, STRIDES, rank, 1, w.stride) ||
        !list_or(c, BASE_DILATIONS, rank, 1, w.gaps) ||
        !list_or(c, DILATIONS, rank, 1, w.dilation) || !list_or(c, PADDING, 2 * rank, 0, pads) ||
        !tfl_meeting_of(c, tfl_option(c, BODY), x->dtype, &which))
        return;
    for (size_t i = 0; i < rank; i++) {
        w.gaps[i]--;
        w.pads[i] = pads[2 * i];
        w.pads[rank + i] = pads[2 * i + 1];
    }
    set_windows(c, which, x, first, &w);
}

// TensorFlow Lite's own: windows, strides and dilations are inputs.
void tfl_reduce_window(tfl_import *c) {
    static const mite_reduce functions[] = {MITE_REDUCE_COUNT, MITE_REDUCE_SUM, MITE_REDUCE_PROD,
                                            MITE_REDUCE_MIN,   MITE_REDUCE_MAX, MITE_REDUCE_MIN,
                                            MITE_REDUCE_MAX}; // ReduceWindowFunction of the schema
    mite_ir_value *x = tfl_plain(c, 0), *first = tfl_plain(c, 1);
    int32_t function = tfl_option(c, 0);
    windows w = {.pads = {0}};
    size_t sizes, strides, dilations;
    if (!x || !first || !tfl_is_fixed(c, x) ||
        !tfl_numbers(c, 2, "window", w.size, MITE_MAX_RANK, &sizes) ||
        !tfl_numbers(c, 3, "strides", w.stride, MITE_MAX_RANK, &strides) ||
        !tfl_numbers(c, 4, "dilations", w.dilation, MITE_MAX_RANK, &dilations))
        return;
    size_t rank = (size_t)x->rank;
    if (sizes != rank || strides != rank || dilations != rank || function < 1 ||
        function >= (int32_t)(sizeof functions / sizeof *functions)) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT,
                     "function %d over %z windows, %z strides and %z dilations of %z dimensions is "
                     "unknown",
                     function, sizes, strides, dilations, rank);
        return;
    }
    set_windows(c, functions[function], x, first, &w);
}
