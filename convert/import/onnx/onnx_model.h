// SPDX-License-Identifier: Apache-2.0
// An ONNX file as it is written (onnx.proto): messages become structs, nothing is interpreted.
// Everything lives in the memory of the graph under construction; tensors point into the file.
#ifndef MITE_IMPORT_ONNX_MODEL_H
#define MITE_IMPORT_ONNX_MODEL_H

#include "import/import.h"
#include "wire/protobuf.h"

// Graphs within attributes of nodes of graphs … no deeper than this.
#define ONNX_MAX_DEPTH (MITE_MAX_BODY_DEPTH + 2)

typedef enum onnx_type { // TensorProto.DataType
    ONNX_FLOAT = 1,
    ONNX_UINT8 = 2,
    ONNX_INT8 = 3,
    ONNX_UINT16 = 4,
    ONNX_INT16 = 5,
    ONNX_INT32 = 6,
    ONNX_INT64 = 7,
    ONNX_STRING = 8,
    ONNX_BOOL = 9,
    ONNX_FLOAT16 = 10,
    ONNX_DOUBLE = 11,
    ONNX_UINT32 = 12,
    ONNX_UINT64 = 13,
    ONNX_BFLOAT16 = 16, // the upper half of an f32, and read as one: never rounded to
    ONNX_FLOAT8E4M3FN = 17, // this one and all reals below: constants, which become f32
    ONNX_FLOAT8E4M3FNUZ = 18,
    ONNX_FLOAT8E5M2 = 19,
    ONNX_FLOAT8E5M2FNUZ = 20,
    ONNX_UINT4 = 21, // in files two in a byte, the first in the low bits; as bytes in the graph
    ONNX_INT4 = 22,
    ONNX_FLOAT4E2M1 = 23,
    ONNX_FLOAT8E8M0 = 24,
    ONNX_UINT2 = 25, // four in a byte
    ONNX_INT2 = 26,
} onnx_type;

typedef struct onnx_tensor {
    const char *name;
    int32_t type; // onnx_type
    size_t rank;
    int32_t dims[MITE_MAX_RANK];
    size_t elements;
    mite_span raw; // raw_data, where has_raw
    bool has_raw;
    mite_span message; // for the typed lists
    // Data in another file.
    bool external;
    const char *location; // as the file says it: not to be trusted
    uint64_t offset, length;
    bool has_length;
    const mite_import_options *options; // how to read it
    bool widened; // f16 that is taken as f32 (onnx_half.c)
} onnx_tensor;

// A tensor of which only some elements are given, all others being 0: those at `indices`, [n] of the
// flattened tensor or [n, rank].
typedef struct onnx_sparse {
    onnx_tensor values, indices;
    size_t rank;
    int32_t dims[MITE_MAX_RANK];
} onnx_sparse;

typedef struct onnx_graph onnx_graph;

typedef struct onnx_attr {
    const char *name;
    int32_t type;
    int64_t i;
    float f;
    const char *s; // "" where absent or with a NUL byte
    onnx_tensor *t;
    onnx_sparse *sparse;
    const int64_t *ints;
    const float *floats;
    const char **strings;
    size_t int_count, float_count, string_count;
    onnx_graph *graph; // the body of If, Loop, Scan
    const char *reference; // in a function: the attribute of its caller to take instead; else ""
} onnx_attr;

typedef struct onnx_node {
    const char *name, *op_type, *domain, *overload;
    const char **inputs, **outputs; // "": absent
    size_t input_count, output_count;
    onnx_attr *attrs;
    size_t attr_count;
} onnx_node;

// A graph input or output.
typedef struct onnx_port {
    const char *name;
    int32_t type; // 0: none, or no tensor
    bool has_shape;
    size_t rank;
    int64_t dims[MITE_MAX_RANK]; // -1: open
    const char *symbols[MITE_MAX_RANK]; // of open ones: those of a name are equal; "" none
} onnx_port;

struct onnx_graph {
    const char *name;
    onnx_node *nodes;
    onnx_tensor *tensors; // initializers
    onnx_sparse *sparse;
    onnx_port *inputs, *outputs;
    size_t node_count, tensor_count, sparse_count, input_count, output_count;
};

typedef struct onnx_opset {
    const char *domain; // "" for ai.onnx
    int64_t version;
} onnx_opset;

typedef struct onnx_function {
    const char *name, *domain, *overload;
    const char **inputs, **outputs;
    size_t input_count, output_count;
    onnx_node *nodes;
    onnx_attr *defaults; // of its attributes
    onnx_opset *opsets;
    size_t node_count, default_count, opset_count;
    bool checked; // by check_operators
} onnx_function;

typedef struct onnx_model {
    int64_t ir_version, opset; // of the default domain
    const char *producer;
    onnx_graph graph;
    onnx_opset *opsets;
    onnx_function *functions;
    size_t opset_count, function_count;
    bool widened; // f16 means f32 but for inputs and outputs (onnx_half.c)
} onnx_model;

// Reads the whole file; on damage the graph fails. `options` are kept for tensors in other files.
bool onnx_read_model(mite_ir_graph *g, mite_span file, const mite_import_options *options,
                     onnx_model *out);
// Puts the nodes of all graphs into an order that computes before it reads; false (and the graph
// failed) where there is none (onnx_order.c).
bool onnx_sort_model(mite_ir_graph *g, onnx_model *m);
// Makes f32 of f16 throughout, where the model stores its weights so; see onnx_half.c.
void onnx_widen_halves(onnx_model *m);
// Reads a TensorProto; its numbers stay where they are. (onnx_tensor.c)
bool onnx_read_tensor(mite_ir_graph *g, mite_span message, onnx_tensor *out);

// Element `index` of a tensor as the caller likes it, see onnx_tensor.c.
typedef union onnx_number {
    int64_t i;
    double f;
} onnx_number;

bool onnx_type_is_real(int32_t type);
// Of numbers that take less than a byte; 8 for all other types.
size_t onnx_type_bits(int32_t type);
// Of its elements in the graph: that in the file, or f32 for f16.
int32_t onnx_tensor_type(const onnx_tensor *t);
// Reads all elements, integers as .i, reals as .f; false where the graph failed.
bool onnx_tensor_numbers(mite_ir_graph *g, const onnx_tensor *t, onnx_number *out);
// A constant of the graph, of the tensor's own type. NULL where failed.
mite_ir_value *onnx_tensor_constant(mite_ir_graph *g, const onnx_tensor *t);
mite_ir_value *onnx_sparse_constant(mite_ir_graph *g, const onnx_sparse *t);
// The graph's type for an ONNX type, 0 if there is none; and back.
mite_dtype onnx_dtype(int32_t type);
int32_t onnx_type_of(mite_dtype dtype);
const char *onnx_type_name(int32_t type);

// --- What the readers share (onnx_message.c) -----------------------------------------------------

// Fails the graph: not a sound ONNX file. False.
bool onnx_damage(mite_ir_graph *g, const char *where, const char *what);
// After the loop over a message: was it read to its end?
bool onnx_finished(mite_ir_graph *g, const mite_pb *r, const char *where);
// A text without NUL bytes; "" (and the graph failed) where the field is none.
const char *onnx_text(mite_ir_graph *g, const mite_pb_field *f);
// A nested message's bytes; empty (and the graph failed) where the field is something else.
mite_span onnx_nested(mite_ir_graph *g, const mite_pb_field *f);
// Room for all fields `number` of a message.
void *onnx_list_for(mite_ir_graph *g, mite_span message, uint32_t number, size_t item_bytes);
// All numbers of the repeated field `number`, packed or not, as 64-bit words.
uint64_t *onnx_list_numbers(mite_ir_graph *g, mite_span message, uint32_t number, mite_pb_wire wire,
                            size_t *count);
// Checked dimensions of a tensor called `name`; false where the graph failed.
bool onnx_read_dims(mite_ir_graph *g, const char *name, const uint64_t *from, size_t count,
                    size_t *rank, int32_t *dims);

#endif
