// SPDX-License-Identifier: Apache-2.0
// The import of one ONNX model: its named values, and what operator handlers (onnx_*.c) use.
//
// A value is a tensor in the file, or a value of the graph under construction; what follows from
// constants and shapes alone is worked out by the runtime as soon as it is emitted, and is a
// constant then. Shapes may be open or unknown (ir.h): where a handler needs true numbers it asks
// onnx_numbers, and where there are none it emits an operator that takes them at run time. Pictures
// stay NCHW between handlers; those that work on pictures emit transposes around themselves, which
// passes/transposes.c takes away again.
//
// Quantized i8 activations are carried as u8 with a zero point higher by 128, which changes no real
// number. onnx_in gives what the file means, i8; onnx_in_carried gives what is carried.
#ifndef MITE_IMPORT_ONNX_H
#define MITE_IMPORT_ONNX_H

#include "import/import.h"
#include "import/onnx/onnx_model.h"
#include "names.h"

#define ONNX_MAX_KNOWN 4096 // elements worked out at import

typedef struct onnx_known {
    size_t rank;
    int32_t dims[MITE_MAX_RANK];
    size_t count;
    int32_t type; // onnx_type
    onnx_number *at; // .f for real types, else .i
} onnx_known;

// Tensors in a list (onnx_sequence.c).
typedef struct onnx_sequence {
    size_t count;
    mite_ir_value **at;
} onnx_sequence;

typedef struct onnx_value {
    const char *name;
    const onnx_tensor *tensor; // of the file, until it is wanted as a value of the graph
    const onnx_sparse *sparse;
    const onnx_known *known; // numbers that were asked for
    const onnx_sequence *sequence; // instead of ir
    mite_ir_value *ir;
    uint32_t index; // among all values
    int32_t narrow; // the onnx_type of an input of less than 8 bits, whose ir has bytes; else 0
    bool shifted; // ir is u8 for the i8 of the file, its zero point higher by 128
} onnx_value;

// A call of one of the model's functions, whose nodes are being imported.
typedef struct onnx_call {
    const onnx_function *function;
    const onnx_node *node; // the caller
    const struct onnx_call *outer; // in which the caller lies
    size_t depth;
} onnx_call;

// The names of a graph: those of the graphs around it are seen too.
typedef struct onnx_scope {
    struct onnx_scope *outer; // NULL for the model's graph and for functions
    mite_names names; // to indices of values
    const onnx_call *call; // NULL outside of functions
} onnx_scope;

typedef struct onnx_import {
    mite_ir_graph *g;
    onnx_model model;
    mite_names functions; // of the model, to their indices
    onnx_value **values;
    size_t value_count, value_room;
    onnx_scope *scope; // of the graph being imported
    const onnx_node *node; // being imported
    int64_t opset; // of its domain
    size_t imported; // nodes so far, those of functions at every call
    mite_names symbols; // of open dimensions of inputs, to their numbers
    uint32_t symbol_count;
    const mite_import_options *options;
    mite_text *warnings;
} onnx_import;

typedef void onnx_handler(onnx_import *c);

typedef struct onnx_op {
    const char *name;
    onnx_handler *handle;
} onnx_op;

// NULL if there is none. onnx_ops.c, the one table; operators of other domains than ONNX's own are
// there as "com.microsoft.Gelu".
const onnx_op *onnx_op_find(const char *domain, const char *name);

// --- For handlers -------------------------------------------------------------------------------

// Is optional input `k` given? Does somebody want output `k`?
bool onnx_has_input(const onnx_import *c, size_t k);
bool onnx_has_output(const onnx_import *c, size_t k);

// Input `k` as a value of the graph; a constant is made of a tensor or known numbers. NULL where
// absent or failed.
mite_ir_value *onnx_in(onnx_import *c, size_t k);
// The same as it is carried, for operators that only move quantized numbers: *shifted is set where i8
// is carried as u8, and goes to onnx_set_carried with the result.
mite_ir_value *onnx_in_carried(onnx_import *c, size_t k, bool *shifted);
// Input `k` where it must be a constant; fails with a sentence that says `what` it is.
mite_ir_value *onnx_constant_in(onnx_import *c, size_t k, const char *what);
// The numbers of input `k`; NULL (no failure) where absent, too many, or not known.
const onnx_known *onnx_numbers(onnx_import *c, size_t k);
// The same, but failing where they are not known.
const onnx_known *onnx_need_numbers(onnx_import *c, size_t k, const char *what);
// Type and shape of input `k` however it is known; false where absent.
bool onnx_shape(onnx_import *c, size_t k, int32_t *type, size_t *rank, int32_t *dims);

// Says what output `k` is. The values' names become those of the file.
void onnx_set(onnx_import *c, size_t k, mite_ir_value *v);
void onnx_set_carried(onnx_import *c, size_t k, mite_ir_value *v, bool shifted);
void onnx_set_tensor(onnx_import *c, size_t k, const onnx_tensor *t);

// Input `k` as a sequence; NULL, and the graph failed, where it is none. Output `k` is one.
bool onnx_is_sequence(onnx_import *c, size_t k);
const onnx_sequence *onnx_sequence_in(onnx_import *c, size_t k);
void onnx_set_sequence(onnx_import *c, size_t k, const onnx_sequence *s);

// NULL if absent. In a function this may be its caller's.
const onnx_attr *onnx_attribute(const onnx_import *c, const char *name);
int64_t onnx_int(const onnx_import *c, const char *name, int64_t otherwise);
float onnx_float(const onnx_import *c, const char *name, float otherwise);
const char *onnx_string(const onnx_import *c, const char *name, const char *otherwise);
// A list of integers that newer opsets give as input `k` and older ones as an attribute (either
// may be impossible: k SIZE_MAX, name NULL). False where neither is there; fails where there is
// one that cannot be read or has more than `room` numbers.
bool onnx_list(onnx_import *c, const char *name, size_t k, int64_t *out, size_t room,
               size_t *count);
// A dimension counted from the front; fails where it is outside [-rank, rank).
bool onnx_axis(onnx_import *c, int64_t axis, size_t rank, size_t *out);

// The name for the node's result.
const char *onnx_name(const onnx_import *c);

// Emits a transpose of a picture; a constant is transposed at once.
mite_ir_value *onnx_to_nhwc(onnx_import *c, mite_ir_value *v); // [N,C,H,W] -> [N,H,W,C]
mite_ir_value *onnx_to_nchw(onnx_import *c, mite_ir_value *v);
// Emits a reshape where the shape differs; a constant is reshaped at once.
mite_ir_value *onnx_reshape(onnx_import *c, mite_ir_value *v, size_t rank, const int32_t *dims);

// a op b for "add", "sub", "mul" …, stretched to a common shape.
mite_ir_value *onnx_emit_binary(onnx_import *c, const char *op, mite_ir_value *a, mite_ir_value *b);

// x times a constant matrix [K,N] (or [N,K] where `rows_are_outputs`) along its last dimension;
// bias [N] or NULL.
mite_ir_value *onnx_emit_dense(onnx_import *c, mite_ir_value *x, mite_ir_value *w,
                               bool rows_are_outputs, mite_ir_value *bias);

// Input `k`, a constant made of a tensor in the file, is used up: its memory may go.
void onnx_let_go(onnx_import *c, size_t k);

// --- Graphs within nodes ------------------------------------------------------------------------

// Imports the graph of an attribute of the node as a body (ir.h) and returns its number; -1 where
// failed. like[i] says type and shape of the body's input i, as far as they are the same whenever it
// runs (open dimensions, unknown); the body has `count` inputs. Its outputs are those of the file, in
// order: g->bodies[number].outputs.
int32_t onnx_import_body(onnx_import *c, const onnx_graph *body, const mite_ir_value *like,
                         size_t count);
// Imports the nodes of a graph without inputs where the node is, and gives its outputs to those of
// the node: If whose condition is known.
void onnx_import_inline(onnx_import *c, const onnx_graph *body);
// What a graph of one input and one output makes of x, its nodes imported where the node is.
mite_ir_value *onnx_import_applied(onnx_import *c, const onnx_graph *body, mite_ir_value *x);

#endif
