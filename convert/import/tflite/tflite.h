// SPDX-License-Identifier: Apache-2.0
// The import of one TFLite model: its tensors as values of the graph, and what operator handlers
// (tflite_*.c) use. Pictures are NHWC and weights OHWI in TFLite too, so nothing is transposed.
//
// A quantized tensor is known in two ways: as stored (int8 and uint8: u8, int8 with a zero point
// higher by 128; int16: i16), and as the real numbers that it stands for, by a dequantize node. Most
// handlers say what an operator does to real numbers, and the result is quantized if its tensor is.
// passes/fuse_qdq.c makes integer operators of that. What only moves numbers is done on them as
// stored.
#ifndef MITE_IMPORT_TFLITE_H
#define MITE_IMPORT_TFLITE_H

#include "import/import.h"
#include "import/tflite/tflite_model.h"

#define TFL_MAX_CARRIED 255 // values that a node hands to a graph

typedef struct tfl_value {
    mite_ir_value *stored, *real; // NULL until asked for
    bool computed; // by a node, or given
    size_t variable; // of a resource: the number of its variable, from 1; else 0
} tfl_value;

// What VAR_HANDLE names. A run begins with what the graphs of CALL_ONCE assign, or with zeros.
typedef struct tfl_variable {
    const char *container, *name;
    mite_ir_value *value; // as stored; NULL: not assigned
} tfl_variable;

typedef struct tfl_import {
    mite_ir_graph *g;
    tfl_model model;
    tfl_graph *graph; // that is being imported
    tfl_value *values; // of its tensors
    const tfl_node *node;
    size_t depth, body_depth; // of graphs run by nodes of others; of those that are bodies
    size_t node_budget; // nodes that may still be imported: graphs may be run from many places
    tfl_variable *variables;
    size_t variable_count, variable_room;
    bool keeps_state; // a warning of it was given
    bool fixes_open; // open dimensions are those of the file
    size_t constant_bytes; // how much more constants may unpack to
    const mite_import_options *options;
    mite_text *warnings;
} tfl_import;

typedef void tfl_handler(tfl_import *c);

typedef struct tfl_op {
    const char *name; // in the schema
    tfl_handler *handle; // NULL: none here
    // For handlers that serve several: the runtime's operator for f32, and the number that its
    // general one (unary, binary, reduce …) has for it, for all other types.
    const char *op;
    int32_t function;
    const char *reason; // of a missing operator: why; NULL where there is nothing to say
} tfl_op;

// By the code of a builtin, or the name of a custom operator. tflite_ops.c, the one table.
const tfl_op *tfl_op_of(const tfl_node *node);

// --- Quantization (tflite_tensor.c) -------------------------------------------------------------

typedef struct tfl_quant {
    size_t count; // 0: not quantized
    int32_t axis;
    float *scales;
    int32_t *zero_points; // as in the file
} tfl_quant;

// Reads and checks the scales of a tensor; false where failed.
bool tfl_quantization(tfl_import *c, const tfl_tensor *t, tfl_quant *q);
// Is the tensor quantized (int8, uint8, int16 with a scale)?
bool tfl_is_quantized(const tfl_tensor *t);
// The type of its values in the graph as stored; 0 where there is none.
mite_dtype tfl_stored_dtype(const tfl_tensor *t);
// Of a quantized activation, as stored in the graph; fails unless there is one scale.
bool tfl_stored_quantization(tfl_import *c, const tfl_tensor *t, float *scale, int32_t *zero_point);
// A constant, as stored or as real numbers that remember the integers they were made of.
mite_ir_value *tfl_stored_constant(tfl_import *c, const tfl_tensor *t);
mite_ir_value *tfl_real_constant(tfl_import *c, const tfl_tensor *t);
// The same, but its origin is i8 (symmetric), as operators with weights want it, and its shape
// another one of as many elements.
mite_ir_value *tfl_weights_constant(tfl_import *c, const tfl_tensor *t, size_t rank,
                                    const int32_t *shape);

// --- Graphs run by nodes (tflite_import.c) -------------------------------------------------------

// Imports graph `index` of the file as if its nodes stood here, from `count` values to as many as
// `outputs` has room for; constants among the inputs are those of the graph. False where failed.
bool tfl_run_graph(tfl_import *c, size_t index, const tfl_value *inputs, const int32_t *tensors,
                   size_t count, tfl_value *outputs, size_t output_count);
// The graph that a node runs as its number `k`; -1 past the last.
int32_t tfl_graph_of(const tfl_node *n, size_t k);

// --- For handlers (tflite_values.c) --------------------------------------------------------------

bool tfl_has(const tfl_import *c, size_t k); // is input k given?
const tfl_tensor *tfl_input(const tfl_import *c, size_t k); // NULL where absent
const tfl_tensor *tfl_output(const tfl_import *c, size_t k); // NULL where absent
bool tfl_is_constant(const tfl_import *c, size_t k); // has input k its numbers in the file?
bool tfl_is_constant_tensor(const tfl_import *c, int32_t index);
tfl_value *tfl_value_of(tfl_import *c, size_t k); // of input k; NULL where failed

// Input k as stored, or as real numbers; NULL where failed. Absent inputs fail.
mite_ir_value *tfl_in(tfl_import *c, size_t k);
mite_ir_value *tfl_real(tfl_import *c, size_t k);
// Real numbers if it is quantized, else as it is (i32 and so on).
mite_ir_value *tfl_plain(tfl_import *c, size_t k);
// How many dimensions it has is known, though some of them may be open; fails otherwise.
bool tfl_has_rank(tfl_import *c, const mite_ir_value *v);
// Its shape is the same in every run; fails otherwise.
bool tfl_is_fixed(tfl_import *c, const mite_ir_value *v);
// Dimension i, or -1 where it is open.
int32_t tfl_dim(const mite_ir_value *v, size_t i);

// The integers of input k where they follow from the file and from shapes; fails where not, or
// where there are more than `room`.
bool tfl_numbers(tfl_import *c, size_t k, const char *what, int64_t *out, size_t room,
                 size_t *count);
bool tfl_has_numbers(tfl_import *c, size_t k); // whether they do
// The same, but those that follow from open dimensions are -1.
bool tfl_some_numbers(tfl_import *c, size_t k, const char *what, int64_t *out, size_t room,
                      size_t *count);
// A single one; `otherwise` where failed.
int64_t tfl_number(tfl_import *c, size_t k, const char *what, int64_t otherwise);
// A dimension counted from the front; fails outside of [-rank, rank).
bool tfl_axis(tfl_import *c, int64_t axis, size_t rank, size_t *out);

// Says what output k is: real numbers are quantized as its tensor is; anything else must be of the
// stored type.
void tfl_set(tfl_import *c, size_t k, mite_ir_value *v);
// Where input 0 is a constant of real numbers, or sparse, output 0 becomes the same one. False
// where it is not.
bool tfl_pass_constant(tfl_import *c);
// v quantized as output k's tensor is; v itself where that is not quantized.
mite_ir_value *tfl_quantized(tfl_import *c, size_t k, mite_ir_value *v);
// Do input k and output 0 share type and quantization? Then moving the stored numbers is enough.
bool tfl_same_quantization(tfl_import *c, size_t k);
// Input k as stored where they do, else as real numbers.
mite_ir_value *tfl_movable(tfl_import *c, size_t k);

// Does the whole node where it is a function of int16 that has an operator of its own (tflite_i16.c).
bool tfl_set_i16_function(tfl_import *c);
// Does the whole node where its quanta are computed in fixed point (tflite_fixed.c): two numbers (ADD,
// SUB, MUL of int16, DIV of bytes), many (MEAN of int16, REDUCE_PROD), one (QUANTIZE from or to int16).
bool tfl_set_fixed_binary(tfl_import *c);
bool tfl_set_fixed_reduction(tfl_import *c);
bool tfl_set_requantized(tfl_import *c);
// Does the node multiply two tensors of int16, or two of int8 of which the second is computed? And the
// product of their quanta a and b.
bool tfl_is_fixed_product(const tfl_import *c);
mite_ir_value *tfl_emit_fixed_product(tfl_import *c, mite_ir_value *a, mite_ir_value *b,
                                      int32_t activation);

const char *tfl_name(const tfl_import *c); // for nodes: that of the first output

int32_t tfl_option(const tfl_import *c, size_t field); // i32, 0 where absent
int32_t tfl_option_byte(const tfl_import *c, size_t field);
float tfl_option_float(const tfl_import *c, size_t field);

#endif
