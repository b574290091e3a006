// SPDX-License-Identifier: Apache-2.0
// Operators that take indices or give them.
#include "import/onnx/onnx_emit.h"
#include "import/onnx/onnx_handlers.h"

#include <string.h>

#define MAX_OUTPUTS 4

// The node's inputs as they are, under our operator's name. Outputs beyond the first are i64.
static void emit(onnx_import *c, mite_ir_make make, size_t output_count) {
    static const mite_dtype indices[MAX_OUTPUTS] = {MITE_I64, MITE_I64, MITE_I64, MITE_I64};
    for (size_t k = 0; k < c->node->input_count && k < 6; k++) make.inputs[k] = onnx_in(c, k);
    make.name = onnx_name(c);
    make.more_outputs = output_count - 1;
    make.more_dtypes = indices;
    mite_ir_value *first = mite_ir_ok(c->g) ? mite_ir_emit(c->g, &make) : NULL;
    for (size_t k = 0; first && k < output_count; k++) onnx_set(c, k, mite_ir_output_at(first, k));
}

// The same of an operator with one result, which takes elements of input 0 as they are carried.
static void emit_picks(onnx_import *c, mite_ir_make make) {
    bool shifted;
    mite_ir_value *x = make.inputs[0] = onnx_in_carried(c, 0, &shifted);
    for (size_t k = 1; k < c->node->input_count && k < 6; k++) make.inputs[k] = onnx_in(c, k);
    if (!x || !mite_ir_ok(c->g)) return;
    make.name = onnx_name(c);
    make.scale = x->scale;
    make.zero_point = x->zero_point;
    onnx_set_carried(c, 0, mite_ir_emit(c->g, &make), shifted);
}

static mite_ir_attr attr(onnx_import *c, const char *ours, const char *theirs, int64_t otherwise) {
    int64_t value = onnx_int(c, theirs, otherwise);
    if (value < INT32_MIN || value > INT32_MAX)
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its %s is %D", theirs, value);
    return (mite_ir_attr){.name = ours, .word = (int32_t)value};
}

// --- Gathering and scattering --------------------------------------------------------------------

void onnx_gather(onnx_import *c) {
    emit_picks(c, (mite_ir_make){.op = "gather", .attrs = {attr(c, "axis", "axis", 0)}});
}

void onnx_gather_elements(onnx_import *c) {
    emit_picks(c, (mite_ir_make){.op = "gather_elements", .attrs = {attr(c, "axis", "axis", 0)}});
}

void onnx_gather_nd(onnx_import *c) {
    emit_picks(
        c, (mite_ir_make){.op = "gather_nd", .attrs = {attr(c, "batch_dims", "batch_dims", 0)}});
}

static mite_ir_attr reduction(onnx_import *c) {
    static const char *const names[] = {"none", "add", "mul", "max", "min"}; // as mite_combine
    const char *name = onnx_string(c, "reduction", "none");
    int32_t k = 0;
    while (k < 5 && strcmp(names[k], name) != 0) k++;
    if (k == 5) mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its reduction %q is not known", name);
    return (mite_ir_attr){.name = "reduction", .word = k};
}

void onnx_scatter_elements(onnx_import *c) {
    emit(c,
         (mite_ir_make){.op = "scatter_elements",
                        .attrs = {reduction(c), attr(c, "axis", "axis", 0)}},
         1);
}

void onnx_scatter_nd(onnx_import *c) {
    emit(c, (mite_ir_make){.op = "scatter_nd", .attrs = {reduction(c)}}, 1);
}

void onnx_tensor_scatter(onnx_import *c) {
    const char *mode = onnx_string(c, "mode", "linear");
    bool circular = strcmp(mode, "circular") == 0;
    if (!circular && strcmp(mode, "linear") != 0)
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its mode %q is not known", mode);
    emit(c,
         (mite_ir_make){
             .op = "scatter_rows",
             .attrs = {attr(c, "axis", "axis", -2), {.name = "circular", .word = circular}}},
         1);
}

// --- Choosing ------------------------------------------------------------------------------------

void onnx_non_zero(onnx_import *c) {
    emit(c, (mite_ir_make){.op = "non_zero", .dtype = MITE_I64}, 1);
}

void onnx_compress(onnx_import *c) {
    bool has_axis = onnx_attribute(c, "axis") != NULL;
    emit_picks(c, (mite_ir_make){.op = "compress",
                                 .attrs = {{.name = "has_axis", .word = has_axis},
                                           attr(c, "axis", "axis", 0)}});
}

void onnx_one_hot(onnx_import *c) {
    const mite_ir_value *values = onnx_in(c, 2);
    if (!values) return;
    emit(c,
         (mite_ir_make){
             .op = "one_hot", .dtype = values->dtype, .attrs = {attr(c, "axis", "axis", -1)}},
         1);
}

void onnx_unique(onnx_import *c) {
    bool has_axis = onnx_attribute(c, "axis") != NULL;
    emit(c,
         (mite_ir_make){.op = "unique",
                        .attrs = {{.name = "has_axis", .word = has_axis},
                                  attr(c, "axis", "axis", 0),
                                  attr(c, "sorted", "sorted", 1)}},
         MAX_OUTPUTS);
}

// The number was an attribute before opset 10.
void onnx_top_k(onnx_import *c) {
    mite_ir_value *x = onnx_in(c, 0), *k = onnx_has_input(c, 1) ? onnx_in(c, 1) : NULL;
    if (!k && x) {
        k = mite_ir_constant(c->g, "k", MITE_I64, 0, NULL);
        if (k) *(int64_t *)k->data = onnx_int(c, "k", -1);
    }
    mite_ir_value *top =
        MITE_IR_EMIT(c->g, .op = "top_k", .name = onnx_name(c), .inputs = {x, k},
                     .more_dtypes = (const mite_dtype[]){MITE_I64}, .more_outputs = 1,
                     .attrs = {attr(c, "axis", "axis", -1), attr(c, "largest", "largest", 1)});
    onnx_set(c, 0, top);
    onnx_set(c, 1, mite_ir_output_at(top, 1));
}

void onnx_arg_extreme(onnx_import *c) {
    bool largest = strcmp(c->node->op_type, "ArgMax") == 0;
    emit(c,
         (mite_ir_make){.op = "arg_extreme",
                        .dtype = MITE_I64,
                        .attrs = {attr(c, "axis", "axis", 0),
                                  {.name = "largest", .word = largest},
                                  attr(c, "keep_dims", "keepdims", 1),
                                  attr(c, "last", "select_last_index", 0)}},
         1);
}

void onnx_reverse_sequence(onnx_import *c) {
    emit(c,
         (mite_ir_make){.op = "reverse_sequence",
                        .attrs = {attr(c, "batch_axis", "batch_axis", 1),
                                  attr(c, "time_axis", "time_axis", 0)}},
         1);
}

// --- Regions -------------------------------------------------------------------------------------

void onnx_non_max_suppression(onnx_import *c) {
    emit(c,
         (mite_ir_make){.op = "non_max_suppression",
                        .dtype = MITE_I64,
                        .attrs = {attr(c, "center_point_box", "center_point_box", 0)}},
         1);
}

// Before opset 16 regions were not shifted by half a pixel.
// Its regions have the batch as their first number.
void onnx_max_roi_pool(onnx_import *c) {
    int64_t shape[2];
    size_t count;
    mite_ir_value *x = onnx_in(c, 0), *all = onnx_in(c, 1);
    if (!x || !all) return;
    if (!onnx_list(c, "pooled_shape", SIZE_MAX, shape, 2, &count) || count != 2 || shape[0] < 1 ||
        shape[1] < 1 || shape[0] > INT32_MAX || shape[1] > INT32_MAX) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its pooled_shape is no height and width");
        return;
    }
    mite_ir_value *one = onnx_integers(c, (int64_t[]){1}, 1);
    mite_ir_value *batches = onnx_emit_gather(c, all, onnx_scalar(c, MITE_I64, 0), 1);
    mite_ir_value *regions = onnx_emit_slice(c, all, one, onnx_integers(c, (int64_t[]){5}, 1), 1);
    batches = onnx_emit_cast(c, batches, MITE_I64);
    if (!batches || !regions) return;
    float scale = onnx_float(c, "spatial_scale", 1);
    onnx_set(c, 0,
             MITE_IR_EMIT(c->g, .op = "roi_align", .name = onnx_name(c),
                          .inputs = {x, regions, batches},
                          .attrs = {{"out_height", .word = (int32_t)shape[0]},
                                    {"out_width", .word = (int32_t)shape[1]},
                                    {"scale", .word = mite_ir_bits(scale)},
                                    {"half_pixel", .word = 0},
                                    {"whole", .word = 1}}));
}

void onnx_roi_align(onnx_import *c) {
    const char *shift = onnx_string(c, "coordinate_transformation_mode",
                                    c->opset < 16 ? "output_half_pixel" : "half_pixel");
    const char *mode = onnx_string(c, "mode", "avg");
    if (strcmp(mode, "avg") != 0 && strcmp(mode, "max") != 0)
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its mode %q is not known", mode);
    emit(c,
         (mite_ir_make){
             .op = "roi_align",
             .attrs = {attr(c, "out_height", "output_height", 1),
                       attr(c, "out_width", "output_width", 1),
                       attr(c, "samples", "sampling_ratio", 0),
                       {.name = "scale", .word = mite_ir_bits(onnx_float(c, "spatial_scale", 1))},
                       {.name = "maximum", .word = strcmp(mode, "max") == 0},
                       {.name = "half_pixel", .word = strcmp(shift, "half_pixel") == 0}}},
         1);
}
