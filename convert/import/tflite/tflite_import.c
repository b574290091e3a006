// SPDX-License-Identifier: Apache-2.0
// The import of a TFLite model from its first byte to the last output: tensors by number, missing
// operators, nodes one after another.
#include "import/tflite/tflite.h"

#include <math.h>
#include <string.h>

#define MAX_MISSING 32 // operators named in one sentence

// --- Tensors as values --------------------------------------------------------------------------

bool tfl_has(const tfl_import *c, size_t k) {
    return k < c->node->input_count && c->node->inputs[k] >= 0;
}

const tfl_tensor *tfl_input(const tfl_import *c, size_t k) {
    return tfl_has(c, k) ? &c->model.tensors[c->node->inputs[k]] : NULL;
}

const tfl_tensor *tfl_output(const tfl_import *c, size_t k) {
    return k < c->node->output_count ? &c->model.tensors[c->node->outputs[k]] : NULL;
}

static bool has_elements(const tfl_tensor *t) {
    size_t elements;
    return t->bad || !mite_shape_elements(&elements, t->rank, t->dims) || elements;
}

// Of the file, not of a node: with data, or so small that there is none.
static bool is_constant(const tfl_import *c, int32_t index) {
    const tfl_tensor *t = &c->model.tensors[index];
    return !c->values[index].computed && (t->data.bytes || t->sparsity.flat || !has_elements(t));
}

bool tfl_is_constant(const tfl_import *c, size_t k) {
    return tfl_has(c, k) && is_constant(c, c->node->inputs[k]);
}

static tfl_value *value_of(tfl_import *c, size_t k) {
    if (!mite_ir_ok(c->g)) return NULL;
    if (!tfl_has(c, k)) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its input %z is missing", k);
        return NULL;
    }
    int32_t index = c->node->inputs[k];
    if (!c->values[index].computed && !is_constant(c, index)) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its input %q is computed by no earlier node",
                     c->model.tensors[index].name);
        return NULL;
    }
    return &c->values[index];
}

mite_ir_value *tfl_in(tfl_import *c, size_t k) {
    tfl_value *v = value_of(c, k);
    if (v && !v->stored) v->stored = tfl_stored_constant(c, tfl_input(c, k));
    return v ? v->stored : NULL;
}

// The operators of the core are for bytes; those for all types take the scale as an input.
static mite_ir_value *dequantized(tfl_import *c, const tfl_tensor *t, mite_ir_value *v) {
    float scale;
    int32_t zero_point;
    if (v->dtype != MITE_I16) {
        return MITE_IR_EMIT(c->g, .op = "dequantize", .name = t->name, .inputs = {v},
                            .dtype = MITE_F32);
    }
    if (!tfl_stored_quantization(c, t, &scale, &zero_point)) return NULL;
    return MITE_IR_EMIT(c->g, .op = "dequantize_linear", .name = t->name,
                        .inputs = {v, tfl_scalar(c, scale)}, .dtype = MITE_F32);
}

mite_ir_value *tfl_real(tfl_import *c, size_t k) {
    tfl_value *v = value_of(c, k);
    if (!v || v->real) return v ? v->real : NULL;
    const tfl_tensor *t = tfl_input(c, k);
    if (is_constant(c, c->node->inputs[k])) {
        v->real = tfl_real_constant(c, t);
    } else if (v->stored && v->stored->dtype == MITE_F32) {
        v->real = v->stored;
    } else if (v->stored && tfl_is_quantized(t)) {
        v->real = dequantized(c, t, v->stored);
    } else {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its input %q of type %s is not supported here",
                     t->name, tfl_type_name(t->type));
    }
    return v->real;
}

mite_ir_value *tfl_plain(tfl_import *c, size_t k) {
    const tfl_tensor *t = tfl_input(c, k);
    bool real = t && (tfl_is_quantized(t) || t->type == TFL_FLOAT16 || t->type == TFL_FLOAT32);
    return real ? tfl_real(c, k) : tfl_in(c, k);
}

bool tfl_is_fixed(tfl_import *c, const mite_ir_value *v) {
    if (!v || !mite_ir_ok(c->g)) return false;
    if (!v->unknown) return true;
    mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                 "the shape of %q depends on computed numbers, which is not supported here",
                 v->name);
    return false;
}

static int64_t integer_at(const void *data, mite_dtype dtype, size_t i) {
    switch (dtype) {
    case MITE_I64: return ((const int64_t *)data)[i];
    case MITE_I32: return ((const int32_t *)data)[i];
    case MITE_U32: return ((const uint32_t *)data)[i];
    case MITE_I16: return ((const int16_t *)data)[i];
    case MITE_I8: return ((const int8_t *)data)[i];
    default: return ((const uint8_t *)data)[i];
    }
}

// The elements of a value where they follow from constants and shapes that never change.
static const void *elements_of(const mite_ir_value *v) {
    return v->data ? v->data : v->guess_open ? NULL : v->guess;
}

bool tfl_has_numbers(tfl_import *c, size_t k) {
    const mite_ir_value *v = tfl_in(c, k);
    return v && elements_of(v);
}

bool tfl_numbers(tfl_import *c, size_t k, const char *what, int64_t *out, size_t room,
                 size_t *count) {
    const mite_ir_value *v = tfl_in(c, k);
    *count = 0;
    if (!v) return false;
    const void *data = elements_of(v);
    if (!data) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "its %s (%q) is computed while the model runs; only fixed ones are supported",
                     what, v->name);
        return false;
    }
    bool integer = v->dtype != MITE_F32 && v->dtype != MITE_F64 && v->dtype != MITE_F16;
    size_t elements = mite_ir_elements(v);
    if (!integer || elements > room) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT,
                     "its %s has %z numbers of type %s; at most %z integers "
                     "make sense",
                     what, elements, mite_ir_dtype_name(v->dtype), room);
        return false;
    }
    for (size_t i = 0; i < elements; i++) out[i] = integer_at(data, v->dtype, i);
    *count = elements;
    return true;
}

int64_t tfl_number(tfl_import *c, size_t k, const char *what, int64_t otherwise) {
    int64_t n;
    size_t count;
    if (!tfl_numbers(c, k, what, &n, 1, &count)) return otherwise;
    if (count == 1) return n;
    mite_ir_fail(c->g, MITE_ERR_FORMAT, "its %s is empty", what);
    return otherwise;
}

bool tfl_axis(tfl_import *c, int64_t axis, size_t rank, size_t *out) {
    int64_t r = (int64_t)rank;
    if (axis < -r || axis >= r) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "axis %D does not exist in %z dimensions", axis, rank);
        return false;
    }
    *out = (size_t)(axis < 0 ? axis + r : axis);
    return true;
}

bool tfl_same_quantization(tfl_import *c, size_t k) {
    const tfl_tensor *x = tfl_input(c, k), *y = tfl_output(c, 0);
    float scales[2];
    int32_t zero_points[2];
    if (!x || !y || x->type != y->type || tfl_is_quantized(x) != tfl_is_quantized(y)) return false;
    if (!tfl_is_quantized(x)) return true;
    return tfl_stored_quantization(c, x, &scales[0], &zero_points[0]) &&
           tfl_stored_quantization(c, y, &scales[1], &zero_points[1]) && scales[0] == scales[1] &&
           zero_points[0] == zero_points[1];
}

// --- Results ------------------------------------------------------------------------------------

mite_ir_value *tfl_quantized(tfl_import *c, size_t k, mite_ir_value *v) {
    const tfl_tensor *t = tfl_output(c, k);
    float scale;
    int32_t zero_point;
    if (!v || !t || !tfl_is_quantized(t)) return v;
    if (!tfl_stored_quantization(c, t, &scale, &zero_point)) return NULL;
    if (t->type == TFL_INT16) {
        return MITE_IR_EMIT(c->g, .op = "quantize_linear", .name = t->name,
                            .inputs = {v, tfl_scalar(c, scale)}, .dtype = MITE_I16, .scale = scale);
    }
    return MITE_IR_EMIT(c->g, .op = "quantize", .name = t->name, .inputs = {v},
                        .dtype = tfl_stored_dtype(t), .scale = scale, .zero_point = zero_point);
}

void tfl_set(tfl_import *c, size_t k, mite_ir_value *v) {
    if (!v || !mite_ir_ok(c->g) || k >= c->node->output_count) return;
    int32_t index = c->node->outputs[k];
    const tfl_tensor *t = &c->model.tensors[index];
    tfl_value *out = &c->values[index];
    if (out->computed) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its output %q is computed twice, or an input",
                     t->name);
        return;
    }
    mite_dtype dtype = tfl_stored_dtype(t);
    if (v->dtype == MITE_F32) v = tfl_quantized(c, k, v);
    if (v && v->dtype != dtype) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its output %q is %s in the file, here it is %s",
                     t->name, tfl_type_name(t->type), mite_ir_dtype_name(v->dtype));
    }
    out->stored = v;
    out->computed = true;
}

bool tfl_pass_constant(tfl_import *c) {
    const tfl_tensor *from = tfl_input(c, 0);
    if (!from || !tfl_is_constant(c, 0) || c->node->output_count != 1) return false;
    if (tfl_is_quantized(from) && !from->sparsity.flat) return false;
    int32_t index = c->node->outputs[0];
    tfl_tensor *to = &c->model.tensors[index];
    if (c->values[index].computed || to->data.bytes || to->sparsity.flat) return false;
    const char *name = to->name;
    *to = *from;
    to->name = name;
    return true;
}

const char *tfl_name(const tfl_import *c) {
    const tfl_tensor *t = tfl_output(c, 0);
    return t ? t->name : "";
}

int32_t tfl_option(const tfl_import *c, size_t field) {
    return mite_flat_i32(&c->node->options, field, 0);
}

int32_t tfl_option_byte(const tfl_import *c, size_t field) {
    return mite_flat_i8(&c->node->options, field, 0);
}

float tfl_option_float(const tfl_import *c, size_t field) {
    return mite_flat_f32(&c->node->options, field, 0.0f);
}

// --- Small nodes --------------------------------------------------------------------------------

mite_ir_value *tfl_emit_unary(tfl_import *c, const char *op, mite_ir_value *x) {
    if (!x) return NULL;
    return MITE_IR_EMIT(c->g, .op = op, .name = tfl_name(c), .inputs = {x}, .scale = x->scale,
                        .zero_point = x->zero_point);
}

mite_ir_value *tfl_emit_binary(tfl_import *c, const char *op, mite_ir_value *a, mite_ir_value *b) {
    if (!a || !b) return NULL;
    return MITE_IR_EMIT(c->g, .op = op, .name = tfl_name(c), .inputs = {a, b});
}

enum { ACTIVATION_NONE, RELU, RELU_N1_TO_1, RELU6, ACTIVATION_TANH };

bool tfl_activation_limits(tfl_import *c, int32_t activation, float *lo, float *hi) {
    *lo = activation == ACTIVATION_NONE ? -INFINITY : activation == RELU_N1_TO_1 ? -1.0f : 0.0f;
    *hi = activation == RELU_N1_TO_1 ? 1.0f : activation == RELU6 ? 6.0f : INFINITY;
    if (activation >= ACTIVATION_NONE && activation <= RELU6) return true;
    mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its activation %d is not supported", activation);
    return false;
}

mite_ir_value *tfl_activate(tfl_import *c, mite_ir_value *v, int32_t activation) {
    float lo, hi;
    if (!v || activation == ACTIVATION_NONE) return v;
    if (activation == ACTIVATION_TANH) return tfl_emit_unary(c, "tanh", v);
    if (!tfl_activation_limits(c, activation, &lo, &hi)) return NULL;
    return MITE_IR_EMIT(
        c->g, .op = "clamp", .name = tfl_name(c), .inputs = {v},
        .attrs = {{"lo", .word = mite_ir_bits(lo)}, {"hi", .word = mite_ir_bits(hi)}});
}

mite_ir_value *tfl_reshape(tfl_import *c, mite_ir_value *v, size_t rank, const int32_t *shape) {
    if (!v || !tfl_is_fixed(c, v)) return NULL;
    if ((size_t)v->rank == rank && !memcmp(v->shape, shape, rank * sizeof *shape)) return v;
    if (mite_ir_is_constant(v) && v->scale == 0) return mite_ir_reshaped(c->g, v, rank, shape);
    return MITE_IR_EMIT(
        c->g, .op = "reshape", .name = tfl_name(c), .inputs = {v},
        .attrs = {{"rank", .word = (int32_t)rank}, {"shape", .list = shape, .list_count = rank}},
        .scale = v->scale, .zero_point = v->zero_point);
}

mite_ir_value *tfl_transpose(tfl_import *c, mite_ir_value *v, const int32_t *perm) {
    if (!v || !tfl_is_fixed(c, v)) return NULL;
    if (mite_ir_is_constant(v) && v->scale == 0) return mite_ir_transposed(c->g, v, perm);
    return MITE_IR_EMIT(c->g, .op = "transpose", .name = tfl_name(c), .inputs = {v},
                        .attrs = {{"perm", .list = perm, .list_count = (size_t)v->rank}},
                        .scale = v->scale, .zero_point = v->zero_point);
}

mite_ir_value *tfl_concat(tfl_import *c, mite_ir_value **list, size_t count, size_t axis) {
    if (!mite_ir_ok(c->g) || !count || !list[0]) return NULL;
    return MITE_IR_EMIT(c->g, .op = "concat", .name = tfl_name(c), .input_list = list,
                        .input_count = count, .attrs = {{"axis", .word = (int32_t)axis}},
                        .scale = list[0]->scale, .zero_point = list[0]->zero_point);
}

mite_ir_value *tfl_scalar(tfl_import *c, float value) {
    mite_ir_value *v = mite_ir_constant(c->g, tfl_name(c), MITE_F32, 0, NULL);
    if (v) *(float *)v->data = value;
    return v;
}

mite_ir_value *tfl_integers(tfl_import *c, const int64_t *data, size_t count) {
    int32_t dim = (int32_t)count;
    mite_ir_value *v = mite_ir_constant(c->g, tfl_name(c), MITE_I64, 1, &dim);
    if (v && count) memcpy(v->data, data, v->bytes);
    return v;
}

// --- The model ----------------------------------------------------------------------------------

static bool same_operator(const tfl_node *a, const tfl_node *b) {
    return a->code == b->code && !strcmp(a->custom, b->custom);
}

static void add_name(mite_text *list, const tfl_node *n) {
    const tfl_op *op = tfl_op_of(n);
    if (*n->custom) mite_text_format(list, "custom operator %q", n->custom);
    else if (op) mite_text_format(list, "%s", op->name);
    else mite_text_format(list, "builtin %d", n->code);
}

// One sentence for all operators that are missing, each with its first node.
static bool check_operators(tfl_import *c) {
    const tfl_node *missing[MAX_MISSING];
    size_t count = 0;
    for (size_t i = 0; i < c->model.node_count && count < MAX_MISSING; i++) {
        const tfl_node *n = &c->model.nodes[i];
        const tfl_op *op = tfl_op_of(n);
        if (op && op->handle) continue;
        size_t k = 0;
        while (k < count && !same_operator(missing[k], n)) k++;
        if (k == count) missing[count++] = n;
    }
    if (!count) return true;
    mite_text list = {0};
    for (size_t i = 0; i < count; i++) {
        if (i) mite_text_format(&list, "%s", ", ");
        add_name(&list, missing[i]);
        mite_text_format(&list, " (first at node %z)", (size_t)(missing[i] - c->model.nodes));
    }
    mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                 "the converter lacks %z operator%s of this TFLite model: %s", count,
                 count > 1 ? "s" : "", list.data ? list.data : "");
    mite_text_free(&list);
    return false;
}

static const mite_import_shape *stated_shape(const tfl_import *c, const char *name) {
    for (size_t i = 0; i < c->options->shape_count; i++) {
        if (!strcmp(c->options->shapes[i].name, name)) return &c->options->shapes[i];
    }
    return NULL;
}

// The file's shape is what its dimensions are, or were when it was converted where they are open.
static bool input_shape(tfl_import *c, const tfl_tensor *t, int32_t *dims) {
    const mite_import_shape *stated = stated_shape(c, t->name);
    bool fits = !stated || stated->rank == t->rank;
    for (size_t i = 0; i < t->rank; i++) {
        dims[i] = t->dims[i];
        if (!stated || !fits) continue;
        fits = stated->dims[i] >= 1 && (t->open >> i & 1 || stated->dims[i] == t->dims[i]);
        dims[i] = stated->dims[i];
    }
    if (!fits) {
        mite_ir_fail(c->g, MITE_ERR_ARGUMENT,
                     "the shape %T given for input %q does not fit the model's own %T",
                     stated->rank, stated->dims, t->name, t->rank, t->dims);
    }
    return fits;
}

static bool add_input(tfl_import *c, int32_t index) {
    const tfl_tensor *t = &c->model.tensors[index];
    tfl_value *v = &c->values[index];
    int32_t dims[MITE_MAX_RANK];
    mite_dtype dtype = tfl_stored_dtype(t);
    if (t->bad || !dtype || t->type == TFL_FLOAT16 || t->type == TFL_INT4) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "input %q of type %s is not supported%s%s",
                     t->name, tfl_type_name(t->type), t->bad ? ": " : "", t->bad ? t->bad : "");
        return false;
    }
    if (v->computed) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "input %q is there twice", t->name);
        return false;
    }
    v->computed = true;
    if (!input_shape(c, t, dims)) return false;
    bool as_u8 = t->type == TFL_INT8 && dtype == MITE_U8;
    v->stored = mite_ir_input(c->g, t->name, as_u8 ? MITE_I8 : dtype, t->rank, dims);
    if (!v->stored || !tfl_is_quantized(t)) return v->stored != NULL;
    float scale;
    int32_t zero_point;
    if (!tfl_stored_quantization(c, t, &scale, &zero_point)) return false;
    v->stored->scale = scale;
    v->stored->zero_point = zero_point - (as_u8 ? 128 : 0);
    if (as_u8) {
        v->stored = MITE_IR_EMIT(c->g, .op = "quantize", .name = t->name, .inputs = {v->stored},
                                 .dtype = MITE_U8, .scale = scale, .zero_point = zero_point);
    }
    return v->stored != NULL;
}

static bool add_inputs(tfl_import *c) {
    for (size_t i = 0; i < c->model.input_count; i++) {
        if (!add_input(c, c->model.inputs[i])) return false;
    }
    for (size_t i = 0; i < c->options->shape_count; i++) {
        const char *name = c->options->shapes[i].name;
        size_t k = 0;
        while (k < c->g->input_count && strcmp(c->g->inputs[k].name, name)) k++;
        if (k < c->g->input_count) continue;
        mite_ir_fail(c->g, MITE_ERR_ARGUMENT, "a shape is given for %q, which is no input", name);
    }
    return mite_ir_ok(c->g);
}

// Puts the node in front of a sentence that a handler or the graph has written.
static void say_where(tfl_import *c) {
    mite_ir_error *e = &c->g->error;
    char sentence[sizeof e->text];
    memcpy(sentence, e->text, sizeof sentence);
    mite_format(e->text, sizeof e->text, "TFLite node %z (%s, output %q): %s",
                (size_t)(c->node - c->model.nodes), tfl_op_of(c->node)->name, tfl_name(c),
                sentence);
}

static bool import_nodes(tfl_import *c) {
    for (size_t i = 0; i < c->model.node_count; i++) {
        c->node = &c->model.nodes[i];
        tfl_op_of(c->node)->handle(c);
        if (mite_ir_ok(c->g) && c->model.flat.bad) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT, "the file is damaged here: %s (at byte %z)",
                         c->model.flat.bad, c->model.flat.bad_at);
        }
        for (size_t k = 0; mite_ir_ok(c->g) && k < c->node->output_count; k++) {
            int32_t index = c->node->outputs[k];
            if (c->values[index].computed || is_constant(c, index)) continue;
            mite_ir_fail(c->g, MITE_ERR_FORMAT, "it cannot have an output %z (%q)", k,
                         tfl_output(c, k)->name);
        }
        if (!mite_ir_ok(c->g)) {
            say_where(c);
            return false;
        }
    }
    return true;
}

static bool add_outputs(tfl_import *c) {
    for (size_t i = 0; i < c->model.output_count && mite_ir_ok(c->g); i++) {
        int32_t index = c->model.outputs[i];
        const tfl_tensor *t = &c->model.tensors[index];
        tfl_value *v = &c->values[index];
        if (!v->computed && !is_constant(c, index)) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT, "output %q is computed by no node", t->name);
            return false;
        }
        if (!v->stored) v->stored = tfl_stored_constant(c, t);
        mite_ir_value *result = v->stored;
        // int8 was taken as u8 inside; outside it stays what it was.
        if (result && t->type == TFL_INT8 && result->dtype == MITE_U8) {
            result = MITE_IR_EMIT(c->g, .op = "quantize", .name = t->name, .inputs = {result},
                                  .dtype = MITE_I8, .scale = result->scale,
                                  .zero_point = result->zero_point - 128);
        }
        mite_ir_output(c->g, t->name, result);
    }
    if (!c->model.output_count) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "the model has no output");
    }
    return mite_ir_ok(c->g);
}

bool mite_import_tflite(mite_ir_graph *g, const uint8_t *bytes, size_t byte_count,
                        const mite_import_options *options, mite_text *warnings) {
    tfl_import c = {.g = g, .options = options, .warnings = warnings};
    if (!tfl_read_model(g, (mite_span){bytes, byte_count}, &c.model)) return false;
    // Sparse and half-precision weights grow; a small file must not become a giant.
    size_t most = SIZE_MAX / 2 - (256u << 20);
    c.constant_bytes = (256u << 20) + (byte_count < most / 16 ? 16 * byte_count : most);
    c.values = mite_ir_alloc(g, c.model.tensor_count + 1, sizeof *c.values);
    return c.values && check_operators(&c) && add_inputs(&c) && import_nodes(&c) && add_outputs(&c);
}
