// SPDX-License-Identifier: Apache-2.0
// What recurrent operators share. Their state tensors are variables: TensorFlow Lite keeps them from one
// run to the next until they are reset. Here every run begins with zeros, which is said in a warning.
#ifndef MITE_IMPORT_TFLITE_RECURRENT_H
#define MITE_IMPORT_TFLITE_RECURRENT_H

#include "import/tflite/tflite_window.h"

// Activations as recurrent numbers them.
enum { TFL_ACT_RELU, TFL_ACT_TANH, TFL_ACT_SIGMOID, TFL_ACT_AFFINE };
enum { TFL_MODE_RNN = 0, TFL_MODE_LSTM = 2 };

// The activation of an option as recurrent's; -1 where it has none.
int32_t tfl_recurrent_activation(int32_t activation);
// A zeroed f32 constant; NULL (failed) where it would be too large.
mite_ir_value *tfl_floats(tfl_import *c, size_t a, size_t b, size_t d);
// Input k: constant real numbers, `count` of them; NULL (failed) where it is not so.
const float *tfl_constant_floats(tfl_import *c, size_t k, size_t count);
// Copies them, each negated where `negated`.
bool tfl_copy_floats(tfl_import *c, float *to, size_t k, size_t count, bool negated);
// Input k as real numbers [.,.,I]; NULL where failed. Input k where it is given, else x, as what is read
// backwards.
mite_ir_value *tfl_sequence(tfl_import *c, size_t k);
mite_ir_value *tfl_second_sequence(tfl_import *c, mite_ir_value *x, size_t k);
// The shape of weights [H,K] that input k is; false where failed.
bool tfl_weights_shape(tfl_import *c, size_t k, size_t *rows, size_t *columns);
// x [T,B,I], whose shape is fixed, as [T*B,I].
mite_ir_value *tfl_all_rows(tfl_import *c, mite_ir_value *x);
// Dimensions 0 and 1 exchanged.
mite_ir_value *tfl_swap_time(tfl_import *c, mite_ir_value *v);
// y [T,D,B,H] or [B,T,D,H] of one direction under the shape of x, which has as many steps.
mite_ir_value *tfl_one_direction(tfl_import *c, mite_ir_value *y, const mite_ir_value *x,
                                 size_t hidden);

// Constants [rows,K] of `count` inputs from k on, one below the other, as weights [N,1,1,K]. They remember
// integers where all of them have some.
mite_ir_value *tfl_stacked(tfl_import *c, size_t k, size_t count, size_t rows, size_t columns);
// x [R,K] times those, transposed; its rows are quantized where weights are integers.
mite_ir_value *tfl_rows_product(tfl_import *c, mite_ir_value *x, mite_ir_value *weights,
                                bool symmetric);

#define TFL_MAX_STATES 2

// One step of a network: takes the row of what is scanned [B,N] and the states [B,.], which it exchanges
// for the next ones; the first of them is the output.
typedef struct tfl_steps {
    bool (*step)(tfl_import *c, const void *of, mite_ir_value *row, mite_ir_value **states);
    const void *of;
    size_t count, sizes[TFL_MAX_STATES]; // of states
    bool backwards;
} tfl_steps;

// Scans rows [T,B,N]; gives [T,B,sizes[0]].
mite_ir_value *tfl_scan(tfl_import *c, const tfl_steps *s, mite_ir_value *rows);

// An LSTM of 8-bit numbers (tflite_lstm_i8.c); false where input 0 is no such number.
bool tfl_set_integer_lstm(tfl_import *c);

#endif
