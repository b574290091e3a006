// SPDX-License-Identifier: Apache-2.0
// Shapes by the runtime's own rules: an operator's infer is called on a step made up for the
// purpose, whose constants look as lower.c will pack them.
#include "ir_private.h"
#include "lower.h"

#include "base/sizes.h"
#include "ops/more/functions.h"

#include <stdlib.h>
#include <string.h>

// Under the other stand-ins a dimension of which nothing is known has another size, too: what comes
// out tells whether even the number of dimensions depends on it.
static void fill_shape(int32_t *to, const mite_ir_value *v, bool other) {
    for (size_t i = 0; i < MITE_MAX_RANK; i++) {
        bool vague = (v->open >> i & 1) && v->shape[i] == v->other[i];
        to[i] = !other ? v->shape[i] : vague ? v->shape[i] + 1 : v->other[i];
    }
}

static void fill_view(mite_view *view, mite_value *value, const mite_ir_value *v, bool other) {
    value->name = v->name;
    value->dtype = v->dtype;
    value->rank = v->rank;
    fill_shape(value->shape, v, other);
    value->scale = v->scale;
    value->zero_point = v->zero_point;
    view->value = value;
    view->dtype = v->dtype;
    view->rank = v->rank;
    memcpy(view->shape, value->shape, sizeof view->shape);
    view->scale = v->scale;
    view->zero_point = v->zero_point;
    if (!mite_shape_elements(&view->elements, (size_t)v->rank, view->shape)) view->elements = 0;
}

static mite_status look_packed(mite_error *error, const mite_ir_node *node, size_t index,
                               mite_value *value) {
    mite_packing p;
    if (!mite_packing_of(&p, node, index)) {
        return mite_fail(error, MITE_ERR_FORMAT, "%s %q: constant %q of shape %T cannot be packed",
                         node->op->name, node->name, value->name, (size_t)value->rank,
                         value->shape);
    }
    value->layout = p.layout;
    value->bytes = p.bytes;
    value->data = node->inputs[index]->data;
    value->flags = MITE_VALUE_CONSTANT;
    if (p.layout == MITE_LAYOUT_DENSE && p.elements > mite_ir_elements(node->inputs[index])) {
        value->shape[0] = (int32_t)p.elements;
    }
    return MITE_OK;
}

// The made-up step's views and values, the outputs' last; all in one block.
typedef struct rehearsal {
    mite_view **inputs, **outputs, *views;
    mite_value *values;
    void *block;
} rehearsal;

static bool set_up(rehearsal *r, size_t inputs, size_t outputs) {
    size_t count = inputs + outputs;
    size_t each = sizeof(mite_view *) + sizeof(mite_view) + sizeof(mite_value), bytes;
    if (!mite_size_mul(&bytes, count, each)) return false;
    r->block = calloc(1, bytes);
    if (!r->block) return false;
    r->views = r->block;
    r->values = (mite_value *)(r->views + count);
    r->inputs = (mite_view **)(r->values + count);
    r->outputs = r->inputs + inputs;
    return true;
}

// Lays out the step; `other`: under the other stand-ins.
static mite_status fill(mite_error *error, const mite_ir_node *node, rehearsal *r, bool other) {
    size_t count = node->input_count;
    for (size_t i = 0; i < count; i++) {
        const mite_ir_value *v = node->inputs[i];
        if (!v) continue;
        fill_view(&r->views[i], &r->values[i], v, other);
        if (v->data && look_packed(error, node, i, &r->values[i])) return error->status;
        // What will be padded when it is packed must not be read as if it were.
        bool as_it_is = !v->data || r->values[i].bytes == v->bytes;
        r->views[i].data = as_it_is ? v->data : NULL;
        r->views[i].known = r->views[i].data ? r->views[i].data : mite_ir_guess(v, other);
        memcpy(r->views[i].shape, r->values[i].shape, sizeof r->values[i].shape);
        r->inputs[i] = &r->views[i];
    }
    for (size_t i = 0; i < node->output_count; i++) {
        fill_view(&r->views[count + i], &r->values[count + i], node->outputs[i], other);
        r->values[count + i].rank = -1; // not known yet
        r->views[count + i].rank = -1;
        r->outputs[i] = &r->views[count + i];
    }
    return MITE_OK;
}

// Runs the operator's rule; its results are in r->outputs.
static mite_status rehearse(mite_error *error, const mite_ir_node *node, rehearsal *r, bool other,
                            uint64_t *macs) {
    if (fill(error, node, r, other)) return error->status;
    uint32_t none = 0;
    mite_node flat = {
        .op = node->op,
        .name = node->name,
        .inputs = &none,
        .outputs = &none,
        .input_count = node->input_count,
        .output_count = node->output_count,
        .attrs = node->attrs,
    };
    mite_step step = {
        .node = &flat,
        .inputs = r->inputs,
        .outputs = r->outputs,
        .error = error,
        .in_place = -1,
        .max_parts = 1,
    };
    mite_status status = node->op->infer(&step);
    *macs = step.macs;
    if (status >= 0) return status;
    return mite_fail(error, MITE_ERR_FORMAT, "%s %q: refused", node->op->name, node->name);
}

// --- What only a run settles ---------------------------------------------------------------------

#define MAX_GUESSED 4096 // elements

static void leave_unknown(const mite_ir_node *node) {
    for (size_t i = 0; i < node->output_count; i++) {
        mite_ir_value *v = node->outputs[i];
        v->unknown = true;
        v->rank = 0;
        v->open = 0;
        v->guess = NULL;
    }
}

// The rule waits for numbers but may have said of how many dimensions its results are.
static void take_ranks(const mite_ir_node *node, const rehearsal *r) {
    leave_unknown(node);
    for (size_t i = 0; i < node->output_count; i++) {
        mite_ir_value *v = node->outputs[i];
        if (r->outputs[i]->rank < 0) continue;
        v->unknown = false;
        v->rank = r->outputs[i]->rank;
        for (size_t k = 0; k < MITE_MAX_RANK; k++) v->shape[k] = 1;
        mite_ir_open_all(v);
    }
}

static int64_t number_at(const mite_ir_value *v, const void *numbers, size_t i) {
    return v->dtype == MITE_I32 ? ((const int32_t *)numbers)[i] : ((const int64_t *)numbers)[i];
}

// Where a slice begins and ends is settled by a run; dimensions that are not among its axes stay.
static void take_uncut(const mite_ir_node *node) {
    enum { X, STARTS, ENDS, AXES };
    if (!mite_ir_is(node, "slice") || node->input_count <= AXES || !node->inputs[AXES]) return;
    const mite_ir_value *x = node->inputs[X], *axes = node->inputs[AXES];
    const void *list = axes->data ? axes->data : axes->guess;
    mite_ir_value *v = node->output;
    bool known = list && !axes->guess_open && (axes->dtype == MITE_I32 || axes->dtype == MITE_I64);
    if (!known || v->unknown || v->rank != x->rank) return;
    uint8_t cut = 0;
    for (size_t k = 0; k < mite_ir_elements(axes); k++) {
        int64_t axis = number_at(axes, list, k);
        if (axis < 0) axis += x->rank;
        if (axis >= 0 && axis < x->rank) cut |= (uint8_t)(1u << axis);
    }
    for (size_t i = 0; i < (size_t)x->rank; i++) {
        if (cut >> i & 1) continue;
        v->shape[i] = x->shape[i];
        v->other[i] = x->other[i];
    }
    v->open = cut | x->open;
}

// Which branch runs is settled by a run, but not the shape of what comes out where both give the same.
static void take_branches(const mite_ir_graph *g, const mite_ir_node *node) {
    if (!mite_ir_is(node, "if")) return;
    const mite_ir_body *yes = &g->bodies[mite_ir_int(node, "then_body")];
    const mite_ir_body *no = &g->bodies[mite_ir_int(node, "else_body")];
    for (size_t i = 0; i < node->output_count; i++) {
        mite_ir_value *v = node->outputs[i];
        const mite_ir_value *a = mite_ir_resolve(yes->outputs[i].value);
        const mite_ir_value *b = mite_ir_resolve(no->outputs[i].value);
        if (a->unknown || b->unknown || a->rank != b->rank) continue;
        v->unknown = false;
        v->rank = a->rank;
        memcpy(v->shape, a->shape, sizeof v->shape);
        memcpy(v->other, a->shape, sizeof v->other);
        if (!mite_ir_is_fixed(a) || !mite_ir_is_fixed(b) || !mite_ir_same_shape(a, b))
            mite_ir_open_all(v);
    }
}

// Which dimensions squeeze takes away where it is not told depends on open ones: a run may find
// another rank than the stand-ins do.
static bool has_open_rank(const mite_ir_node *node) {
    return mite_ir_is(node, "squeeze") && node->input_count < 2 && node->inputs[0]->open;
}

static bool reads_unknown(const mite_ir_node *node) {
    for (size_t i = 0; i < node->input_count; i++) {
        if (node->inputs[i] && node->inputs[i]->unknown) return true;
    }
    return false;
}

// A reshape to a complete shape says what comes out, whatever goes in; a run checks that it fits. So does
// one that leaves a dimension open, where nothing can be said of that.
static bool states_shape(const mite_ir_node *node) {
    if (!mite_ir_is(node, "reshape")) return false;
    const mite_ir_value *x = node->inputs[0];
    size_t count;
    const int32_t *shape = mite_ir_attr_words(node, "shape", &count);
    int32_t rank = mite_ir_int(node, "rank");
    if ((!x->unknown && !x->open) || rank < 0 || rank > MITE_MAX_RANK) return false;
    int32_t open = 0;
    for (int32_t i = 0; i < rank; i++)
        if (shape[i] < 0) open++;
    return open == 0 || (open == 1 && (x->unknown || mite_ir_is_vague(x)));
}

static void take_stated_shape(const mite_ir_node *node) {
    mite_ir_value *v = node->output;
    size_t count;
    leave_unknown(node);
    v->unknown = false;
    v->rank = mite_ir_int(node, "rank");
    memcpy(v->shape, mite_ir_attr_words(node, "shape", &count), sizeof v->shape);
    for (size_t i = 0; i < (size_t)v->rank; i++) {
        if (v->shape[i] >= 0) continue;
        v->shape[i] = 1;
        v->open |= (uint8_t)(1u << i);
    }
    memcpy(v->other, v->shape, sizeof v->other);
}

// What is known of a node's inputs.
typedef struct knowledge {
    bool is_open; // shapes or numbers follow from open dimensions
    bool is_vague; // of some of them nothing is known
    bool has_numbers, has_other_numbers; // of all inputs
} knowledge;

static knowledge know(const mite_ir_node *node) {
    knowledge k = {.has_numbers = true, .has_other_numbers = true};
    for (size_t i = 0; i < node->input_count; i++) {
        const mite_ir_value *v = node->inputs[i];
        if (!v) continue;
        if (v->open || (v->guess && v->guess_open)) k.is_open = true;
        if (mite_ir_is_vague(v)) k.is_vague = true;
        if (!v->data && !v->guess) k.has_numbers = false;
        if (!v->data && !mite_ir_guess(v, true)) k.has_other_numbers = false;
    }
    return k;
}

static void take_shapes(const mite_ir_node *node, const rehearsal *r, bool other) {
    for (size_t i = 0; i < node->output_count; i++) {
        mite_ir_value *v = node->outputs[i];
        memcpy(other ? v->other : v->shape, r->outputs[i]->shape, sizeof v->shape);
        if (other) continue;
        memcpy(v->other, v->shape, sizeof v->other);
        v->unknown = false;
        v->rank = r->outputs[i]->rank;
        v->open = 0;
        v->guess = v->other_guess = NULL;
        v->guess_open = false;
    }
}

static bool same_ranks(const mite_ir_node *node, const rehearsal *r) {
    for (size_t i = 0; i < node->output_count; i++)
        if (r->outputs[i]->rank != node->outputs[i]->rank) return false;
    return true;
}

// A slice that ends with an open dimension may be cut short by what it slices: for the stand-ins, where they
// lie beyond the end of a short table, but not for what a run brings. So the dimension is open (and vague),
// although the stand-ins agree on it.
static void open_cut_dimensions(const mite_ir_node *node) {
    enum { X, STARTS, ENDS, AXES };
    if (!mite_ir_is(node, "slice") || node->input_count <= ENDS) return;
    const mite_ir_value *x = node->inputs[X], *ends = node->inputs[ENDS];
    const mite_ir_value *axes = node->input_count > AXES ? node->inputs[AXES] : NULL;
    const void *one = ends->guess, *other = mite_ir_guess(ends, true), *list = NULL;
    if (axes) list = axes->data ? axes->data : axes->guess;
    if (!ends->guess_open || !one || !other || (axes && !list)) return;
    for (size_t k = 0; k < mite_ir_elements(ends); k++) {
        int64_t axis = axes ? number_at(axes, list, k) : (int64_t)k;
        if (axis < 0) axis += x->rank;
        if (axis < 0 || axis >= x->rank || (x->open >> axis & 1)) continue;
        int64_t size = x->shape[axis], end = number_at(ends, one, k);
        int64_t other_end = number_at(ends, other, k);
        if (end != other_end && end > size && other_end > size)
            node->output->open |= (uint8_t)(1u << axis);
    }
}

// Windows with strides are as many for one size as for another: both stand-ins may give one, and a run many.
static void open_windowed_dimensions(const mite_ir_node *node) {
    static const char *const names[] = {"conv2d",     "depthwise_conv2d", "conv_nd",
                                        "max_pool2d", "average_pool2d",   "average_pool_fixed",
                                        "pool_nd",    "conv2d_i16",       "conv2d_dynamic"};
    if (MITE_IR_IS_ONE_OF(node, names) && node->inputs[0]->rank == node->output->rank)
        node->output->open |= node->inputs[0]->open;
}

// The dimensions of the results that follow from open ones: those that change with the stand-ins. Of
// the results of vague inputs, or where the other stand-ins do not suit the operator, all may.
static void open_outputs(mite_ir_graph *g, mite_ir_node *node, rehearsal *r, const knowledge *k) {
    mite_error error = {MITE_OK, ""};
    uint64_t macs;
    if (node->op->needs_only_shapes) return; // as long as there are dimensions
    mite_status status = rehearse(&error, node, r, true, &macs);
    bool suits = status == MITE_OK;
    if (status < 0 && !k->is_vague && !g->trial) g->has_unsuited = true;
    if (suits && !same_ranks(node, r)) {
        leave_unknown(node);
        return;
    }
    bool settled = suits && !k->is_vague;
    if (settled) take_shapes(node, r, true);
    for (size_t i = 0; i < node->output_count; i++) {
        mite_ir_value *v = node->outputs[i];
        for (size_t d = 0; settled && d < (size_t)v->rank; d++)
            if (v->shape[d] != v->other[d]) v->open |= (uint8_t)(1u << d);
        if (!settled) mite_ir_open_all(v);
    }
    if (settled) {
        open_cut_dimensions(node);
        open_windowed_dimensions(node);
    }
}

static void **room_for_numbers(mite_ir_graph *g, const mite_ir_node *node, bool other) {
    void **data = mite_ir_alloc(g, node->output_count, sizeof(void *));
    size_t elements = 0;
    for (size_t i = 0; data && i < node->output_count; i++) {
        size_t more = mite_ir_elements_of(node->outputs[i], other);
        if (more > MAX_GUESSED - elements) return NULL;
        elements += more;
        data[i] = mite_ir_alloc(g, more + 1, mite_dtype_bytes(node->outputs[i]->dtype));
    }
    return mite_ir_ok(g) ? data : NULL;
}

static bool same_numbers(const mite_ir_value *v, const void *a, const void *b) {
    size_t bytes = mite_ir_elements(v) * mite_dtype_bytes(v->dtype);
    return mite_ir_is_fixed(v) && (!bytes || memcmp(a, b, bytes) == 0);
}

// How the numbers of a result that is the same under both stand-ins follow from inputs that are not.
typedef enum settling {
    SETTLES, // the same whatever a run brings: what is chosen, a difference of two sizes
    ROUNDS, // may be another in between: a remainder, a quotient cut off; not where all operands are open
    COMPARES, // may be another beyond: what is said of 64 and 97 need not be true of 8
    EQUATES // as that, but what is of one size twice is so by its making, and no size is negative
} settling;

static settling settling_of(const mite_ir_node *node) {
    static const char *const comparing[] = {"min",    "max",         "clamp",
                                            "reduce", "arg_extreme", "top_k"};
    static const char *const rounding[] = {"div", "unary", "cast"};
    if (MITE_IR_IS_ONE_OF(node, comparing)) return COMPARES;
    if (MITE_IR_IS_ONE_OF(node, rounding)) return ROUNDS;
    if (!mite_ir_is(node, "binary")) return SETTLES;
    switch (mite_ir_int(node, "function")) {
    case MITE_BINARY_ADD:
    case MITE_BINARY_SUB:
    case MITE_BINARY_MUL: return SETTLES;
    case MITE_BINARY_MIN:
    case MITE_BINARY_MAX:
    case MITE_BINARY_LESS:
    case MITE_BINARY_LESS_OR_EQUAL: return COMPARES;
    case MITE_BINARY_EQUAL: return EQUATES;
    default: return ROUNDS;
    }
}

static bool is_negative(const mite_ir_value *v) {
    const void *numbers = v->data ? v->data : v->guess;
    if (!numbers || (v->dtype != MITE_I32 && v->dtype != MITE_I64)) return false;
    for (size_t i = 0; i < mite_ir_elements(v); i++)
        if (number_at(v, numbers, i) >= 0) return false;
    return true;
}

static bool is_true(const mite_ir_value *v, const void *numbers) {
    return !memchr(numbers, 0, mite_ir_elements(v) * mite_dtype_bytes(v->dtype));
}

// Whether the numbers of a result, the same under both stand-ins, need not be the same in a run.
static bool is_undecided(const mite_ir_node *node, const mite_ir_value *result,
                         const void *numbers) {
    size_t open = 0, fixed = 0, negative = 0;
    for (size_t i = 0; i < node->input_count; i++) {
        const mite_ir_value *v = node->inputs[i];
        if (!v) continue;
        if (v->guess_open) open++;
        else fixed++;
        if (!v->guess_open && is_negative(v)) negative++;
    }
    if (!open || node->op->needs_only_shapes) return false;
    switch (settling_of(node)) {
    case SETTLES: return false;
    case ROUNDS: return fixed > 0 || open == 1;
    case COMPARES: return true;
    case EQUATES: return !negative && (fixed > 0 || !is_true(result, numbers));
    }
    return true;
}

// Small results of known numbers are computed at once, so that the shapes which depend on them can
// be worked out; twice where they follow from open dimensions.
static void guess(mite_ir_graph *g, mite_ir_node *node, const knowledge *k) {
    bool by_shape = node->op->needs_only_shapes, has = k->has_numbers || by_shape;
    void **data = has ? room_for_numbers(g, node, false) : NULL, **other = NULL;
    if (!data || !mite_ir_run_node(g, node, false, data)) return;
    bool has_other = k->is_open && !k->is_vague && (k->has_other_numbers || by_shape);
    if (has_other) other = room_for_numbers(g, node, true);
    if (other && !mite_ir_run_node(g, node, true, other)) other = NULL;
    for (size_t i = 0; i < node->output_count; i++) {
        mite_ir_value *v = node->outputs[i];
        v->guess = data[i];
        v->other_guess = other ? other[i] : NULL;
        bool same = other && same_numbers(v, data[i], other[i]);
        bool undecided = same && is_undecided(node, v, data[i]);
        v->guess_open = k->is_open && (!same || undecided);
        if (undecided) v->other_guess = NULL; // nothing is known of other sizes
    }
}

// A rule may refuse stand-ins that no run would ever have; and a body may be of a branch that the
// model's own shapes never take.
static bool is_refusal_final(const mite_ir_graph *g, const mite_ir_node *node) {
    return !g->outside && !know(node).is_open;
}

mite_status mite_ir_infer(mite_ir_graph *g, mite_ir_node *node, bool quiet) {
    mite_error error = {MITE_OK, ""};
    rehearsal r = {0};
    if (!mite_ir_ok(g)) return g->error.status;
    if (states_shape(node)) {
        take_stated_shape(node);
        return MITE_OK;
    }
    if (reads_unknown(node) || has_open_rank(node)) {
        leave_unknown(node);
        return MITE_OK;
    }
    if (!set_up(&r, node->input_count, node->output_count)) {
        mite_fail(&error, MITE_ERR_MEMORY, "no memory to work out shapes");
    } else {
        mite_status status = rehearse(&error, node, &r, false, &node->macs);
        if (status == MITE_MORE) {
            take_ranks(node, &r);
            take_uncut(node);
            take_branches(g, node);
            error = (mite_error){MITE_OK, ""};
        } else if (status && !quiet && status != MITE_ERR_MEMORY && !is_refusal_final(g, node)) {
            if (g->refused) g->refused(g->refused_context, node);
            leave_unknown(node);
            error = (mite_error){MITE_OK, ""};
        } else if (!status) {
            knowledge k = know(node);
            take_shapes(node, &r, false);
            if (k.is_open) open_outputs(g, node, &r, &k);
            if (!g->trial && !node->output->unknown) guess(g, node, &k);
        }
    }
    free(r.block);
    // What a pass merely tries may fail, but not for want of memory.
    if (error.status && (!quiet || error.status == MITE_ERR_MEMORY)) {
        mite_ir_fail(g, error.status, "%s", error.text);
    }
    return error.status;
}
