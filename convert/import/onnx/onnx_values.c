// SPDX-License-Identifier: Apache-2.0
// What handlers ask of the node being imported: its inputs, numbers, attributes, results.
#include "import/onnx/onnx_values.h"

#include "ops/more/elements.h"

#include <string.h>

// --- Values by name -----------------------------------------------------------------------------

onnx_value *onnx_new_value(onnx_import *c, const char *name) {
    if (c->value_count == c->value_room) {
        size_t room = c->value_room ? c->value_room * 2 : 64;
        onnx_value **more = mite_ir_alloc(c->g, room, sizeof(onnx_value *));
        if (!more) return NULL;
        if (c->value_count) memcpy(more, c->values, c->value_count * sizeof *more);
        c->values = more;
        c->value_room = room;
    }
    onnx_value *v = mite_ir_alloc(c->g, 1, sizeof *v);
    if (!v) return NULL;
    if (!mite_names_add(c->g, &c->scope->names, name, (uint32_t)c->value_count)) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "the name %q is given to two values", name);
        return NULL;
    }
    v->name = name;
    v->index = (uint32_t)c->value_count;
    return c->values[c->value_count++] = v;
}

onnx_value *onnx_find_value(const onnx_import *c, const char *name) {
    uint32_t index;
    for (const onnx_scope *scope = c->scope; scope; scope = scope->outer) {
        if (mite_names_find(&scope->names, name, &index)) return c->values[index];
    }
    return NULL;
}

static bool is_there(const onnx_value *v) { return v->ir || v->tensor || v->sparse || v->sequence; }

bool onnx_has_input(const onnx_import *c, size_t k) {
    if (k >= c->node->input_count || !*c->node->inputs[k]) return false;
    // In a function, its caller may have left it out.
    const onnx_value *v = c->scope->call ? onnx_find_value(c, c->node->inputs[k]) : NULL;
    return !v || is_there(v);
}

bool onnx_has_output(const onnx_import *c, size_t k) {
    return k < c->node->output_count && *c->node->outputs[k];
}

static onnx_value *input_value(onnx_import *c, size_t k) {
    if (!mite_ir_ok(c->g) || !onnx_has_input(c, k)) return NULL;
    onnx_value *v = onnx_find_value(c, c->node->inputs[k]);
    if (!v) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its input %q is computed by no earlier node",
                     c->node->inputs[k]);
    }
    return v;
}

mite_ir_value *onnx_carried(onnx_import *c, onnx_value *v) {
    if (!v || v->ir) return v ? v->ir : NULL;
    if (v->sequence)
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "%q is a sequence of tensors, which only operators of sequences take",
                     v->name);
    if (v->tensor) v->ir = onnx_tensor_constant(c->g, v->tensor);
    else if (v->sparse) v->ir = onnx_sparse_constant(c->g, v->sparse);
    if (v->ir && !*v->ir->name) v->ir->name = v->name;
    return v->ir;
}

mite_ir_value *onnx_meant(onnx_import *c, onnx_value *v) {
    mite_ir_value *ir = onnx_carried(c, v);
    if (!ir || !v->shifted) return ir;
    return MITE_IR_EMIT(c->g, .op = "quantize", .name = v->name, .inputs = {ir}, .dtype = MITE_I8,
                        .scale = ir->scale, .zero_point = ir->zero_point - 128);
}

mite_ir_value *onnx_in(onnx_import *c, size_t k) { return onnx_meant(c, input_value(c, k)); }

mite_ir_value *onnx_in_carried(onnx_import *c, size_t k, bool *shifted) {
    onnx_value *v = input_value(c, k);
    *shifted = v && v->shifted;
    return onnx_carried(c, v);
}

mite_ir_value *onnx_constant_in(onnx_import *c, size_t k, const char *what) {
    mite_ir_value *v = onnx_in(c, k);
    if (!v && mite_ir_ok(c->g)) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its %s (input %z) is missing", what, k);
    }
    if (v && !mite_ir_is_constant(v)) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "its %s (%q) must be a constant; export the model with its weights inside",
                     what, v->name);
        return NULL;
    }
    return v;
}

// --- Numbers ------------------------------------------------------------------------------------

// Room for numbers of a shape; NULL where failed or above ONNX_MAX_KNOWN.
static onnx_known *new_known(onnx_import *c, int32_t type, size_t rank, const int32_t *dims) {
    size_t count;
    if (rank > MITE_MAX_RANK || !mite_shape_elements(&count, rank, dims) ||
        count > ONNX_MAX_KNOWN) {
        return NULL;
    }
    onnx_known *known = mite_ir_alloc(c->g, 1, sizeof *known);
    if (!known) return NULL;
    *known = (onnx_known){.rank = rank, .count = count, .type = type};
    for (size_t i = 0; i < rank; i++) known->dims[i] = dims[i];
    known->at = mite_ir_alloc(c->g, count, sizeof *known->at);
    return known->at ? known : NULL;
}

// The elements of a constant, or those that follow from shapes that are the same in every run.
static const onnx_known *numbers_of(onnx_import *c, const mite_ir_value *v) {
    const void *data = v->data ? v->data : v->guess_open || v->open ? NULL : v->guess;
    if (!data || v->unknown) return NULL;
    onnx_known *known = new_known(c, onnx_type_of(v->dtype), (size_t)v->rank, v->shape);
    for (size_t i = 0; known && i < known->count; i++) {
        const void *at = (const uint8_t *)data + i * mite_dtype_bytes(v->dtype);
        if (mite_is_real(v->dtype)) mite_load_reals(&known->at[i].f, at, v->dtype, 1, 1);
        else mite_load_integers(&known->at[i].i, at, v->dtype, 1, 1);
    }
    return known;
}

const onnx_known *onnx_numbers(onnx_import *c, size_t k) {
    onnx_value *v = input_value(c, k);
    if (!v || v->known) return v ? v->known : NULL;
    if (v->sparse) onnx_carried(c, v);
    if (v->ir) return v->known = numbers_of(c, v->ir);
    if (!v->tensor) return NULL;
    onnx_known *known = new_known(c, onnx_tensor_type(v->tensor), v->tensor->rank, v->tensor->dims);
    if (!known || !onnx_tensor_numbers(c->g, v->tensor, known->at)) return NULL;
    v->known = known;
    return known;
}

const onnx_known *onnx_need_numbers(onnx_import *c, size_t k, const char *what) {
    const onnx_known *known = onnx_numbers(c, k);
    if (!known) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "its %s (input %z) is missing or not known before the model runs", what, k);
    }
    return known;
}

bool onnx_shape(onnx_import *c, size_t k, int32_t *type, size_t *rank, int32_t *dims) {
    onnx_value *v = input_value(c, k);
    const int32_t *from;
    if (!v) return false;
    if (v->tensor) {
        *type = onnx_dtype(v->tensor->type) ? onnx_tensor_type(v->tensor) : v->tensor->type;
        *rank = v->tensor->rank, from = v->tensor->dims;
    } else {
        const mite_ir_value *ir = onnx_carried(c, v);
        if (!ir) return false;
        *type = v->narrow ? v->narrow : v->shifted ? ONNX_INT8 : onnx_type_of(ir->dtype);
        *rank = (size_t)ir->rank, from = ir->shape;
    }
    memcpy(dims, from, *rank * sizeof *dims);
    return true;
}

// --- Results ------------------------------------------------------------------------------------

void onnx_let_go(onnx_import *c, size_t k) {
    onnx_value *v = input_value(c, k);
    if (!v || !v->tensor || !v->ir || v->ir->uses || v->ir->origin) return;
    mite_ir_release(c->g, v->ir);
    v->ir = NULL; // made anew should another node want it
}

// An input that is handed on as it is has two names now: it must not go with the first one's last use.
static void keep_handed_on(onnx_import *c, const mite_ir_value *v) {
    for (size_t i = 0; v->data && i < c->node->input_count; i++) {
        onnx_value *in = input_value(c, i);
        if (in && in->ir == v) in->tensor = NULL;
    }
}

void onnx_set_carried(onnx_import *c, size_t k, mite_ir_value *v, bool shifted) {
    if (!v || !onnx_has_output(c, k)) return;
    keep_handed_on(c, v);
    onnx_value *out = onnx_new_value(c, c->node->outputs[k]);
    if (!out) return;
    out->ir = v;
    out->shifted = shifted;
    if (!*v->name) v->name = out->name;
}

void onnx_set(onnx_import *c, size_t k, mite_ir_value *v) { onnx_set_carried(c, k, v, false); }

void onnx_set_tensor(onnx_import *c, size_t k, const onnx_tensor *t) {
    onnx_value *out = onnx_has_output(c, k) ? onnx_new_value(c, c->node->outputs[k]) : NULL;
    if (out) out->tensor = t;
}

bool onnx_is_sequence(onnx_import *c, size_t k) {
    const onnx_value *v = input_value(c, k);
    return v && v->sequence;
}

const onnx_sequence *onnx_sequence_in(onnx_import *c, size_t k) {
    const onnx_value *v = input_value(c, k);
    if (v && v->sequence) return v->sequence;
    mite_ir_fail(
        c->g, MITE_ERR_UNSUPPORTED,
        "its input %z is no sequence of which the model tells how many tensors it has; export "
        "the model without sequences in loops",
        k);
    return NULL;
}

void onnx_set_sequence(onnx_import *c, size_t k, const onnx_sequence *s) {
    onnx_value *out = s && onnx_has_output(c, k) ? onnx_new_value(c, c->node->outputs[k]) : NULL;
    if (out) out->sequence = s;
}

// --- Attributes ---------------------------------------------------------------------------------

static const onnx_attr *attr_in(const onnx_attr *list, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++) {
        if (!strcmp(list[i].name, name)) return &list[i];
    }
    return NULL;
}

const onnx_attr *onnx_attribute(const onnx_import *c, const char *name) {
    const onnx_attr *a = attr_in(c->node->attrs, c->node->attr_count, name);
    for (const onnx_call *call = c->scope->call; a && *a->reference; call = call->outer) {
        if (!call) return NULL;
        const onnx_attr *given = attr_in(call->node->attrs, call->node->attr_count, a->reference);
        if (!given)
            return attr_in(call->function->defaults, call->function->default_count, a->reference);
        a = given;
    }
    return a;
}

int64_t onnx_int(const onnx_import *c, const char *name, int64_t otherwise) {
    const onnx_attr *a = onnx_attribute(c, name);
    return a ? a->i : otherwise;
}

float onnx_float(const onnx_import *c, const char *name, float otherwise) {
    const onnx_attr *a = onnx_attribute(c, name);
    return a ? a->f : otherwise;
}

const char *onnx_string(const onnx_import *c, const char *name, const char *otherwise) {
    const onnx_attr *a = onnx_attribute(c, name);
    return a ? a->s : otherwise;
}

bool onnx_list(onnx_import *c, const char *name, size_t k, int64_t *out, size_t room,
               size_t *count) {
    const onnx_attr *a = name ? onnx_attribute(c, name) : NULL;
    const onnx_known *known = NULL;
    *count = 0;
    if (!a && onnx_has_input(c, k)) {
        known = onnx_need_numbers(c, k, name ? name : "list");
        if (!known) return false;
    }
    if (!a && !known) return false;
    size_t n = a ? a->int_count : known->count;
    if (n > room || (known && onnx_type_is_real(known->type))) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its %s has %z numbers, at most %z integers make sense",
                     name ? name : "list", n, room);
        return false;
    }
    for (size_t i = 0; i < n; i++) out[i] = a ? a->ints[i] : known->at[i].i;
    *count = n;
    return true;
}

bool onnx_axis(onnx_import *c, int64_t axis, size_t rank, size_t *out) {
    int64_t r = (int64_t)rank;
    if (axis < -r || axis >= r) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "axis %D does not exist in %z dimensions", axis, rank);
        return false;
    }
    *out = (size_t)(axis < 0 ? axis + r : axis);
    return true;
}

const char *onnx_name(const onnx_import *c) { return c->node->name; }

// --- Layout -------------------------------------------------------------------------------------

static mite_ir_value *transpose(onnx_import *c, mite_ir_value *v, const int32_t *perm) {
    if (!v) return NULL;
    if (mite_ir_is_constant(v)) return mite_ir_transposed(c->g, v, perm);
    return MITE_IR_EMIT(c->g, .op = "transpose", .name = onnx_name(c), .inputs = {v},
                        .attrs = {{"perm", .list = perm, .list_count = 4}}, .scale = v->scale,
                        .zero_point = v->zero_point);
}

mite_ir_value *onnx_to_nhwc(onnx_import *c, mite_ir_value *v) {
    return transpose(c, v, (const int32_t[]){0, 2, 3, 1});
}

mite_ir_value *onnx_to_nchw(onnx_import *c, mite_ir_value *v) {
    return transpose(c, v, (const int32_t[]){0, 3, 1, 2});
}

mite_ir_value *onnx_reshape(onnx_import *c, mite_ir_value *v, size_t rank, const int32_t *dims) {
    if (!v) return NULL;
    if ((size_t)v->rank == rank && !memcmp(v->shape, dims, rank * sizeof *dims)) return v;
    if (mite_ir_is_constant(v)) return mite_ir_reshaped(c->g, v, rank, dims);
    return MITE_IR_EMIT(
        c->g, .op = "reshape", .name = onnx_name(c), .inputs = {v},
        .attrs = {{"rank", .word = (int32_t)rank}, {"shape", .list = dims, .list_count = rank}},
        .scale = v->scale, .zero_point = v->zero_point);
}
