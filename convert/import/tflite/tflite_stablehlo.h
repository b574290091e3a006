// SPDX-License-Identifier: Apache-2.0
// What the handlers of StableHLO's operators share.
#ifndef MITE_IMPORT_TFLITE_STABLEHLO_H
#define MITE_IMPORT_TFLITE_STABLEHLO_H

#include "import/tflite/tflite_handlers.h"

// Option `field`: up to `room` numbers of i64, each within 32 bits. False where failed.
bool tfl_stablehlo_list(tfl_import *c, size_t field, size_t room, int64_t *out, size_t *count);
// Those that are dimensions of `rank`, each once.
bool tfl_stablehlo_dimensions(tfl_import *c, size_t field, size_t rank, int64_t *out,
                              size_t *count);
// An order of `rank` dimensions: those that are listed, each once, before the others. False where failed.
bool tfl_stablehlo_order(tfl_import *c, const int64_t *list, size_t count, size_t rank,
                         int32_t *order);
// A single number; 0 where absent.
int64_t tfl_stablehlo_number(const tfl_import *c, size_t field);

// Fails, returning false: its dimension numbers do not fit, since `what`.
bool tfl_stablehlo_misfit(tfl_import *c, const char *what);

// Graph `index` of the file, by which a node computes one result of `inputs` numbers; NULL where failed.
const tfl_graph *tfl_body_of(tfl_import *c, int32_t index, size_t inputs);
// How it makes one number of two: a single operator, of numbers of such a type. False where failed.
bool tfl_meeting_of(tfl_import *c, int32_t index, mite_dtype dtype, mite_reduce *out);

// x with value (as x is stored) between the elements of each dimension, gaps[i] times. (tflite_stablehlo_reduce.c)
mite_ir_value *tfl_emit_gaps(tfl_import *c, mite_ir_value *x, const int64_t *gaps,
                             mite_ir_value *value);

// The node's inputs from `first` on, a number each, as one list of i64. (tflite_stablehlo_index.c)
mite_ir_value *tfl_place_of_numbers(tfl_import *c, size_t first);

#endif
