// SPDX-License-Identifier: Apache-2.0
// An ONNX file as it is written (onnx.proto): messages become structs, nothing is interpreted.
// Everything lives in the memory of the graph under construction; tensors point into the file.
#ifndef MITE_IMPORT_ONNX_MODEL_H
#define MITE_IMPORT_ONNX_MODEL_H

#include "ir.h"
#include "wire/protobuf.h"

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
} onnx_type;

typedef struct onnx_tensor {
    const char *name;
    int32_t type; // onnx_type
    size_t rank;
    int32_t dims[MITE_MAX_RANK];
    size_t elements;
    bool external;
    mite_span raw;     // raw_data, where has_raw
    bool has_raw;
    mite_span message; // for the typed lists
} onnx_tensor;

typedef struct onnx_attr {
    const char *name;
    int32_t type;
    int64_t i;
    float f;
    const char *s;
    const onnx_tensor *t;
    const int64_t *ints;
    const float *floats;
    size_t int_count, float_count;
    bool has_graph; // the body of If, Loop, Scan: never read
} onnx_attr;

typedef struct onnx_node {
    const char *name, *op_type, *domain;
    const char **inputs, **outputs;
    size_t input_count, output_count;
    onnx_attr *attrs;
    size_t attr_count;
} onnx_node;

// A graph input or output.
typedef struct onnx_port {
    const char *name;
    int32_t type;
    bool has_shape;
    size_t rank;
    int64_t dims[MITE_MAX_RANK]; // -1: open (a name, or nothing)
} onnx_port;

typedef struct onnx_model {
    int64_t ir_version, opset; // of the default domain
    const char *producer;
    onnx_node *nodes;
    onnx_tensor *tensors; // initializers
    onnx_port *inputs, *outputs;
    size_t node_count, tensor_count, input_count, output_count;
    bool has_sparse; // sparse initializers
} onnx_model;

// Reads the whole file; on damage the graph fails.
bool onnx_read_model(mite_ir_graph *g, mite_span file, onnx_model *out);

// Element `index` of a tensor as the caller likes it, see onnx_tensor.c.
typedef union onnx_number {
    int64_t i;
    double f;
} onnx_number;

bool onnx_type_is_real(int32_t type);
// Reads all elements, integers as .i, reals as .f; false where the graph failed.
bool onnx_tensor_numbers(mite_ir_graph *g, const onnx_tensor *t, onnx_number *out);
// A constant of the graph: f32 for all real types, else the type itself. NULL where failed.
mite_ir_value *onnx_tensor_constant(mite_ir_graph *g, const onnx_tensor *t);
// The graph's type for an ONNX type; 0 if there is none.
mite_dtype onnx_dtype(int32_t type);
const char *onnx_type_name(int32_t type);

#endif
