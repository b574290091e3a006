// SPDX-License-Identifier: Apache-2.0
// Functions of int16 numbers that TensorFlow Lite computes by tables, some of them several units
// off what the functions give.
#include "import/tflite/tflite_handlers.h"

#include <math.h>
#include <string.h>

// LOGISTIC and TANH. 1/(3*4096) is the unit of the table: where the input's scale is close to 2^-12, or
// to 2^-11 for TANH, it is taken for that and the factor is 3 or 6, else it has 15 bits and a shift.
static mite_ir_value *sigmoid(tfl_import *c, mite_ir_value *x, float scale, bool tangent) {
    int32_t shift = 0;
    double multiplier = (double)scale * 4096.0 * 3.0;
    double exponent = log2((double)scale), whole = round(exponent);
    bool power = fabs(exponent - whole) < 1e-3 && (whole == -12 || (tangent && whole == -11));
    if (power) multiplier = 3 * exp2(whole + 12);
    for (; !power && multiplier <= 32767.0 / 2.0 && shift <= 30; shift++) multiplier *= 2.0;
    multiplier = fmin(multiplier, (1 << 17) - 1); // with which all but 0 is beyond the table
    return MITE_IR_EMIT(c->g, .op = "sigmoid_i16", .name = tfl_name(c), .inputs = {x},
                        .attrs = {{"multiplier", .word = (int32_t)multiplier},
                                  {"shift", .word = shift},
                                  {"tanh", .word = tangent}},
                        .scale = 0x1p-15f);
}

// The input's steps as steps of 10/65535, the factor with 31 bits.
static mite_ir_value *softmax(tfl_import *c, mite_ir_value *x, float scale) {
    int32_t q, e;
    tfl_fixed_factor((double)scale * (double)tfl_option_float(c, 0) / (10.0 / 65535.0), 31, &q, &e);
    if (!q || e > 30) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its scale or beta is too large or too small");
        return NULL;
    }
    return MITE_IR_EMIT(c->g, .op = "softmax_i16", .name = tfl_name(c), .inputs = {x},
                        .attrs = {{"multiplier", .word = q}, {"shift", .word = e}},
                        .scale = 0x1p-15f);
}

static double limited(double q) { return fmax(INT16_MIN, fmin(INT16_MAX, q)); }

typedef double real_function(double x, double lowest); // `lowest`: what the output can hold

static double exponential(double x, double lowest) { return (void)lowest, exp(x); }
static double logarithm(double x, double lowest) { return x > 0 ? log(x) : lowest; }
static double inverse_root(double x, double lowest) { return x > 0 ? 1 / sqrt(x) : -lowest; }
static double gelu(double x, double lowest) {
    return (void)lowest, x / 2 * (1 + erf(x * 0.70710678118654752440));
}
static double gelu_by_tanh(double x, double lowest) {
    return (void)lowest, x / 2 * (1 + tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x)));
}

// LUTPopulate: 512 numbers from the lowest to the highest input, each moved by half of what the
// middle of its step would be off, and the last one.
static mite_ir_value *by_table(tfl_import *c, mite_ir_value *x, float in, float out,
                               real_function *f) {
    const int32_t count = 513;
    mite_ir_value *table = mite_ir_constant(c->g, tfl_name(c), MITE_I16, 1, &count);
    double low = -32768.0 * (double)in, step = 65535.0 * (double)in / 512;
    double unit = 65536.0 / (65535.0 * (double)out), lowest = -32768.0 * (double)out;
    for (int32_t i = 0; table && i < count; i++) {
        double at = round(f(low + i * step, lowest) * unit);
        double line = round((f(low + (i + 1) * step, lowest) * unit + at) / 2);
        double off = i < 512 ? line - round(f(low + (i + 0.5) * step, lowest) * unit) : 0;
        // Beyond all numbers: neighbours are so as well.
        if (!isfinite(off)) off = 0;
        ((int16_t *)table->data)[i] = (int16_t)limited(at - round(off / 2));
    }
    if (!table) return NULL;
    return MITE_IR_EMIT(c->g, .op = "lookup_i16", .name = tfl_name(c), .inputs = {x, table},
                        .scale = out);
}

// The function of a node that has a table; NULL where there is none.
static real_function *function_of(const tfl_import *c) {
    const char *name = tfl_op_of(c->node)->name;
    if (!strcmp(name, "EXP")) return exponential;
    if (!strcmp(name, "LOG")) return logarithm;
    if (!strcmp(name, "RSQRT")) return inverse_root;
    if (!strcmp(name, "GELU")) return tfl_option_byte(c, 0) ? gelu_by_tanh : gelu;
    return NULL;
}

bool tfl_set_i16_function(tfl_import *c) {
    const tfl_tensor *t = tfl_input(c, 0), *out = tfl_output(c, 0);
    const char *name = tfl_op_of(c->node)->name;
    float in_scale, out_scale;
    int32_t zero;
    bool tangent = !strcmp(name, "TANH"), soft = !strcmp(name, "SOFTMAX");
    real_function *f = function_of(c);
    if (!t || !out || t->type != TFL_INT16 || !tfl_is_quantized(t) || out->type != TFL_INT16 ||
        !(tangent || soft || f || !strcmp(name, "LOGISTIC"))) {
        return false;
    }
    mite_ir_value *x = tfl_in(c, 0), *y;
    if (!x || !tfl_stored_quantization(c, t, &in_scale, &zero) ||
        !tfl_stored_quantization(c, out, &out_scale, &zero)) {
        return true; // failed
    }
    if (soft) y = softmax(c, x, in_scale);
    else if (f) y = by_table(c, x, in_scale, out_scale, f);
    else y = sigmoid(c, x, in_scale, tangent);
    tfl_set(c, 0, y);
    return true;
}
