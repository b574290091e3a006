// SPDX-License-Identifier: Apache-2.0
// Decides, before anything runs, where every value lies: which ones carry a halo, which share
// memory, and the offset of each in one arena.
#ifndef MITE_PLAN_PLAN_H
#define MITE_PLAN_PLAN_H

#include "../ops/op.h"

// The steps [first, end) of a session, whose shapes are known, are planned together. A value whose
// view has data already lies elsewhere: constants, settled values, results of earlier steps.
typedef struct mite_program {
    const mite_graph *graph;
    mite_view *views; // one a value
    mite_step *steps; // one a node, in running order
    size_t first, end;
} mite_program;

#define MITE_NO_PLACE SIZE_MAX

// Asks every step for its wishes (op->plan), grants halos where the producer can write around
// one and all readers can read around it, sets the strides, and asks again with those settled.
mite_status mite_plan_halos(mite_program *p, mite_error *error);

typedef struct mite_places {
    size_t *values;  // offset of each value's memory (halo included), or MITE_NO_PLACE
    size_t *scratch; // offset of each step's scratch, for `scratch_parts` parts at a time
    size_t arena_bytes;
    size_t least_bytes; // lower bound: the largest sum of memory alive at one step
} mite_places;

// Fills `places`, whose arrays the caller provides. Also withdraws step->alias where the memory
// cannot be shared, so that run is called. MITE_ALIGN alignment throughout.
mite_status mite_plan_memory(mite_program *p, size_t scratch_parts, mite_places *places,
                             mite_error *error);

// Sets the strides of a view by its shape and halo; false on overflow.
bool mite_view_set_strides(mite_view *view);

// Bytes of a view's memory, halo included; false on overflow.
bool mite_view_bytes(size_t *out, const mite_view *view);

#endif
