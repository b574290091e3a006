// SPDX-License-Identifier: Apache-2.0
// Operators that combine broadcast values element by element: output 0 with all inputs, at most
// MITE_WALK_OPERANDS - 1 of them.
#ifndef MITE_OPS_MORE_BROADCAST_H
#define MITE_OPS_MORE_BROADCAST_H

#include "../walk.h"

// Sets the shape of output 0 to the common one of all inputs; fails where there is none.
mite_status mite_step_broadcast(mite_step *s);

// A walk over output 0 (operand 0) and input k (operand k + 1).
void mite_walk_broadcast(mite_walk *w, const mite_step *s);

// Where element `at` of run `run` of an operand lies, which is this view.
void *mite_walk_at(const mite_walk *w, size_t operand, const mite_view *v, size_t run, size_t at);

#endif
