// SPDX-License-Identifier: Apache-2.0
// Windows sliding over spatial dimensions: the attributes that convolutions and pools share. The
// core's operators take pictures (and sequences, as pictures of height 1) with pads that are known;
// the general ones take any number of dimensions, and work auto_pad out in the run.
#ifndef MITE_IMPORT_ONNX_WINDOW_H
#define MITE_IMPORT_ONNX_WINDOW_H

#include "import/onnx/onnx.h"
#include "ops/more/spatial.h"

// As the file says it.
typedef struct onnx_spatial {
    size_t rank;
    int32_t kernel[MITE_SPATIAL_MAX], stride[MITE_SPATIAL_MAX], dilation[MITE_SPATIAL_MAX];
    int32_t begin[MITE_SPATIAL_MAX], end[MITE_SPATIAL_MAX];
    mite_auto_pad auto_pad;
} onnx_spatial;

// kernel: given by the weights, or NULL: attribute kernel_shape. False where failed.
bool onnx_read_spatial(onnx_import *c, onnx_spatial *w, size_t rank, const int32_t *kernel);

// For the core's operators.
typedef struct onnx_window {
    int32_t kernel[2], stride[2], dilation[2]; // height, width
    int32_t pad[4]; // top, left, bottom, right
} onnx_window;

// The same for x [N,C,..] as a picture; false (no failure) where x has other than one or two spatial
// dimensions, or pads that follow from sizes which only a run settles.
bool onnx_window_of(const mite_ir_value *x, const onnx_spatial *w, onnx_window *out);

// x [N,C,..] with `spatial` dimensions, 1 or 2, as [N,H,W,C]; and back.
mite_ir_value *onnx_picture(onnx_import *c, mite_ir_value *x, size_t spatial);
mite_ir_value *onnx_from_picture(onnx_import *c, mite_ir_value *nhwc, size_t spatial);

// x convolved with w [M,C/groups,K..]; bias [M] or NULL. Channels first.
mite_ir_value *onnx_emit_conv(onnx_import *c, mite_ir_value *x, mite_ir_value *w,
                              mite_ir_value *bias, const onnx_spatial *window, int64_t groups);

#define ONNX_WINDOW_ATTRS(w)                                                    \
    {"stride_h", .word = (w)->stride[0]}, {"stride_w", .word = (w)->stride[1]}, \
        {"pad_top", .word = (w)->pad[0]}, {"pad_left", .word = (w)->pad[1]},    \
        {"pad_bottom", .word = (w)->pad[2]}, {                                  \
        "pad_right", .word = (w)->pad[3]                                        \
    }
#define ONNX_SPATIAL_ATTRS(w)                                          \
    {"strides", .list = (w)->stride, .list_count = (w)->rank},         \
        {"dilations", .list = (w)->dilation, .list_count = (w)->rank}, \
        {"pads_begin", .list = (w)->begin, .list_count = (w)->rank},   \
        {"pads_end", .list = (w)->end, .list_count = (w)->rank}, {     \
        "auto_pad", .word = (int32_t)(w)->auto_pad                     \
    }

#endif
