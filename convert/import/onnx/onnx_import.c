// SPDX-License-Identifier: Apache-2.0
// The import of an ONNX model from its first byte to the last output: values by name, missing
// operators, nodes one after another.
#include "import/onnx/onnx.h"

#include <string.h>

#define MIN_OPSET 7 // 9 is what tools still write; 7 and 8 mean the same for these operators
#define MAX_OPSET 26
#define MAX_MISSING 32 // operators named in one sentence

// --- Values by name -----------------------------------------------------------------------------

static onnx_value *new_value(onnx_import *c, const char *name) {
    if (c->value_count == c->value_room) {
        size_t room = c->value_room ? c->value_room * 2 : 64;
        onnx_value *more = mite_ir_alloc(c->g, room, sizeof *more);
        if (!more) return NULL;
        if (c->value_count) memcpy(more, c->values, c->value_count * sizeof *more);
        c->values = more;
        c->value_room = room;
    }
    if (!mite_names_add(c->g, &c->names, name, (uint32_t)c->value_count)) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "the name %q is given to two values", name);
        return NULL;
    }
    onnx_value *v = &c->values[c->value_count++];
    *v = (onnx_value){.name = name};
    return v;
}

static onnx_value *find_value(const onnx_import *c, const char *name) {
    uint32_t index;
    return mite_names_find(&c->names, name, &index) ? &c->values[index] : NULL;
}

bool onnx_has_input(const onnx_import *c, size_t k) {
    return k < c->node->input_count && *c->node->inputs[k];
}

bool onnx_has_output(const onnx_import *c, size_t k) {
    return k < c->node->output_count && *c->node->outputs[k];
}

static onnx_value *input_value(onnx_import *c, size_t k) {
    if (!mite_ir_ok(c->g) || !onnx_has_input(c, k)) return NULL;
    onnx_value *v = find_value(c, c->node->inputs[k]);
    if (!v) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its input %q is computed by no earlier node",
                     c->node->inputs[k]);
    }
    return v;
}

static mite_ir_value *known_constant(onnx_import *c, const char *name, const onnx_known *known) {
    mite_dtype dtype = onnx_dtype(known->type);
    if (!dtype) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "%q is of type %s, which is not supported", name,
                     onnx_type_name(known->type));
        return NULL;
    }
    mite_ir_value *v = mite_ir_constant(c->g, name, dtype, known->rank, known->dims);
    for (size_t i = 0; v && i < known->count; i++) {
        switch (dtype) {
        case MITE_F32: ((float *)v->data)[i] = (float)known->at[i].f; break;
        case MITE_I64: ((int64_t *)v->data)[i] = known->at[i].i; break;
        case MITE_I32: ((int32_t *)v->data)[i] = (int32_t)known->at[i].i; break;
        case MITE_I16: ((int16_t *)v->data)[i] = (int16_t)known->at[i].i; break;
        default: ((uint8_t *)v->data)[i] = (uint8_t)known->at[i].i; break;
        }
    }
    return v;
}

static mite_ir_value *graph_value(onnx_import *c, onnx_value *v) {
    if (!v || v->ir) return v ? v->ir : NULL;
    if (v->known) v->ir = known_constant(c, v->name, v->known);
    else if (v->tensor) v->ir = onnx_tensor_constant(c->g, v->tensor);
    else mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "the value %q cannot be used here", v->name);
    return v->ir;
}

mite_ir_value *onnx_in(onnx_import *c, size_t k) { return graph_value(c, input_value(c, k)); }

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

onnx_known *onnx_new_known(onnx_import *c, int32_t type, size_t rank, const int32_t *dims) {
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

const onnx_known *onnx_numbers(onnx_import *c, size_t k) {
    onnx_value *v = input_value(c, k);
    if (!v || v->known || !v->tensor) return v ? v->known : NULL;
    onnx_known *known = onnx_new_known(c, v->tensor->type, v->tensor->rank, v->tensor->dims);
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

static int32_t type_of(mite_dtype dtype) {
    switch (dtype) {
    case MITE_U8: return ONNX_UINT8;
    case MITE_I8: return ONNX_INT8;
    case MITE_I16: return ONNX_INT16;
    case MITE_I32: return ONNX_INT32;
    case MITE_I64: return ONNX_INT64;
    case MITE_BOOL: return ONNX_BOOL;
    default: return ONNX_FLOAT;
    }
}

bool onnx_shape(onnx_import *c, size_t k, int32_t *type, size_t *rank, int32_t *dims) {
    const onnx_value *v = input_value(c, k);
    const int32_t *from;
    if (!v) return false;
    if (v->known) {
        *type = v->known->type, *rank = v->known->rank, from = v->known->dims;
    } else if (v->tensor) {
        *type = v->tensor->type, *rank = v->tensor->rank, from = v->tensor->dims;
    } else if (v->ir) {
        *type = type_of(v->ir->dtype), *rank = (size_t)v->ir->rank, from = v->ir->shape;
    } else {
        return false;
    }
    memcpy(dims, from, *rank * sizeof *dims);
    return true;
}

void onnx_let_go(onnx_import *c, size_t k) {
    onnx_value *v = input_value(c, k);
    if (!v || !v->tensor || !v->ir || v->ir->uses || v->ir->origin) return;
    mite_ir_release(c->g, v->ir);
    v->ir = NULL; // made anew should another node want it
}

void onnx_set(onnx_import *c, size_t k, mite_ir_value *v) {
    if (!v || !onnx_has_output(c, k)) return;
    onnx_value *out = new_value(c, c->node->outputs[k]);
    if (!out) return;
    out->ir = v;
    if (v->producer && !*v->name) v->name = out->name;
}

void onnx_set_known(onnx_import *c, size_t k, const onnx_known *known) {
    onnx_value *out = known && onnx_has_output(c, k) ? new_value(c, c->node->outputs[k]) : NULL;
    if (out) out->known = known;
}

void onnx_set_tensor(onnx_import *c, size_t k, const onnx_tensor *t) {
    onnx_value *out = onnx_has_output(c, k) ? new_value(c, c->node->outputs[k]) : NULL;
    if (out) out->tensor = t;
}

// --- Attributes ---------------------------------------------------------------------------------

const onnx_attr *onnx_attribute(const onnx_import *c, const char *name) {
    for (size_t i = 0; i < c->node->attr_count; i++) {
        if (!strcmp(c->node->attrs[i].name, name)) return &c->node->attrs[i];
    }
    return NULL;
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

// --- The model ----------------------------------------------------------------------------------

// One sentence for all operators that are missing, each with its first node.
static bool check_operators(onnx_import *c) {
    const onnx_node *missing[MAX_MISSING];
    size_t count = 0;
    for (size_t i = 0; i < c->model.node_count && count < MAX_MISSING; i++) {
        const onnx_node *n = &c->model.nodes[i];
        bool standard = !*n->domain || !strcmp(n->domain, "ai.onnx");
        if (standard && onnx_op_find(n->op_type)) continue;
        size_t k = 0;
        while (k < count &&
               (strcmp(missing[k]->op_type, n->op_type) || strcmp(missing[k]->domain, n->domain))) {
            k++;
        }
        if (k == count) missing[count++] = n;
    }
    if (!count) return true;
    mite_text list = {0};
    for (size_t i = 0; i < count; i++) {
        mite_text_format(&list, "%s%s%s%s (first at node %q)", i ? ", " : "", missing[i]->domain,
                         *missing[i]->domain ? "." : "", missing[i]->op_type, missing[i]->name);
    }
    mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                 "the converter lacks %z operator%s of this model, ONNX opset %D: %s", count,
                 count > 1 ? "s" : "", c->model.opset, list.data ? list.data : "");
    mite_text_free(&list);
    return false;
}

static bool add_tensors(onnx_import *c) {
    for (size_t i = 0; i < c->model.tensor_count; i++) {
        onnx_value *v = new_value(c, c->model.tensors[i].name);
        if (!v) return false;
        v->tensor = &c->model.tensors[i];
    }
    if (c->model.has_sparse) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "the model has sparse initializers; export it with dense ones");
    }
    return mite_ir_ok(c->g);
}

static const mite_import_shape *stated_shape(const onnx_import *c, const char *name) {
    for (size_t i = 0; i < c->options->shape_count; i++) {
        if (!strcmp(c->options->shapes[i].name, name)) return &c->options->shapes[i];
    }
    return NULL;
}

static bool fits(const onnx_port *p, const mite_import_shape *s) {
    if (p->has_shape && p->rank != s->rank) return false;
    for (size_t i = 0; i < s->rank; i++) {
        if (s->dims[i] < 1 || (p->has_shape && p->dims[i] > 0 && p->dims[i] != s->dims[i])) {
            return false;
        }
    }
    return true;
}

// The shape of a graph input: stated, or the file's with 1 for what it leaves open.
static bool input_shape(onnx_import *c, const onnx_port *p, int32_t *dims, size_t *rank) {
    const mite_import_shape *stated = stated_shape(c, p->name);
    if (stated && !fits(p, stated)) {
        mite_ir_fail(c->g, MITE_ERR_ARGUMENT,
                     "the shape %T given for input %q does not fit the model's own", stated->rank,
                     stated->dims, p->name);
        return false;
    }
    if (!stated && !p->has_shape) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "input %q has no shape in the file; state one, as in --input-shape "
                     "%s=1,3,224,224",
                     p->name, p->name);
        return false;
    }
    *rank = stated ? stated->rank : p->rank;
    bool open = false;
    for (size_t i = 0; i < *rank; i++) {
        int64_t dim = stated ? stated->dims[i] : p->dims[i];
        if (dim > INT32_MAX) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT, "input %q: dimension %z is %D", p->name, i, dim);
            return false;
        }
        if (dim < 0 && i > 0) open = true;
        dims[i] = dim < 0 ? 1 : (int32_t)dim;
    }
    if (open) {
        mite_text_format(c->warnings,
                         "input %q leaves dimensions open; they were taken as 1, giving %T "
                         "(state others with --input-shape)\n",
                         p->name, *rank, dims);
    }
    return true;
}

static bool add_inputs(onnx_import *c) {
    for (size_t i = 0; i < c->model.input_count && mite_ir_ok(c->g); i++) {
        const onnx_port *p = &c->model.inputs[i];
        int32_t dims[MITE_MAX_RANK];
        size_t rank;
        const onnx_value *known = find_value(c, p->name);
        if (known && known->tensor) continue; // an initializer that old files list as input too
        if (p->type != ONNX_FLOAT && p->type != ONNX_UINT8 && p->type != ONNX_INT8) {
            mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                         "input %q is of type %s; float, uint8 and int8 are supported", p->name,
                         onnx_type_name(p->type));
            return false;
        }
        if (!input_shape(c, p, dims, &rank)) return false;
        onnx_value *v = new_value(c, p->name);
        if (!v) return false;
        v->ir = mite_ir_input(c->g, p->name, onnx_dtype(p->type), rank, dims);
    }
    for (size_t i = 0; i < c->options->shape_count; i++) {
        const onnx_value *v = find_value(c, c->options->shapes[i].name);
        if (!v || !v->ir) {
            mite_ir_fail(c->g, MITE_ERR_ARGUMENT, "a shape is given for %q, which is no input",
                         c->options->shapes[i].name);
        }
    }
    return mite_ir_ok(c->g);
}

// Puts the node in front of a sentence that a handler or the graph has written.
static void say_where(onnx_import *c) {
    mite_ir_error *e = &c->g->error;
    char sentence[sizeof e->text];
    memcpy(sentence, e->text, sizeof sentence);
    mite_format(e->text, sizeof e->text, "ONNX node %q (%s, opset %D): %s", c->node->name,
                c->node->op_type, c->model.opset, sentence);
}

static bool import_nodes(onnx_import *c) {
    for (size_t i = 0; i < c->model.node_count; i++) {
        c->node = &c->model.nodes[i];
        if (!onnx_fold(c)) onnx_op_find(c->node->op_type)->handle(c);
        if (!mite_ir_ok(c->g)) {
            say_where(c);
            return false;
        }
    }
    return true;
}

static bool add_outputs(onnx_import *c) {
    for (size_t i = 0; i < c->model.output_count && mite_ir_ok(c->g); i++) {
        const char *name = c->model.outputs[i].name;
        onnx_value *v = find_value(c, name);
        if (!v) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT, "output %q is computed by no node", name);
            return false;
        }
        mite_ir_value *result = graph_value(c, v);
        // int8 was taken as u8 inside; outside it stays what it was.
        if (result && result->dtype == MITE_U8 && c->model.outputs[i].type == ONNX_INT8) {
            result = MITE_IR_EMIT(c->g, .op = "quantize", .name = name, .inputs = {result},
                                  .dtype = MITE_I8, .scale = result->scale,
                                  .zero_point = result->zero_point - 128);
        }
        mite_ir_output(c->g, name, result);
    }
    if (!c->model.output_count) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "the model has no output");
    }
    return mite_ir_ok(c->g);
}

bool mite_import_onnx(mite_ir_graph *g, const uint8_t *bytes, size_t byte_count,
                      const mite_import_options *options, mite_text *warnings) {
    onnx_import c = {.g = g, .options = options, .warnings = warnings};
    if (!onnx_read_model(g, (mite_span){bytes, byte_count}, &c.model)) return false;
    if (c.model.opset < MIN_OPSET || c.model.opset > MAX_OPSET) {
        mite_ir_fail(g, MITE_ERR_UNSUPPORTED,
                     "the model is of ONNX opset %D; opsets %d to %d are read", c.model.opset,
                     MIN_OPSET, MAX_OPSET);
        return false;
    }
    return check_operators(&c) && add_tensors(&c) && add_inputs(&c) && import_nodes(&c) &&
           add_outputs(&c);
}
