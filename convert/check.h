// SPDX-License-Identifier: Apache-2.0
// Does a graph still compute what its source computes?
#ifndef MITE_CONVERT_CHECK_H
#define MITE_CONVERT_CHECK_H

#include "convert.h"

// Runs `changed` and `source`, which was imported and not simplified, on the same samples (as in
// mite_quantize_options), the source with plain kernels where this build has them. Where there are no
// samples, inputs are random, and open dimensions are taken as 1, or as their stand-ins where the model
// does not run like that. Sets the largest difference of an output, and the largest output of the source;
// a NaN against a number, or other shapes, are infinitely different.
mite_status mite_check(mite_ir_graph *changed, mite_ir_graph *source, const float *const *samples,
                       size_t sample_count, mite_convert_difference *out, mite_error *error);

#endif
