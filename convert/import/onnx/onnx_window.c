// SPDX-License-Identifier: Apache-2.0
#include "import/onnx/onnx_window.h"
#include "import/onnx/onnx_emit.h"

#include <string.h>

// Attribute `name`, of `wanted` numbers; *out stays as it is where there is none.
static bool read_list(onnx_import *c, const char *name, size_t wanted, int32_t *out) {
    int64_t list[2 * MITE_SPATIAL_MAX];
    size_t count;
    if (!onnx_list(c, name, SIZE_MAX, list, 2 * MITE_SPATIAL_MAX, &count)) return mite_ir_ok(c->g);
    if (count != wanted) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its %s has %z numbers, wanted are %z", name, count,
                     wanted);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (list[i] < -INT32_MAX || list[i] > INT32_MAX) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT, "its %s holds %D", name, list[i]);
            return false;
        }
        out[i] = (int32_t)list[i];
    }
    return true;
}

static bool read_auto_pad(onnx_import *c, onnx_spatial *w) {
    const char *mode = onnx_string(c, "auto_pad", "NOTSET");
    if (!strcmp(mode, "SAME_UPPER")) w->auto_pad = MITE_PAD_SAME_UPPER;
    else if (!strcmp(mode, "SAME_LOWER")) w->auto_pad = MITE_PAD_SAME_LOWER;
    if (!strcmp(mode, "VALID") || w->auto_pad) {
        memset(w->begin, 0, sizeof w->begin);
        memset(w->end, 0, sizeof w->end);
    } else if (strcmp(mode, "NOTSET") && *mode) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its auto_pad %q is unknown", mode);
        return false;
    }
    return true;
}

bool onnx_read_spatial(onnx_import *c, onnx_spatial *w, size_t rank, const int32_t *kernel) {
    int32_t pads[2 * MITE_SPATIAL_MAX] = {0};
    *w = (onnx_spatial){.rank = rank};
    if (rank > MITE_SPATIAL_MAX) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "it has %z spatial dimensions, at most %d are "
                     "supported",
                     rank, MITE_SPATIAL_MAX);
        return false;
    }
    for (size_t i = 0; i < rank; i++) w->kernel[i] = w->stride[i] = w->dilation[i] = 1;
    if (!read_list(c, "kernel_shape", rank, w->kernel) ||
        !read_list(c, "strides", rank, w->stride) ||
        !read_list(c, "dilations", rank, w->dilation) || !read_list(c, "pads", 2 * rank, pads))
        return false;
    if (!kernel && !onnx_attribute(c, "kernel_shape")) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its kernel_shape is missing");
        return false;
    }
    for (size_t i = 0; i < rank; i++) {
        if (kernel && onnx_attribute(c, "kernel_shape") && w->kernel[i] != kernel[i]) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT, "its kernel_shape says %T, its weights are %T",
                         rank, w->kernel, rank, kernel);
            return false;
        }
        if (kernel) w->kernel[i] = kernel[i];
        w->begin[i] = pads[i];
        w->end[i] = pads[rank + i];
        if (w->kernel[i] < 1 || w->stride[i] < 1 || w->dilation[i] < 1) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT,
                         "kernel %d, stride %d, dilation %d: all must be at "
                         "least 1",
                         w->kernel[i], w->stride[i], w->dilation[i]);
            return false;
        }
    }
    return read_auto_pad(c, w);
}

// SAME: as many windows as strides fit, padding shared by both ends, the odd one at the end
// (UPPER) or at the beginning (LOWER).
static bool pad_same(const onnx_spatial *w, size_t i, int64_t size, int32_t *before,
                     int32_t *after) {
    int64_t windows = (size + w->stride[i] - 1) / w->stride[i];
    int64_t extent = ((int64_t)w->kernel[i] - 1) * w->dilation[i] + 1;
    int64_t total = (windows - 1) * w->stride[i] + extent - size;
    if (total < 0) total = 0;
    if (total > INT32_MAX) return false;
    *before = (int32_t)(w->auto_pad == MITE_PAD_SAME_LOWER ? total - total / 2 : total / 2);
    *after = (int32_t)total - *before;
    return true;
}

bool onnx_window_of(const mite_ir_value *x, const onnx_spatial *w, onnx_window *out) {
    *out = (onnx_window){.kernel = {1, 1}, .stride = {1, 1}, .dilation = {1, 1}};
    if (w->rank < 1 || w->rank > 2) return false;
    if (w->auto_pad && !mite_ir_is_fixed(x)) return false;
    if (!x->unknown && (size_t)x->rank != w->rank + 2) return false;
    for (size_t i = 0, to = 2 - w->rank; i < w->rank; i++, to++) {
        out->kernel[to] = w->kernel[i];
        out->stride[to] = w->stride[i];
        out->dilation[to] = w->dilation[i];
        out->pad[to] = w->begin[i];
        out->pad[2 + to] = w->end[i];
        if (w->auto_pad && !pad_same(w, i, x->shape[2 + i], &out->pad[to], &out->pad[2 + to]))
            return false;
    }
    return true;
}

mite_ir_value *onnx_picture(onnx_import *c, mite_ir_value *x, size_t spatial) {
    if (!x || spatial == 2) return onnx_to_nhwc(c, x);
    if (mite_ir_is_fixed(x))
        x = onnx_reshape(c, x, 4, (const int32_t[]){x->shape[0], x->shape[1], 1, x->shape[2]});
    else x = onnx_emit_unsqueeze(c, x, onnx_integers(c, (const int64_t[]){2}, 1));
    return onnx_to_nhwc(c, x);
}

mite_ir_value *onnx_from_picture(onnx_import *c, mite_ir_value *nhwc, size_t spatial) {
    mite_ir_value *v = onnx_to_nchw(c, nhwc);
    if (!v || spatial == 2) return v;
    if (mite_ir_is_fixed(v))
        return onnx_reshape(c, v, 3, (const int32_t[]){v->shape[0], v->shape[1], v->shape[3]});
    return MITE_IR_EMIT(c->g, .op = "squeeze", .name = onnx_name(c),
                        .inputs = {v, onnx_integers(c, (const int64_t[]){2}, 1)}, .scale = v->scale,
                        .zero_point = v->zero_point);
}
