// SPDX-License-Identifier: Apache-2.0
// What a TFLite file says, as plain records, before any of it is given a meaning. Field numbers are
// those of tensorflow/lite's schema.fbs, version 3. Records and names live in the graph's memory;
// spans and lists point into the file's bytes, which must stay while they are used.
#ifndef MITE_IMPORT_TFLITE_MODEL_H
#define MITE_IMPORT_TFLITE_MODEL_H

#include "ir.h"
#include "wire/flatbuffer.h"

typedef enum tfl_type { // TensorType of the schema
    TFL_FLOAT32 = 0,
    TFL_FLOAT16 = 1,
    TFL_INT32 = 2,
    TFL_UINT8 = 3,
    TFL_INT64 = 4,
    TFL_STRING = 5,
    TFL_BOOL = 6,
    TFL_INT16 = 7,
    TFL_COMPLEX64 = 8,
    TFL_INT8 = 9,
    TFL_FLOAT64 = 10,
    TFL_UINT64 = 12,
    TFL_RESOURCE = 13,
    TFL_UINT32 = 15,
    TFL_UINT16 = 16,
    TFL_INT4 = 17,
    TFL_BFLOAT16 = 18,
    TFL_INT2 = 19,
} tfl_type;

typedef struct tfl_tensor {
    const char *name;
    int32_t type; // tfl_type, or another number
    size_t rank;
    int32_t dims[MITE_MAX_RANK];
    uint8_t open; // bit i: the file leaves dimension i open, dims[i] stands in for it
    const char *bad; // why it cannot be used; NULL where it can
    mite_span data; // of a constant; empty of all others (and of constants without elements)
    mite_flat_list scales, zero_points; // quantization; empty where there is none
    int32_t axis; // along which there are several scales
    mite_flat_table sparsity;
} tfl_tensor;

typedef struct tfl_node {
    int32_t code; // BuiltinOperator of the schema
    const char *custom; // name of a custom operator; else ""
    int32_t version; // of the operator, from 1
    int32_t *inputs, *outputs; // tensors; -1: absent
    int32_t *intermediates; // tensors that say how an operator is quantized inside
    size_t input_count, output_count, intermediate_count;
    mite_flat_table options;
    mite_span custom_options;
} tfl_node;

typedef struct tfl_graph {
    tfl_tensor *tensors;
    tfl_node *nodes;
    int32_t *inputs, *outputs;
    size_t tensor_count, node_count, input_count, output_count;
} tfl_graph;

typedef struct tfl_model {
    mite_flat flat;
    tfl_graph *graphs; // the main one first; the others are run by its nodes
    size_t graph_count;
    size_t signature_count; // named ways into the file's graphs
} tfl_model;

// Reads everything but the contents of constants; false where the graph failed. `m` must not move
// afterwards: lists and tables point to m->flat.
bool tfl_read_model(mite_ir_graph *g, mite_span file, tfl_model *m);

const char *tfl_type_name(int32_t type);
size_t tfl_type_bytes(int32_t type); // 0 where unknown, and of what is smaller than a byte
size_t tfl_type_bits(int32_t type); // of int4 and int2; 0 of all others

#endif
