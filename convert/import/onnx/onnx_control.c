// SPDX-License-Identifier: Apache-2.0
// Control flow: If, Loop, Scan.
#include "import/onnx/onnx_handlers.h"

#include <string.h>

static const onnx_graph *body_of(onnx_import *c, const char *name) {
    const onnx_attr *a = onnx_attribute(c, name);
    if (a && a->graph) return a->graph;
    mite_ir_fail(c->g, MITE_ERR_FORMAT, "its body (%s) is missing", name);
    return NULL;
}

static const mite_ir_value *body_output(const onnx_import *c, int32_t body, size_t index) {
    return mite_ir_resolve(c->g->bodies[body].outputs[index].value);
}

// Emits the node that runs a body. Its outputs have the types of the body's outputs from `first` on.
static mite_ir_value *emit(onnx_import *c, mite_ir_make make, int32_t body, size_t first) {
    size_t count = c->g->bodies[body].output_count - first;
    mite_dtype *types = mite_ir_alloc(c->g, count, sizeof *types);
    if (!types || !mite_ir_ok(c->g)) return NULL;
    for (size_t k = 0; k < count; k++) types[k] = body_output(c, body, first + k)->dtype;
    make.name = onnx_name(c);
    make.dtype = types[0];
    make.more_dtypes = types + 1;
    make.more_outputs = count - 1;
    mite_ir_value *out = mite_ir_emit(c->g, &make);
    for (size_t k = 0; out && k < count; k++) {
        mite_ir_value *v = mite_ir_output_at(out, k);
        v->scale = body_output(c, body, first + k)->scale;
        v->zero_point = body_output(c, body, first + k)->zero_point;
    }
    return out;
}

static void set_outputs(onnx_import *c, mite_ir_value *first, size_t count) {
    for (size_t k = 0; first && k < count && k < c->node->output_count; k++)
        onnx_set(c, k, mite_ir_output_at(first, k));
}

static bool has_outputs(onnx_import *c, int32_t body, size_t least) {
    if (body < 0 || !mite_ir_ok(c->g)) return false;
    size_t count = c->g->bodies[body].output_count;
    if (count >= least && count > 0) return true;
    mite_ir_fail(c->g, MITE_ERR_FORMAT, "its body gives %z values, at least %z are wanted", count,
                 least ? least : 1);
    return false;
}

// --- If ------------------------------------------------------------------------------------------

static bool agree(onnx_import *c, int32_t a, int32_t b) {
    size_t count = c->g->bodies[a].output_count;
    bool alike = count == c->g->bodies[b].output_count;
    for (size_t k = 0; alike && k < count; k++) {
        const mite_ir_value *x = body_output(c, a, k), *y = body_output(c, b, k);
        alike = x->dtype == y->dtype && x->scale == y->scale && x->zero_point == y->zero_point;
    }
    if (!alike) mite_ir_fail(c->g, MITE_ERR_FORMAT, "its branches give values of different types");
    return alike;
}

void onnx_if(onnx_import *c) {
    const onnx_graph *yes = body_of(c, "then_branch"), *no = body_of(c, "else_branch");
    mite_ir_value *condition = onnx_in(c, 0);
    if (!yes || !no || !condition) return;
    const onnx_known *known = onnx_numbers(c, 0);
    if (known && known->count == 1) {
        onnx_import_inline(c, known->at[0].i ? yes : no);
        return;
    }
    int32_t then_body = onnx_import_body(c, yes, NULL, 0);
    int32_t else_body = onnx_import_body(c, no, NULL, 0);
    if (!has_outputs(c, then_body, 1) || !has_outputs(c, else_body, 1) ||
        !agree(c, then_body, else_body))
        return;
    mite_ir_make make = {.op = "if",
                         .inputs = {condition},
                         .attrs = {{.name = "then_body", .word = then_body},
                                   {.name = "else_body", .word = else_body}}};
    set_outputs(c, emit(c, make, then_body, 0), c->g->bodies[then_body].output_count);
}

// --- Loop ----------------------------------------------------------------------------------------

// One number of the loop's own, [] or [1] as the body declares it.
static mite_ir_value scalar_like(const onnx_graph *body, size_t index, mite_dtype dtype) {
    mite_ir_value like = {.dtype = dtype};
    if (index < body->input_count && body->inputs[index].has_shape &&
        body->inputs[index].rank == 1) {
        like.rank = 1;
        like.shape[0] = 1;
    }
    return like;
}

void onnx_loop(onnx_import *c) {
    const onnx_graph *file_body = body_of(c, "body");
    size_t count = c->node->input_count < 2 ? 2 : c->node->input_count;
    mite_ir_value **inputs = mite_ir_alloc(c->g, count, sizeof(mite_ir_value *));
    mite_ir_value *like = mite_ir_alloc(c->g, count, sizeof *like);
    if (!file_body || !inputs || !like) return;
    for (size_t k = 0; k < c->node->input_count; k++) inputs[k] = onnx_in(c, k);
    if (!inputs[0]) {
        inputs[0] = mite_ir_constant(c->g, "iterations", MITE_I64, 0, NULL);
        if (inputs[0]) *(int64_t *)inputs[0]->data = INT64_MAX;
    }
    if (!inputs[1]) {
        inputs[1] = mite_ir_constant(c->g, "condition", MITE_BOOL, 0, NULL);
        if (inputs[1]) *(uint8_t *)inputs[1]->data = 1;
    }
    if (!mite_ir_ok(c->g)) return;
    like[0] = scalar_like(file_body, 0, MITE_I64);
    like[1] = scalar_like(file_body, 1, MITE_BOOL);
    for (size_t k = 2; k < count; k++) {
        if (!inputs[k]) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT, "its input %z is missing", k);
            return;
        }
        like[k] = *inputs[k];
        if (like[k].rank) mite_ir_open_all(&like[k]); // it may grow from one iteration to the next
    }
    int32_t body = onnx_import_body(c, file_body, like, count);
    if (!has_outputs(c, body, count - 1)) return;
    mite_ir_make make = {
        .op = "loop",
        .input_list = inputs,
        .input_count = count,
        .attrs = {{.name = "body", .word = body}, {.name = "carried", .word = (int32_t)count - 2}}};
    set_outputs(c, emit(c, make, body, 1), c->g->bodies[body].output_count - 1);
}

// --- Scan ----------------------------------------------------------------------------------------

// The transpose that brings dimension `from` to place `to`, the others keeping their order.
static mite_ir_value *move_axis(onnx_import *c, mite_ir_value *v, size_t rank, size_t from,
                                size_t to) {
    int32_t perm[MITE_MAX_RANK];
    size_t next = 0;
    if (from == to || !v) return v;
    for (size_t i = 0; i < rank; i++) {
        if (next == from) next++;
        perm[i] = i == to ? (int32_t)from : (int32_t)next++;
    }
    if (mite_ir_is_constant(v)) return mite_ir_transposed(c->g, v, perm);
    return MITE_IR_EMIT(c->g, .op = "transpose", .name = onnx_name(c), .inputs = {v},
                        .attrs = {{"perm", .list = perm, .list_count = rank}}, .scale = v->scale,
                        .zero_point = v->zero_point);
}

#define MAX_SCANNED 31 // bits of the operator's attributes

// What the attributes say of the scanned inputs and the collected outputs.
typedef struct scan {
    int64_t in_axes[MAX_SCANNED], out_axes[MAX_SCANNED];
    int32_t reversed_in, reversed_out;
    size_t states, scanned;
} scan;

static int32_t directions(onnx_import *c, const char *name) {
    int64_t list[MAX_SCANNED];
    size_t count;
    int32_t bits = 0;
    if (!onnx_list(c, name, SIZE_MAX, list, MAX_SCANNED, &count)) return 0;
    for (size_t k = 0; k < count; k++) bits |= list[k] ? 1 << k : 0;
    return bits;
}

static bool read_scan(onnx_import *c, scan *s, size_t input_count) {
    size_t count;
    int64_t scanned = onnx_int(c, "num_scan_inputs", 0);
    *s = (scan){.reversed_in = directions(c, "scan_input_directions"),
                .reversed_out = directions(c, "scan_output_directions")};
    onnx_list(c, "scan_input_axes", SIZE_MAX, s->in_axes, MAX_SCANNED, &count);
    onnx_list(c, "scan_output_axes", SIZE_MAX, s->out_axes, MAX_SCANNED, &count);
    if (mite_ir_ok(c->g) &&
        (scanned < 1 || scanned > MAX_SCANNED || (uint64_t)scanned > input_count)) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "it scans %D of its %z inputs; 1 to %d are read",
                     scanned, input_count, MAX_SCANNED);
    }
    s->scanned = (size_t)scanned;
    s->states = input_count - s->scanned;
    return mite_ir_ok(c->g);
}

// A value like `v` without its dimension 0.
static mite_ir_value row_like(const mite_ir_value *v) {
    mite_ir_value like = *v;
    like.rank = v->rank - 1;
    memmove(like.shape, v->shape + 1, (MITE_MAX_RANK - 1) * sizeof *like.shape);
    memmove(like.other, v->other + 1, (MITE_MAX_RANK - 1) * sizeof *like.other);
    like.open = (uint8_t)(v->open >> 1);
    like.data = NULL;
    like.guess = NULL;
    return like;
}

// Emits the scan of `inputs`, whose scanned ones have what is scanned along dimension 0.
static mite_ir_value *emit_scan(onnx_import *c, const scan *s, const onnx_graph *file_body,
                                mite_ir_value **inputs, int32_t *body) {
    size_t count = s->states + s->scanned;
    mite_ir_value *like = mite_ir_alloc(c->g, count, sizeof *like);
    for (size_t k = 0; like && k < count; k++)
        like[k] = k < s->states ? *inputs[k] : row_like(inputs[k]);
    *body = like ? onnx_import_body(c, file_body, like, count) : -1;
    if (!has_outputs(c, *body, s->states)) return NULL;
    mite_ir_make make = {.op = "scan",
                         .input_list = inputs,
                         .input_count = count,
                         .attrs = {{.name = "body", .word = *body},
                                   {.name = "carried", .word = (int32_t)s->states},
                                   {.name = "scanned", .word = (int32_t)s->scanned},
                                   {.name = "reversed_in", .word = s->reversed_in},
                                   {.name = "reversed_out", .word = s->reversed_out}}};
    return emit(c, make, *body, 0);
}

static bool take_inputs(onnx_import *c, mite_ir_value **inputs, size_t first, size_t count,
                        size_t states) {
    for (size_t k = 0; k < count; k++) {
        inputs[k] = onnx_in(c, first + k);
        if (!mite_ir_ok(c->g)) return false;
        if (!inputs[k] || (k >= states && (inputs[k]->unknown || inputs[k]->rank < 1))) {
            mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                         "its input %z is missing, or has no dimension that is known to be there",
                         first + k);
            return false;
        }
    }
    return true;
}

// Outputs that are collected along another dimension than the first.
static void set_scan_outputs(onnx_import *c, const scan *s, mite_ir_value *first, int32_t body) {
    for (size_t k = 0; first && k < c->g->bodies[body].output_count; k++) {
        mite_ir_value *v = mite_ir_output_at(first, k);
        size_t axis, rank = (size_t)body_output(c, body, k)->rank + 1, i = k - s->states;
        if (k >= s->states && i < MAX_SCANNED && s->out_axes[i]) {
            if (body_output(c, body, k)->unknown) {
                mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                             "its output %z, of unknown rank, is collected along dimension %D", k,
                             s->out_axes[i]);
                return;
            }
            if (!onnx_axis(c, s->out_axes[i], rank, &axis)) return;
            v = move_axis(c, v, rank, 0, axis);
        }
        onnx_set(c, k, v);
    }
}

// Up to opset 8 states and sequences have a batch in front: a scan over the batch whose body is the
// scan over the sequence.
static void scan_batches(onnx_import *c, const onnx_graph *file_body) {
    size_t count = c->node->input_count - 1; // without the lengths
    mite_ir_value **inputs = mite_ir_alloc(c->g, count, sizeof(mite_ir_value *));
    mite_ir_value **rows = mite_ir_alloc(c->g, count, sizeof(mite_ir_value *));
    scan inner;
    int32_t body;
    if (onnx_has_input(c, 0)) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "sequences of different lengths are not supported; export the model with "
                     "opset 9 or later");
    }
    if (!inputs || !rows || !read_scan(c, &inner, count)) return;
    inner.reversed_in = directions(c, "directions");
    if (!take_inputs(c, inputs, 1, count, 0)) return;
    mite_ir_begin_body(c->g);
    for (size_t k = 0; k < count; k++) {
        mite_ir_value like = row_like(inputs[k]);
        rows[k] = mite_ir_input(c->g, inputs[k]->name, like.dtype, (size_t)like.rank, like.shape);
        if (!rows[k]) break;
        rows[k]->open = like.open;
        memcpy(rows[k]->other, like.other, sizeof like.other);
        rows[k]->scale = like.scale;
        rows[k]->zero_point = like.zero_point;
        if (k >= inner.states && !like.rank)
            mite_ir_fail(c->g, MITE_ERR_FORMAT, "its input %z has no sequence", k + 1);
    }
    mite_ir_value *each = mite_ir_ok(c->g) ? emit_scan(c, &inner, file_body, rows, &body) : NULL;
    for (size_t k = 0; each && k < c->g->bodies[body].output_count; k++)
        mite_ir_output(c->g, onnx_name(c), mite_ir_output_at(each, k));
    int32_t outer = mite_ir_end_body(c->g);
    if (outer < 0 || !each || count > MAX_SCANNED) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "it scans more than %d inputs", MAX_SCANNED);
        return;
    }
    mite_ir_make make = {
        .op = "scan",
        .input_list = inputs,
        .input_count = count,
        .attrs = {{.name = "body", .word = outer}, {.name = "scanned", .word = (int32_t)count}}};
    set_outputs(c, emit(c, make, outer, 0), c->g->bodies[outer].output_count);
}

void onnx_scan(onnx_import *c) {
    const onnx_graph *file_body = body_of(c, "body");
    if (!file_body || !c->node->input_count) return;
    if (c->opset < 9) {
        scan_batches(c, file_body);
        return;
    }
    scan s;
    int32_t body;
    size_t count = c->node->input_count, axis;
    mite_ir_value **inputs = mite_ir_alloc(c->g, count, sizeof(mite_ir_value *));
    if (!inputs || !read_scan(c, &s, count) || !take_inputs(c, inputs, 0, count, s.states)) return;
    for (size_t k = 0; k < s.scanned; k++) {
        mite_ir_value **x = &inputs[s.states + k];
        if (!onnx_axis(c, s.in_axes[k], (size_t)(*x)->rank, &axis)) return;
        *x = move_axis(c, *x, (size_t)(*x)->rank, axis, 0);
        if (!*x) return;
    }
    mite_ir_value *first = emit_scan(c, &s, file_body, inputs, &body);
    set_scan_outputs(c, &s, first, body);
}
