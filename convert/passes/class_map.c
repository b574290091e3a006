// SPDX-License-Identifier: Apache-2.0
// A class-activation map (Zhou et al. 2016, "Learning Deep Features for Discriminative Localization") for
// networks that end in pooling and a linear layer. The layer is applied to every place of the features, too:
//
//   y = dense(mean(x)), after reshapes and before a softmax  ->  also map = dense(x)
//
// Both use one set of weights. Since the layer is linear, the mean of a class's map is its score, bias
// included. The map is an output of the graph, which sessions compute only when they are asked for it.
// Where values have been rounded for quantization, the map is made of the rounded features and weights.
#include "passes/match.h"

enum { FIRST_SPATIAL = 1, LAST_SPATIAL = 2 }; // dimensions of NHWC

// Whether a transpose moves no dimension past another one of more than one element.
static bool keeps_order(const mite_ir_node *transpose) {
    size_t count;
    const int32_t *perm = mite_ir_attr_words(transpose, "perm", &count);
    const mite_ir_value *x = transpose->inputs[0];
    int32_t last = -1;
    for (int32_t i = 0; i < x->rank; i++) {
        bool is_one = x->shape[perm[i]] == 1 && !(x->open >> perm[i] & 1);
        if (!is_one && perm[i] < last) return false;
        if (!is_one) last = perm[i];
    }
    return true;
}

static bool only_reshapes(const mite_ir_node *node) {
    return mite_ir_is(node, "reshape") || mite_ir_is(node, "flatten") ||
           mite_ir_is(node, "identity") || (mite_ir_is(node, "transpose") && keeps_order(node));
}

// quantize -> dequantize, as mite_quantize makes them.
static bool rounds(const mite_ir_node *node) {
    return mite_ir_is(node, "dequantize") && node->inputs[0]->producer &&
           mite_ir_is(node->inputs[0]->producer, "quantize");
}

static mite_ir_value *before_reshapes(mite_ir_value *v) {
    for (;;) {
        v = mite_ir_resolve(v);
        if (v->producer && rounds(v->producer)) v = v->producer->inputs[0]->producer->inputs[0];
        else if (v->producer && only_reshapes(v->producer)) v = v->producer->inputs[0];
        else return v;
    }
}

static bool is_mean_of_places(const mite_ir_node *node) {
    size_t count;
    const int32_t *axes = mite_ir_attr_words(node, "axes", &count);
    int32_t rank = node->inputs[0]->rank, seen = 0;
    if (!mite_ir_is(node, "mean") || mite_ir_int(node, "axis_count") != 2 || rank != 4)
        return false;
    for (size_t i = 0; i < 2; i++) seen |= 1 << (axes[i] < 0 ? axes[i] + rank : axes[i]);
    return seen == (1 << FIRST_SPATIAL | 1 << LAST_SPATIAL);
}

static bool is_pool_of_places(const mite_ir_node *node) {
    const mite_ir_value *x = node->inputs[0];
    return mite_ir_is(node, "average_pool2d") &&
           mite_ir_int(node, "kernel_h") == x->shape[FIRST_SPATIAL] &&
           mite_ir_int(node, "kernel_w") == x->shape[LAST_SPATIAL] &&
           node->output->shape[FIRST_SPATIAL] == 1 && node->output->shape[LAST_SPATIAL] == 1;
}

// The features whose mean `v` is; NULL if it is none.
static mite_ir_value *features_of(mite_ir_value *v) {
    mite_ir_node *node = before_reshapes(v)->producer;
    mite_ir_value *x = node && node->input_count ? mite_ir_input_of(node, 0) : NULL;
    if (!x) return NULL;
    x = mite_ir_resolve(x);
    if (x->unknown || x->open >> 1) return NULL; // the batch may be open
    return is_mean_of_places(node) || is_pool_of_places(node) ? x : NULL;
}

// dense, or a convolution of single pixels.
static bool is_linear(const mite_ir_node *node) {
    if (mite_ir_input_of(node, MITE_IN_RESIDUAL) || !mite_is_unclamped(node)) return false;
    if (mite_ir_is(node, "dense")) return true;
    const mite_ir_value *w = mite_ir_input_of(node, MITE_IN_WEIGHTS);
    return mite_ir_is(node, "conv2d") && w->shape[1] == 1 && w->shape[2] == 1 &&
           mite_ir_int(node, "groups") <= 1;
}

// The linear layer of an output, and the features whose mean it takes; false if it has none.
static bool find_head(mite_ir_value *output, mite_ir_node **head, mite_ir_value **features) {
    mite_ir_value *v = before_reshapes(output);
    if (v->producer && mite_ir_is(v->producer, "softmax"))
        v = before_reshapes(v->producer->inputs[0]);
    *head = v->producer;
    if (!*head || !mite_has_weights(*head) || !is_linear(*head)) return false;
    const mite_ir_value *x = (*head)->inputs[MITE_IN_X];
    *features = features_of((*head)->inputs[MITE_IN_X]);
    // Of a layer in integers the bias counts in steps of its own input's scale.
    return *features && (*features)->dtype == MITE_F32 &&
           (*features)->shape[3] == x->shape[x->rank - 1];
}

bool mite_has_class_map(const mite_ir_graph *g) {
    mite_ir_node *head;
    mite_ir_value *features;
    for (size_t i = 0; i < g->output_count; i++)
        if (find_head(g->outputs[i].value, &head, &features)) return true;
    return false;
}

void mite_add_class_map(mite_ir_graph *g, const char *name) {
    mite_ir_node *head;
    mite_ir_value *features;
    size_t i = 0;
    while (i < g->output_count && !find_head(g->outputs[i].value, &head, &features)) i++;
    if (i == g->output_count) return;
    mite_ir_value *map = MITE_IR_EMIT(g, .op = head->op->name, .name = name,
                                      .inputs = {features, head->inputs[MITE_IN_WEIGHTS],
                                                 mite_ir_input_of(head, MITE_IN_BIAS),
                                                 mite_ir_input_of(head, MITE_IN_MULTIPLIER)},
                                      .copy_attrs = head, .dtype = head->output->dtype);
    mite_ir_output(g, name, map);
}
