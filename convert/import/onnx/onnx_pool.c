// SPDX-License-Identifier: Apache-2.0
// Pools. Pictures and sequences of f32 or quantized u8 go to the core's operators where those can do
// it; all else to pool_nd.
#include "import/onnx/onnx_handlers.h"
#include "import/onnx/onnx_layers.h"

#include <string.h>

enum { MAX, AVERAGE, LP }; // pool_nd's modes

// ceil_mode counts windows that begin in the picture or the padding before it but reach past the
// end; wider padding at the end gives the same windows, since pools leave out what is not picture.
static bool widen_for_ceil(onnx_window *w, const int32_t *dims) {
    bool wider = false;
    for (size_t i = 0; i < 2; i++) {
        int64_t stride = w->stride[i], padded = (int64_t)dims[i] + w->pad[i] + w->pad[2 + i];
        int64_t room = padded - w->kernel[i];
        if (room < 0) continue;
        int64_t windows = (room + stride - 1) / stride + 1;
        // A window that would begin behind the picture is dropped.
        if ((windows - 1) * stride >= (int64_t)dims[i] + w->pad[i]) windows--;
        int64_t more = (windows - 1) * stride + w->kernel[i] - padded;
        if (more <= 0 || more > INT32_MAX - w->pad[2 + i]) continue;
        w->pad[2 + i] += (int32_t)more;
        wider = true;
    }
    return wider;
}

// The core's operator; NULL where it has no such form.
static mite_ir_value *core_pool(onnx_import *c, mite_ir_value *x, const onnx_spatial *spatial,
                                int32_t mode) {
    onnx_window w;
    bool count_padding = mode == AVERAGE && onnx_int(c, "count_include_pad", 0) != 0;
    bool ceil = onnx_int(c, "ceil_mode", 0) != 0;
    if (mode == LP || onnx_has_output(c, 1) || !onnx_is_core(x) || !onnx_window_of(x, spatial, &w))
        return NULL;
    if (w.dilation[0] != 1 || w.dilation[1] != 1 || (ceil && !mite_ir_is_fixed(x))) return NULL;
    for (size_t i = 0; i < (size_t)x->rank; i++)
        if (!x->shape[i] && !(x->open >> i & 1)) return NULL;
    if (ceil) {
        int32_t dims[2] = {1, x->shape[x->rank - 1]};
        if (spatial->rank == 2) dims[0] = x->shape[2];
        // What ceil_mode adds is never counted, stated padding is: only pool_nd knows the mixture.
        bool has_padding = w.pad[0] | w.pad[1] | w.pad[2] | w.pad[3];
        if (widen_for_ceil(&w, dims) && count_padding) {
            if (has_padding) return NULL;
            count_padding = false;
        }
    }
    mite_ir_value *y =
        MITE_IR_EMIT(c->g, .op = mode == MAX ? "max_pool2d" : "average_pool2d",
                     .name = onnx_name(c), .inputs = {onnx_picture(c, x, spatial->rank)},
                     .attrs = {{"kernel_h", .word = w.kernel[0]},
                               {"kernel_w", .word = w.kernel[1]},
                               ONNX_WINDOW_ATTRS(&w),
                               {count_padding ? "count_padding" : NULL, .word = 1}},
                     .scale = x->scale, .zero_point = x->zero_point);
    return onnx_from_picture(c, y, spatial->rank);
}

static mite_ir_value *general_pool(onnx_import *c, mite_ir_value *x, const onnx_spatial *w,
                                   int32_t mode) {
    static const mite_dtype indices[] = {MITE_I64};
    // Quanta are in order like the numbers they stand for; means of them need their scale.
    if (x->scale > 0 && mode != MAX) x = onnx_emit_cast(c, x, MITE_F32);
    if (!x) return NULL;
    return MITE_IR_EMIT(
        c->g, .op = "pool_nd", .name = onnx_name(c), .inputs = {x},
        .attrs = {ONNX_SPATIAL_ATTRS(w),
                  {"kernel", .list = w->kernel, .list_count = w->rank},
                  {"mode", .word = mode},
                  {"ceil", .word = onnx_int(c, "ceil_mode", 0) != 0},
                  {"count_padding", .word = onnx_int(c, "count_include_pad", 0) != 0},
                  {"column_major", .word = onnx_int(c, "storage_order", 0) != 0},
                  {"p", .word = (int32_t)onnx_int(c, "p", 2)}},
        .more_dtypes = indices, .more_outputs = onnx_has_output(c, 1), .scale = x->scale,
        .zero_point = x->zero_point);
}

static mite_ir_value *emit_pool(onnx_import *c, mite_ir_value *x, int32_t mode) {
    onnx_spatial w;
    const onnx_attr *kernel = onnx_attribute(c, "kernel_shape");
    if (!x || !onnx_read_spatial(c, &w, kernel ? kernel->int_count : 0, NULL)) return NULL;
    mite_ir_value *y = core_pool(c, x, &w, mode);
    return y || !mite_ir_ok(c->g) ? y : general_pool(c, x, &w, mode);
}

mite_ir_value *onnx_emit_average_pool(onnx_import *c, mite_ir_value *x) {
    return emit_pool(c, x, AVERAGE);
}

mite_ir_value *onnx_emit_max_pool(onnx_import *c, mite_ir_value *x) { return emit_pool(c, x, MAX); }

void onnx_average_pool(onnx_import *c) { onnx_set(c, 0, emit_pool(c, onnx_in(c, 0), AVERAGE)); }
void onnx_lp_pool(onnx_import *c) { onnx_set(c, 0, emit_pool(c, onnx_in(c, 0), LP)); }

void onnx_max_pool(onnx_import *c) {
    bool shifted;
    mite_ir_value *y = emit_pool(c, onnx_in_carried(c, 0, &shifted), MAX);
    onnx_set_carried(c, 0, y, shifted);
    if (y && onnx_has_output(c, 1)) onnx_set(c, 1, mite_ir_output_at(y, 1));
}

void onnx_max_unpool(onnx_import *c) {
    onnx_spatial w;
    mite_ir_value *x = onnx_in(c, 0), *indices = onnx_in(c, 1), *shape = onnx_optional(c, 2);
    const onnx_attr *kernel = onnx_attribute(c, "kernel_shape");
    if (!x || !indices || !onnx_read_spatial(c, &w, kernel ? kernel->int_count : 0, NULL)) return;
    onnx_set(c, 0,
             MITE_IR_EMIT(c->g, .op = "max_unpool", .name = onnx_name(c),
                          .inputs = {x, indices, shape},
                          .attrs = {ONNX_SPATIAL_ATTRS(&w),
                                    {"kernel", .list = w.kernel, .list_count = w.rank}}));
}

// --- Whole planes -------------------------------------------------------------------------------

// The axes behind the channels.
static bool plane_axes(onnx_import *c, const mite_ir_value *x, int64_t *axes, size_t *count) {
    if (!x || x->unknown || x->rank < 3) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its input is no picture");
        return false;
    }
    *count = (size_t)x->rank - 2;
    for (size_t i = 0; i < *count; i++) axes[i] = (int64_t)i + 2;
    return true;
}

void onnx_global_average_pool(onnx_import *c) {
    mite_ir_value *x = onnx_in(c, 0);
    int64_t axes[MITE_MAX_RANK];
    size_t count;
    if (!plane_axes(c, x, axes, &count)) return;
    if (x->rank != 4 || !onnx_is_core(x)) {
        onnx_set(c, 0,
                 onnx_emit_mean(c, onnx_emit_cast(c, x, x->scale > 0 ? MITE_F32 : x->dtype), axes,
                                count));
        return;
    }
    mite_ir_value *y =
        MITE_IR_EMIT(c->g, .op = "mean", .name = onnx_name(c), .inputs = {onnx_to_nhwc(c, x)},
                     .attrs = {{"axis_count", .word = 2},
                               {"axes", .list = (const int32_t[]){1, 2}, .list_count = 2},
                               {"keep_dims", .word = 1}},
                     .scale = x->scale, .zero_point = x->zero_point);
    onnx_set(c, 0, onnx_to_nchw(c, y));
}

void onnx_global_max_pool(onnx_import *c) {
    mite_ir_value *x = onnx_in(c, 0);
    int64_t axes[MITE_MAX_RANK];
    size_t count;
    if (!plane_axes(c, x, axes, &count)) return;
    onnx_set(
        c, 0,
        MITE_IR_EMIT(c->g, .op = "reduce", .name = onnx_name(c),
                     .inputs = {x, onnx_integers(c, axes, count)},
                     .attrs = {{"function", .word = MITE_REDUCE_MAX}, {"keep_dims", .word = 1}},
                     .scale = x->scale, .zero_point = x->zero_point));
}

// (sum |x|^p)^(1/p)
void onnx_global_lp_pool(onnx_import *c) {
    mite_ir_value *x = onnx_in(c, 0);
    int64_t axes[MITE_MAX_RANK], p = onnx_int(c, "p", 2);
    size_t count;
    if (!plane_axes(c, x, axes, &count)) return;
    mite_ir_value *list = onnx_integers(c, axes, count);
    if (p == 1 || p == 2) {
        onnx_set(
            c, 0,
            onnx_emit_reduce(c, p == 1 ? MITE_REDUCE_L1 : MITE_REDUCE_L2, x, list, true, false));
        return;
    }
    mite_ir_value *power = onnx_scalar(c, x->dtype, (double)p);
    mite_ir_value *root = onnx_scalar(c, x->dtype, 1 / (double)p);
    x = onnx_emit_unary(c, MITE_UNARY_ABS, x, 0, 0);
    x = onnx_emit_general_binary(c, MITE_BINARY_POW, x, power);
    x = x ? onnx_emit_reduce(c, MITE_REDUCE_SUM, x, list, true, false) : NULL;
    onnx_set(c, 0, onnx_emit_general_binary(c, MITE_BINARY_POW, x, root));
}
