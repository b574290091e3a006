// SPDX-License-Identifier: Apache-2.0
// Matrix products in f32 with one step of Strassen's algorithm in Winograd's form: seven products of
// quarters instead of eight. The quarters' products are those of conv_f32.
#ifndef MITE_OPS_STRASSEN_H
#define MITE_OPS_STRASSEN_H

#include "conv.h"

// Whether it is faster for x [rows, depth] times weights [depth, columns] (measured; docs/kernels.md).
bool mite_strassen_suits(size_t rows, size_t depth, size_t columns);
// Scratch of a part; false where it is too much to say.
bool mite_strassen_scratch(const mite_step *s, size_t rows, size_t depth, size_t *bytes);
// Parts are pairs of panels; the bits do not depend on their number.
size_t mite_strassen_parts(const mite_conv_state *c);
// A dense product: segment_count 1, a picture of one row.
void mite_strassen_run(const mite_conv_state *c, size_t part, size_t part_count, void *scratch);

#endif
