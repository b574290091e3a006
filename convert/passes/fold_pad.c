// SPDX-License-Identifier: Apache-2.0
// Padding of height and width goes into the window after it, where that pads with the same value:
// zeros into convolutions and counted averages; zeros also into a maximum over values that are
// not negative, and minus infinity into any.
#include "passes/passes.h"

#include <math.h>
#include <string.h>

// Is every number of `v` known to be 0 or more?
static bool is_not_negative(const mite_ir_value *v) {
    float lo, hi;
    if (v->dtype == MITE_U8 && v->zero_point == 0) return true;
    return v->producer && mite_clamp_of(v->producer, &lo, &hi) && lo >= 0;
}

static bool pads_alike(const mite_ir_node *pad, const mite_ir_node *window) {
    float value = mite_ir_float(pad, "value");
    if (mite_ir_is(window, "max_pool2d")) {
        bool padded = mite_ir_int(window, "pad_top") | mite_ir_int(window, "pad_left") |
                      mite_ir_int(window, "pad_bottom") | mite_ir_int(window, "pad_right");
        bool lowest = value == -INFINITY && pad->output->dtype == MITE_F32;
        return !padded && (lowest || (value == 0 && is_not_negative(pad->inputs[0])));
    }
    if (mite_ir_is(window, "average_pool2d")) {
        bool padded = mite_ir_int(window, "pad_top") | mite_ir_int(window, "pad_left") |
                      mite_ir_int(window, "pad_bottom") | mite_ir_int(window, "pad_right");
        return !padded && value == 0;
    }
    return value == 0 && (mite_ir_is(window, "conv2d") || mite_ir_is(window, "depthwise_conv2d"));
}

static bool visit(mite_ir_graph *g, mite_ir_node *node, void *context) {
    static const char *const names[] = {"pad_top", "pad_left", "pad_bottom", "pad_right"};
    mite_ir_node *pad = node->input_count ? node->inputs[0]->producer : NULL;
    size_t count;
    (void)context;
    if (!pad || !mite_ir_is(pad, "pad") || pad->output->rank != 4 || !pads_alike(pad, node)) {
        return false;
    }
    const int32_t *before = mite_ir_attr_words(pad, "before", &count);
    const int32_t *after = mite_ir_attr_words(pad, "after", &count);
    if (before[0] || after[0] || before[3] || after[3]) return false;
    int32_t more[4] = {before[1], before[2], after[1], after[2]}, old[4], sum[4];
    for (size_t i = 0; i < 4; i++) {
        old[i] = mite_ir_int(node, names[i]);
        if (__builtin_add_overflow(old[i], more[i], &sum[i])) return false;
    }
    bool average = mite_ir_is(node, "average_pool2d");
    int32_t counted = mite_ir_int(node, "count_padding");
    mite_ir_value *x = node->inputs[0];
    for (size_t i = 0; i < 4; i++) mite_ir_set_int(node, names[i], sum[i]);
    if (average) mite_ir_set_int(node, "count_padding", 1);
    mite_ir_set_input(g, node, 0, pad->inputs[0]);
    if (mite_ir_infer(g, node, true) == MITE_OK) return true;
    // The operator does not take so much padding.
    for (size_t i = 0; i < 4; i++) mite_ir_set_int(node, names[i], old[i]);
    if (average) mite_ir_set_int(node, "count_padding", counted);
    mite_ir_set_input(g, node, 0, x);
    return false;
}

bool mite_pass_fold_pad(mite_ir_graph *g) { return mite_ir_rewrite(g, visit, NULL); }
