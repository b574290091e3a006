// SPDX-License-Identifier: Apache-2.0
// Windows sliding over pictures: what convolutions and pools share.
#ifndef MITE_IMPORT_TFLITE_WINDOW_H
#define MITE_IMPORT_TFLITE_WINDOW_H

#include "import/tflite/tflite_nodes.h"

typedef struct tfl_window {
    int32_t kernel[2], stride[2], dilation[2]; // height, width
    int32_t pad[4];                            // top, left, bottom, right
} tfl_window;

// Works out `pad` for a picture x [N,H,W,C] from the schema's Padding: SAME gives as many
// outputs as strides fit, the odd pad at the end. False where failed.
bool tfl_place_window(tfl_import *c, tfl_window *w, const mite_ir_value *x, int32_t padding);

#define TFL_WINDOW_ATTRS(w)                                                     \
    {"stride_h", .word = (w)->stride[0]}, {"stride_w", .word = (w)->stride[1]}, \
        {"pad_top", .word = (w)->pad[0]}, {"pad_left", .word = (w)->pad[1]},    \
        {"pad_bottom", .word = (w)->pad[2]}, {                                  \
        "pad_right", .word = (w)->pad[3]                                        \
    }

// x [N,H,W,C] convolved with constant weights [M,KH,KW,C/groups], all real numbers; bias NULL or
// [M]. Emits conv2d.
mite_ir_value *tfl_emit_conv(tfl_import *c, mite_ir_value *x, mite_ir_value *weights,
                             mite_ir_value *bias, const tfl_window *w);
// The same with weights [M,C/groups,KH,KW] that a run computes, and no bias. Plain code.
mite_ir_value *tfl_emit_computed_conv(tfl_import *c, mite_ir_value *x, mite_ir_value *w,
                                      const tfl_window *window, int32_t groups);
// The bias (input k), [columns] real numbers made of integers whose scale is that of x (input
// x_index) times that of the weights; zeros where absent.
mite_ir_value *tfl_bias(tfl_import *c, size_t k, size_t x_index, const mite_ir_value *weights,
                        int32_t columns);
// The same numbers as often as `columns` need; `bias` itself where that is once.
mite_ir_value *tfl_repeated_bias(tfl_import *c, mite_ir_value *bias, int32_t columns);

// --- What is not u8 (tflite_integer_conv.c) -------------------------------------------------------

// How a convolution of input x with such weights is computed.
typedef enum tfl_arithmetic {
    TFL_REAL, // real numbers, of which the passes make u8 operators where x is int8 or uint8
    TFL_I16, // int16 activations, i8 weights
    TFL_DYNAMIC, // float activations that are quantized as they come, i8 weights
} tfl_arithmetic;

tfl_arithmetic tfl_arithmetic_of(const tfl_import *c, size_t x, const mite_ir_value *weights);

typedef struct tfl_product {
    size_t x, bias; // inputs of the node
    mite_ir_value *weights; // [M,KH,KW,C/groups]
    tfl_window window;
    int32_t groups, activation;
    int32_t phases; // how often the channels of the bias are there, one after another; 0: once
    bool symmetric; // how x is quantized while the model runs
} tfl_product;

// `x` is input p->x as stored, perhaps under another shape. For TFL_I16 and TFL_DYNAMIC.
mite_ir_value *tfl_emit_integer_conv(tfl_import *c, mite_ir_value *x, const tfl_product *p);

// --- Inputs ---------------------------------------------------------------------------------------

// Input k, a picture with fixed dimensions, as real numbers.
mite_ir_value *tfl_picture(tfl_import *c, size_t k);
// Has input k its numbers now: from the file, or computed of constants?
bool tfl_is_settled(tfl_import *c, size_t k);
// Input k as constant weights of this shape: of the file, or computed of constants. NULL where
// failed.
mite_ir_value *tfl_weights(tfl_import *c, size_t k, size_t rank, const int32_t *shape);

#endif
