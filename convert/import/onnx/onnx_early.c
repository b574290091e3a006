// SPDX-License-Identifier: Apache-2.0
// Experimental operators of the first ONNX, which converters of 2017 and 2018 wrote and ONNX Runtime still
// runs.
#include "import/onnx/onnx_handlers.h"
#include "import/onnx/onnx_layers.h"

// alpha x + beta
void onnx_affine(onnx_import *c) {
    mite_ir_value *x = onnx_scaled(c, onnx_in(c, 0), (double)onnx_float(c, "alpha", 1));
    onnx_set(c, 0, onnx_shifted(c, x, (double)onnx_float(c, "beta", 0)));
}

void onnx_scale(onnx_import *c) {
    onnx_set(c, 0, onnx_scaled(c, onnx_in(c, 0), (double)onnx_float(c, "scale", 1)));
}

// alpha f(beta x)
static void set_scaled(onnx_import *c, mite_unary function) {
    mite_ir_value *x = onnx_scaled(c, onnx_in(c, 0), (double)onnx_float(c, "beta", 1));
    x = x ? onnx_emit_unary(c, function, x, 0, 0) : NULL;
    onnx_set(c, 0, onnx_scaled(c, x, (double)onnx_float(c, "alpha", 1)));
}

void onnx_scaled_tanh(onnx_import *c) { set_scaled(c, MITE_UNARY_TANH); }
void onnx_parametric_softplus(onnx_import *c) { set_scaled(c, MITE_UNARY_SOFTPLUS); }

// A picture times `scale`, and a bias for each channel.
void onnx_image_scaler(onnx_import *c) {
    const onnx_attr *bias = onnx_attribute(c, "bias");
    mite_ir_value *x = onnx_scaled(c, onnx_in(c, 0), (double)onnx_float(c, "scale", 1));
    if (!x) return;
    if (bias && bias->float_count) {
        int32_t shape[] = {(int32_t)bias->float_count, 1, 1};
        mite_ir_value *all = mite_ir_constant(c->g, onnx_name(c), MITE_F32, 3, shape);
        for (size_t i = 0; all && i < bias->float_count; i++)
            ((float *)all->data)[i] = bias->floats[i];
        x = onnx_emit_add(c, x, onnx_emit_cast(c, all, x->dtype));
    }
    onnx_set(c, 0, x);
}

// A picture without `border` (left, top, right, bottom), or as much as `scale` (height, width) says from
// its left upper corner on.
void onnx_crop(onnx_import *c) {
    int64_t border[4], size[2], from[2], to[2];
    size_t count, sizes = 0;
    mite_ir_value *x = onnx_in(c, 0);
    if (!x) return;
    bool fits = onnx_list(c, "border", SIZE_MAX, border, 4, &count) && count == 4 &&
                (!onnx_list(c, "scale", SIZE_MAX, size, 2, &sizes) || sizes == 2);
    for (size_t i = 0; fits && i < 4; i++) fits = border[i] >= 0 && border[i] <= INT32_MAX;
    for (size_t i = 0; fits && i < sizes; i++) fits = size[i] >= 0 && size[i] <= INT32_MAX;
    if (!fits) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its border or its scale is no such list");
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        from[i] = border[1 - i];
        to[i] = sizes ? from[i] + size[i] : border[3 - i] > 0 ? -border[3 - i] : INT64_MAX;
    }
    onnx_set(c, 0,
             MITE_IR_EMIT(c->g, .op = "slice", .name = onnx_name(c),
                          .inputs = {x, onnx_integers(c, from, 2), onnx_integers(c, to, 2),
                                     onnx_integers(c, (int64_t[]){2, 3}, 2)}));
}
