// SPDX-License-Identifier: Apache-2.0
// What if, loop and scan share. They run their bodies while they are inferred, once the numbers they
// depend on are known, since shapes may follow from them; run hands the results over.
#ifndef MITE_OPS_MORE_BODIES_H
#define MITE_OPS_MORE_BODIES_H

#include "../common.h"

// MITE_MORE until the elements of all inputs are known (and where bodies cannot be run at all).
mite_status mite_bodies_ready(mite_step *s);

// Opens body `index` of the model unless *body is open already.
mite_status mite_bodies_open(mite_step *s, size_t index, mite_body **body);

// A value that a loop carries or collects: its elements in memory of its own.
typedef struct mite_carried {
    mite_view view;
    mite_value value; // what view.value points to
    size_t room; // bytes that view.data has
} mite_carried;

// Makes `to` hold a copy of `from`; keeps its place where there is room.
mite_status mite_carry(mite_step *s, mite_carried *to, const mite_view *from);
// Appends the elements of `from` to those of `to`, along a new first dimension, which is counted in
// to->view.shape[0]; the first one (to->view.rank 0 and no elements) settles the rest of the shape.
mite_status mite_collect(mite_step *s, mite_carried *to, const mite_view *from);
void mite_carried_free(mite_carried *c);

// Says that output `index` of the step will be what `from` holds.
mite_status mite_bodies_set_output(mite_step *s, size_t index, const mite_view *from);
// Copies it there.
void mite_bodies_put_output(const mite_step *s, size_t index, const mite_view *from);

#endif
