// SPDX-License-Identifier: Apache-2.0
// Convolutions of i16 activations, and of real numbers that are quantized while the model runs
// ("dynamic range": f32 input, i8 weights). The fast kernels are not for those.
#include "import/tflite/tflite_window.h"

#include <math.h>
#include <string.h>

static float weight_scale(const mite_ir_value *q, size_t n) {
    return q->scales[q->quant_count > 1 ? n : 0];
}

static mite_ir_value *i16_factors(tfl_import *c, const mite_ir_value *weights, float in, float out,
                                  int32_t bits) {
    int32_t columns = weights->shape[0];
    mite_ir_value *v =
        mite_ir_constant(c->g, tfl_name(c), MITE_I32, 2, (const int32_t[]){2, columns});
    for (int32_t n = 0; v && n < columns; n++) {
        int32_t *factor = (int32_t *)v->data + n;
        tfl_fixed_factor((double)in * (double)weight_scale(weights, (size_t)n) / (double)out, bits,
                         factor, factor + columns);
        if (factor[columns] <= 14) continue;
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "the scales of its input and weights are too large for that of its output");
        return NULL;
    }
    return v;
}

static int32_t bias_count(const tfl_product *p) {
    return p->weights->shape[0] / (p->phases ? p->phases : 1);
}

static mite_ir_value *i64_bias(tfl_import *c, size_t k, int32_t columns, int32_t count) {
    mite_ir_value *out = mite_ir_constant(c->g, tfl_name(c), MITE_I64, 1, &columns);
    if (!out || !tfl_has(c, k)) return out;
    const mite_ir_value *b = tfl_is_constant(c, k) ? tfl_in(c, k) : NULL;
    bool wide = b && b->dtype == MITE_I64;
    if (!b || (!wide && b->dtype != MITE_I32) || mite_ir_elements(b) != (size_t)count) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its bias must be %d constant integers", count);
        return NULL;
    }
    for (int32_t i = 0; i < columns; i++) {
        int32_t n = i % count;
        ((int64_t *)out->data)[i] =
            wide ? ((const int64_t *)b->data)[n] : ((const int32_t *)b->data)[n];
    }
    return out;
}

static mite_ir_value *emit_i16(tfl_import *c, mite_ir_value *x, const tfl_product *p) {
    float in, out;
    int32_t zero, lo, hi;
    const tfl_tensor *y = tfl_output(c, 0);
    mite_ir_value *weights = p->weights->origin;
    if (!y || y->type != TFL_INT16 || !tfl_is_quantized(y)) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "int16 input must give quantized int16 output");
        return NULL;
    }
    if (!tfl_stored_quantization(c, tfl_input(c, p->x), &in, &zero) ||
        !tfl_stored_quantization(c, y, &out, &zero) ||
        !tfl_activation_quanta(c, p->activation, &lo, &hi)) {
        return NULL;
    }
    int32_t bits = strcmp(tfl_op_of(c->node)->name, "FULLY_CONNECTED") ? 15 : 31;
    mite_ir_value *factors = i16_factors(c, weights, in, out, bits);
    mite_ir_value *bias = i64_bias(c, p->bias, weights->shape[0], bias_count(p));
    if (!factors || !bias) return NULL;
    return MITE_IR_EMIT(c->g, .op = "conv2d_i16", .name = tfl_name(c),
                        .inputs = {x, weights, bias, factors}, .scale = out,
                        .attrs = {TFL_WINDOW_ATTRS(&p->window),
                                  {"dilation_h", .word = p->window.dilation[0]},
                                  {"dilation_w", .word = p->window.dilation[1]},
                                  {"groups", .word = p->groups},
                                  {"lo", .word = lo},
                                  {"hi", .word = hi},
                                  {"factor_bits", .word = bits}});
}

// Scales of the weights, and the sums of their rows, for each column.
static bool column_constants(tfl_import *c, const mite_ir_value *weights, mite_ir_value **scales,
                             mite_ir_value **sums) {
    int32_t columns = weights->shape[0];
    *scales = mite_ir_constant(c->g, tfl_name(c), MITE_F32, 1, &columns);
    *sums = mite_ir_constant(c->g, tfl_name(c), MITE_I32, 1, &columns);
    if (!*scales || !*sums) return false;
    size_t row = mite_ir_elements(weights) / (size_t)columns;
    for (size_t n = 0; n < (size_t)columns; n++) {
        const int8_t *w = (const int8_t *)weights->data + n * row;
        uint32_t sum = 0; // wraps, as sums of products do
        for (size_t i = 0; i < row; i++) sum += (uint32_t)w[i];
        ((int32_t *)(*sums)->data)[n] = (int32_t)sum;
        ((float *)(*scales)->data)[n] = weight_scale(weights, n);
    }
    return true;
}

typedef struct quantized {
    mite_ir_value *y, *scale, *zero;
} quantized;

// One image's quanta, by the operator that is there for transformers.
static quantized quantize_image(tfl_import *c, mite_ir_value *x) {
    static const mite_dtype more[] = {MITE_F32, MITE_U8};
    mite_ir_value *y = MITE_IR_EMIT(c->g, .op = "dynamic_quantize", .name = tfl_name(c),
                                    .inputs = {x}, .dtype = MITE_U8, .more_dtypes = more,
                                    .more_outputs = 2, .attrs = {{"half_away", .word = 1}});
    return (quantized){y, mite_ir_output_at(y, 1), mite_ir_output_at(y, 2)};
}

static bool is_product(const tfl_product *p) {
    const tfl_window *w = &p->window;
    return p->groups == 1 && w->kernel[0] == 1 && w->kernel[1] == 1 && w->stride[0] == 1 &&
           w->stride[1] == 1 && !(w->pad[0] | w->pad[1] | w->pad[2] | w->pad[3]);
}

// Filters of one channel have few weights and no fast integer kernel whose scale a run decides: the
// quanta are made real numbers again, whose products are the same to rounding.
static mite_ir_value *emit_filters(tfl_import *c, mite_ir_value *x, const tfl_product *p,
                                   mite_ir_value *bias) {
    quantized q = quantize_image(c, x);
    if (!q.y) return NULL;
    x = MITE_IR_EMIT(c->g, .op = "dequantize_linear", .name = tfl_name(c),
                     .inputs = {q.y, q.scale, q.zero}, .dtype = MITE_F32);
    if (!x || p->weights->shape[0] != p->groups)
        return tfl_activate(c, tfl_emit_conv(c, x, p->weights, bias, &p->window), p->activation);
    mite_ir_value *filters = mite_ir_transposed(c->g, p->weights, (const int32_t[]){3, 1, 2, 0});
    if (!filters) return NULL;
    x = MITE_IR_EMIT(c->g, .op = "depthwise_conv2d", .name = tfl_name(c),
                     .inputs = {x, filters, bias},
                     .attrs = {TFL_WINDOW_ATTRS(&p->window),
                               {"dilation_h", .word = p->window.dilation[0]},
                               {"dilation_w", .word = p->window.dilation[1]}});
    return tfl_activate(c, x, p->activation);
}

static mite_ir_value *emit_dynamic(tfl_import *c, mite_ir_value *x, const tfl_product *p) {
    float lo, hi;
    mite_ir_value *weights = p->weights->origin, *scales, *sums;
    mite_ir_value *bias = tfl_bias(c, p->bias, p->x, p->weights, bias_count(p));
    bias = tfl_repeated_bias(c, bias, weights->shape[0]);
    if (!bias || !column_constants(c, weights, &scales, &sums) ||
        !tfl_activation_limits(c, p->activation, &lo, &hi)) {
        return NULL;
    }
    bool one_image = x->shape[0] == 1 && !(x->open & 1) && !p->symmetric;
    if (one_image && is_product(p)) {
        quantized q = quantize_image(c, x);
        return MITE_IR_EMIT(c->g, .op = "dense_integer", .name = tfl_name(c),
                            .inputs = {q.y, weights, sums, scales, q.scale, q.zero, bias},
                            .dtype = MITE_F32,
                            .attrs = {{"clamp_lo", .word = mite_ir_bits(lo)},
                                      {"clamp_hi", .word = mite_ir_bits(hi)}});
    }
    if (one_image && p->groups > 1 && p->weights->shape[3] == 1) {
        return emit_filters(c, x, p, bias);
    }
    return MITE_IR_EMIT(c->g, .op = "conv2d_dynamic", .name = tfl_name(c),
                        .inputs = {x, weights, bias, scales},
                        .attrs = {TFL_WINDOW_ATTRS(&p->window),
                                  {"dilation_h", .word = p->window.dilation[0]},
                                  {"dilation_w", .word = p->window.dilation[1]},
                                  {"groups", .word = p->groups},
                                  {"clamp_lo", .word = mite_ir_bits(lo)},
                                  {"clamp_hi", .word = mite_ir_bits(hi)},
                                  {"symmetric", .word = p->symmetric}});
}

// Symmetric i8 integers behind the weights, with one scale or one for each column.
static bool has_integers(const mite_ir_value *weights) {
    const mite_ir_value *q = weights->origin;
    if (!q || q->dtype != MITE_I8 || !q->quant_count) return false;
    for (size_t i = 0; i < q->quant_count; i++) {
        if (q->zero_points[i]) return false;
    }
    return q->quant_count == 1 || (q->axis == 0 && q->quant_count == (size_t)q->shape[0]);
}

tfl_arithmetic tfl_arithmetic_of(const tfl_import *c, size_t x, const mite_ir_value *weights) {
    const tfl_tensor *t = tfl_input(c, x);
    if (!t || !weights || !has_integers(weights)) return TFL_REAL;
    if (t->type == TFL_INT16 && tfl_is_quantized(t)) return TFL_I16;
    return t->type == TFL_FLOAT32 ? TFL_DYNAMIC : TFL_REAL;
}

mite_ir_value *tfl_emit_integer_conv(tfl_import *c, mite_ir_value *x, const tfl_product *p) {
    if (!x) return NULL;
    if (!mite_ir_elements(p->weights)) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its weights are empty");
        return NULL;
    }
    return x->dtype == MITE_I16 ? emit_i16(c, x, p) : emit_dynamic(c, x, p);
}
