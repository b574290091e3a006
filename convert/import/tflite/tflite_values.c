// SPDX-License-Identifier: Apache-2.0
// What handlers ask of the node being imported: its inputs, numbers, options, results.
#include "import/tflite/tflite_nodes.h"

#include <string.h>

// --- Tensors as values --------------------------------------------------------------------------

bool tfl_has(const tfl_import *c, size_t k) {
    return k < c->node->input_count && c->node->inputs[k] >= 0;
}

const tfl_tensor *tfl_input(const tfl_import *c, size_t k) {
    return tfl_has(c, k) ? &c->graph->tensors[c->node->inputs[k]] : NULL;
}

const tfl_tensor *tfl_output(const tfl_import *c, size_t k) {
    return k < c->node->output_count ? &c->graph->tensors[c->node->outputs[k]] : NULL;
}

static bool has_elements(const tfl_tensor *t) {
    size_t elements;
    return t->bad || !mite_shape_elements(&elements, t->rank, t->dims) || elements;
}

// Of the file, not of a node: with data, or so small that there is none.
bool tfl_is_constant_tensor(const tfl_import *c, int32_t index) {
    const tfl_tensor *t = &c->graph->tensors[index];
    return !c->values[index].computed && (t->data.bytes || t->sparsity.flat || !has_elements(t));
}

bool tfl_is_constant(const tfl_import *c, size_t k) {
    return tfl_has(c, k) && tfl_is_constant_tensor(c, c->node->inputs[k]);
}

tfl_value *tfl_value_of(tfl_import *c, size_t k) {
    if (!mite_ir_ok(c->g)) return NULL;
    if (!tfl_has(c, k)) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its input %z is missing", k);
        return NULL;
    }
    int32_t index = c->node->inputs[k];
    const tfl_tensor *t = &c->graph->tensors[index];
    if (!c->values[index].computed && t->bad) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its input %q cannot be used: %s", t->name,
                     t->bad);
        return NULL;
    }
    if (!c->values[index].computed && !tfl_is_constant_tensor(c, index)) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its input %q is computed by no earlier node",
                     c->graph->tensors[index].name);
        return NULL;
    }
    if (c->graph->tensors[index].type == TFL_COMPLEX64) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its input %q is complex, which is not supported",
                     c->graph->tensors[index].name);
        return NULL;
    }
    return &c->values[index];
}

mite_ir_value *tfl_in(tfl_import *c, size_t k) {
    tfl_value *v = tfl_value_of(c, k);
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
    tfl_value *v = tfl_value_of(c, k);
    if (!v || v->real) return v ? v->real : NULL;
    const tfl_tensor *t = tfl_input(c, k);
    if (tfl_is_constant_tensor(c, c->node->inputs[k])) {
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
    bool real = t && (tfl_is_quantized(t) || t->type == TFL_FLOAT16 || t->type == TFL_BFLOAT16 ||
                      t->type == TFL_FLOAT32);
    return real ? tfl_real(c, k) : tfl_in(c, k);
}

bool tfl_has_rank(tfl_import *c, const mite_ir_value *v) {
    if (!v || !mite_ir_ok(c->g)) return false;
    if (!v->unknown) return true;
    mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                 "the shape of %q depends on computed numbers, which is not supported here",
                 v->name);
    return false;
}

bool tfl_is_fixed(tfl_import *c, const mite_ir_value *v) {
    if (!tfl_has_rank(c, v)) return false;
    if (!v->open) return true;
    mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                 "dimensions of %q are open, which is not supported here; state the shapes of the "
                 "model's inputs",
                 v->name);
    return false;
}

int32_t tfl_dim(const mite_ir_value *v, size_t i) { return v->open >> i & 1 ? -1 : v->shape[i]; }

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

// The elements under the other stand-ins, where they differ.
static const void *other_elements_of(const mite_ir_value *v) {
    bool may = !v->data && v->guess && v->guess_open && mite_ir_is_fixed(v);
    return may ? v->other_guess : NULL;
}

bool tfl_has_numbers(tfl_import *c, size_t k) {
    const mite_ir_value *v = tfl_in(c, k);
    return v && elements_of(v);
}

static bool read_numbers(tfl_import *c, size_t k, const char *what, int64_t *out, size_t room,
                         size_t *count, bool some) {
    const mite_ir_value *v = tfl_in(c, k);
    *count = 0;
    if (!v) return false;
    const void *data = elements_of(v), *other = some ? other_elements_of(v) : NULL;
    if (other) data = v->guess;
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
    for (size_t i = 0; i < elements; i++) {
        out[i] = integer_at(data, v->dtype, i);
        if (other && integer_at(other, v->dtype, i) != out[i]) out[i] = -1;
    }
    *count = elements;
    return true;
}

bool tfl_numbers(tfl_import *c, size_t k, const char *what, int64_t *out, size_t room,
                 size_t *count) {
    return read_numbers(c, k, what, out, room, count, false);
}

bool tfl_some_numbers(tfl_import *c, size_t k, const char *what, int64_t *out, size_t room,
                      size_t *count) {
    return read_numbers(c, k, what, out, room, count, true);
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

mite_ir_value *tfl_movable(tfl_import *c, size_t k) {
    return tfl_same_quantization(c, k) ? tfl_in(c, k) : tfl_plain(c, k);
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
    const tfl_tensor *t = &c->graph->tensors[index];
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
    tfl_tensor *to = &c->graph->tensors[index];
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
