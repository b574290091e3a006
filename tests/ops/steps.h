// SPDX-License-Identifier: Apache-2.0
// Cases of one operator each, from steps.pack (make_steps.py), as graphs in memory.
#ifndef MITE_TESTS_OPS_STEPS_H
#define MITE_TESTS_OPS_STEPS_H

#include "exec/session.h"

#include <stdbool.h>

#define MAX_INPUTS 10
#define MAX_ATTR_WORDS 64

typedef enum role { VALUE, CONSTANT, CONV, DEPTHWISE, COLUMNS } role; // as in make_steps.py

// One value of a case. Weights are dense OHWI, bias and multiplier one element a channel; packing
// is done by graph_make.
typedef struct tensor {
    mite_dtype dtype;
    role role;
    int32_t rank, shape[MITE_MAX_RANK];
    float scale;
    int32_t zero_point;
    const uint8_t *data; // in the pack
    size_t bytes;
} tensor;

typedef struct step_case {
    char name[256];
    const mite_op *op;
    size_t input_count;
    tensor inputs[MAX_INPUTS], output;
    int32_t attrs[MAX_ATTR_WORDS]; // all words of the operator
} step_case;

// A pack, read case by case; `next` is false at its end.
typedef struct pack {
    uint8_t *data, *at, *end;
} pack;
pack pack_open(const char *path);
bool pack_next(pack *p, step_case *c);
void pack_close(pack *p);

// What stands around the operator, so that its pictures have halos: a clamp without limits before
// each picture that is an input; after it, a 3x3 depthwise convolution that changes nothing.
typedef struct around {
    bool before, after;
} around;

// A graph that computes the case; owns its packed constants.
typedef struct graph {
    mite_graph graph;
    mite_value values[2 * MAX_INPUTS + 5];
    mite_node nodes[MAX_INPUTS + 2];
    uint32_t edges[MAX_INPUTS], between[MAX_INPUTS], inputs[MAX_INPUTS], result;
    uint32_t identity_edges[4], identity_result;
    int32_t no_limits[2], identity_attrs[MAX_ATTR_WORDS];
    void *constants[MAX_INPUTS + 3];
} graph;
void graph_make(graph *g, const step_case *c, around a);
void graph_free(graph *g);
// Copies the case's inputs to the session's, as much as fits.
void graph_fill(const graph *g, const step_case *c, mite_session *s);

#endif
