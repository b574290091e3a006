// SPDX-License-Identifier: Apache-2.0
// Windows sliding over pictures: the attributes that Conv and the pools share. Sequences (rank 3)
// are taken as pictures of height 1.
#ifndef MITE_IMPORT_ONNX_WINDOW_H
#define MITE_IMPORT_ONNX_WINDOW_H

#include "import/onnx/onnx.h"

typedef struct onnx_window {
    int32_t kernel[2], stride[2], dilation[2]; // height, width
    int32_t pad[4];                            // top, left, bottom, right
} onnx_window;

// Reads the attributes for an input [N,C,H,W] (dims) and a kernel (given by the weights, or NULL:
// attribute kernel_shape). spatial: 1 or 2, what the file's lists count. False where failed.
bool onnx_read_window(onnx_import *c, onnx_window *w, size_t spatial, const int32_t *dims,
                      const int32_t *kernel);

// Input `k` as a picture [N,C,H,W], rank 3 reshaped; sets how many spatial dimensions it had.
mite_ir_value *onnx_picture(onnx_import *c, size_t k, size_t *spatial);
// Back to rank 3 where spatial is 1, and the node's first output.
void onnx_set_picture(onnx_import *c, mite_ir_value *nchw, size_t spatial);

// x [N,H,W,C] convolved with w [M,C/groups,KH,KW]; bias [M] or NULL. Gives NHWC.
mite_ir_value *onnx_emit_conv(onnx_import *c, mite_ir_value *x, mite_ir_value *w,
                              mite_ir_value *bias, const onnx_window *window, int64_t groups);

#define ONNX_WINDOW_ATTRS(w)                                                    \
    {"stride_h", .word = (w)->stride[0]}, {"stride_w", .word = (w)->stride[1]}, \
        {"pad_top", .word = (w)->pad[0]}, {"pad_left", .word = (w)->pad[1]},    \
        {"pad_bottom", .word = (w)->pad[2]}, {                                  \
        "pad_right", .word = (w)->pad[3]                                        \
    }

#endif
