// SPDX-License-Identifier: Apache-2.0
// Resize, Upsample, GridSample, AffineGrid. Pictures of known size, nearest or linear, go to the
// core's resize; all else to resize_nd.
#include "import/onnx/onnx_handlers.h"
#include "import/onnx/onnx_layers.h"

#include <math.h>
#include <string.h>

// Index of a word in a list ended by NULL; fails where it is not there.
static int32_t word_of(onnx_import *c, const char *what, const char *word,
                       const char *const *words) {
    for (int32_t i = 0; words[i]; i++)
        if (!strcmp(words[i], word)) return i;
    mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its %s %q is not supported", what, word);
    return 0;
}

enum { FLOOR = 2, CEIL, INWARD }; // of resize_nd's roundings

// What the node says, in the numbers of resize_nd's attributes.
typedef struct request {
    int32_t mode, coordinates, rounding, policy, axis_count, axes[MITE_MAX_RANK];
    mite_ir_value *x, *roi, *scales, *sizes;
    bool shifted; // x, as it is carried
} request;

// A constant without elements is none.
static mite_ir_value *given(onnx_import *c, size_t k) {
    mite_ir_value *v = onnx_optional(c, k);
    return v && mite_ir_is_fixed(v) && !mite_ir_elements(v) ? NULL : v;
}

static bool read_request(onnx_import *c, request *r) {
    static const char *const modes[] = {"nearest", "linear", "cubic", NULL};
    static const char *const coordinates[] = {
        "half_pixel",           "asymmetric",           "align_corners",      "pytorch_half_pixel",
        "half_pixel_symmetric", "tf_half_pixel_for_nn", "tf_crop_and_resize", NULL};
    static const char *const roundings[] = {"round_prefer_floor", "round_prefer_ceil", "floor",
                                            "ceil", NULL};
    static const char *const policies[] = {"stretch", "not_larger", "not_smaller", NULL};
    bool old = !strcmp(c->node->op_type, "Upsample") || c->opset < 11;
    const char *mode = onnx_string(c, "mode", "nearest");
    if (!strcmp(mode, "bilinear") || !strcmp(mode, "trilinear")) mode = "linear"; // of old
    // Before opset 11 there was one way: asymmetric, and down to the nearest.
    const char *where =
        onnx_string(c, "coordinate_transformation_mode", old ? "asymmetric" : "half_pixel");
    const char *rounding = onnx_string(c, "nearest_mode", old ? "floor" : "round_prefer_floor");
    const char *policy = onnx_string(c, "keep_aspect_ratio_policy", "stretch");
    const onnx_attr *scales = onnx_attribute(c, "scales");
    int64_t axes[MITE_MAX_RANK];
    size_t count;
    bool inward =
        old && !strcmp(c->node->op_type, "Resize"); // as other runtimes do it for opset 10
    *r = (request){
        .mode = word_of(c, "mode", mode, modes),
        .coordinates = word_of(c, "coordinate_transformation_mode", where, coordinates),
        .rounding = inward ? INWARD : word_of(c, "nearest_mode", rounding, roundings),
        .policy = word_of(c, "keep_aspect_ratio_policy", policy, policies),
    };
    r->x = onnx_in_carried(c, 0, &r->shifted);
    if (scales) r->scales = mite_ir_floats(c->g, "scales", scales->floats, scales->float_count);
    else r->scales = given(c, old ? 1 : 2);
    if (!old) r->roi = given(c, 1), r->sizes = given(c, 3);
    if (onnx_list(c, "axes", SIZE_MAX, axes, MITE_MAX_RANK, &count))
        for (size_t i = 0; i < count; i++) {
            bool fits = axes[i] >= -MITE_MAX_RANK && axes[i] < MITE_MAX_RANK;
            r->axes[r->axis_count++] = fits ? (int32_t)axes[i] : MITE_MAX_RANK;
        }
    if (r->x && mite_ir_ok(c->g) && !r->scales && !r->sizes)
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its scales and sizes are missing");
    return r->x && mite_ir_ok(c->g);
}

// Height and width of the result and their scales (0: from the sizes) for the core's operator. False
// where they are not known or more than they changes.
static bool read_target(const request *r, int32_t *size, float *scale) {
    const mite_ir_value *x = r->x, *from = r->scales ? r->scales : r->sizes;
    if (!mite_ir_is_constant(from) || from->rank != 1 ||
        from->shape[0] != (r->axis_count ? r->axis_count : 4) ||
        from->dtype != (r->scales ? MITE_F32 : MITE_I64))
        return false;
    for (int32_t i = 0; i < 4; i++) size[i] = x->shape[i], scale[i] = 0;
    for (int32_t i = 0; i < from->shape[0]; i++) {
        int32_t axis = r->axis_count ? r->axes[i] : i;
        if (axis < 0) axis += 4;
        if (axis < 0 || axis > 3) return false;
        double wanted;
        if (r->scales) {
            scale[axis] = ((const float *)from->data)[i];
            wanted = floor((double)x->shape[axis] * (double)scale[axis]);
        } else {
            wanted = (double)((const int64_t *)from->data)[i];
        }
        if (!(wanted >= 1) || wanted > INT32_MAX) return false;
        size[axis] = (int32_t)wanted;
    }
    return size[0] == x->shape[0] && size[1] == x->shape[1] && !(scale[0] > 0 && scale[0] != 1) &&
           !(scale[1] > 0 && scale[1] != 1);
}

static mite_ir_value *core_resize(onnx_import *c, const request *r) {
    int32_t size[4];
    float scale[4];
    const mite_ir_value *x = r->x;
    if (!onnx_is_core(x) || x->rank != 4 || !mite_ir_is_fixed(x) || r->mode > 1 ||
        r->coordinates > 3 || r->policy || onnx_int(c, "antialias", 0) ||
        (r->mode == 1 && onnx_int(c, "exclude_outside", 0)) || !mite_ir_elements(x) ||
        !read_target(r, size, scale))
        return NULL;
    // Where scales make the output's size no whole number, align_corners goes by that (resize_nd).
    for (size_t i = 2; i < 4; i++)
        if (r->coordinates == 2 && scale[i] > 0 &&
            (double)x->shape[i] * (double)scale[i] != (double)size[i])
            return NULL;
    int32_t rounding = r->rounding;
    if (rounding == INWARD && scale[2] >= 1 && scale[3] >= 1) rounding = FLOOR;
    if (rounding == INWARD && scale[2] <= 1 && scale[3] <= 1) rounding = CEIL;
    if (rounding == INWARD && r->mode == 0) return NULL;
    mite_ir_value *y =
        MITE_IR_EMIT(c->g, .op = "resize", .name = onnx_name(c), .inputs = {onnx_to_nhwc(c, r->x)},
                     .attrs = {{"height", .word = size[2]},
                               {"width", .word = size[3]},
                               {"scale_h", .word = mite_ir_bits(scale[2])},
                               {"scale_w", .word = mite_ir_bits(scale[3])},
                               {"mode", .word = r->mode},
                               {"coordinates", .word = r->coordinates},
                               {"rounding", .word = rounding == INWARD ? FLOOR : rounding}},
                     .scale = x->scale, .zero_point = x->zero_point);
    return onnx_to_nchw(c, y);
}

void onnx_resize(onnx_import *c) {
    request r;
    if (!read_request(c, &r)) return;
    mite_ir_value *y = core_resize(c, &r);
    if (y || !mite_ir_ok(c->g)) {
        onnx_set_carried(c, 0, y, r.shifted);
        return;
    }
    onnx_set_carried(
        c, 0,
        MITE_IR_EMIT(
            c->g, .op = "resize_nd", .name = onnx_name(c),
            .inputs = {r.x, r.roi, r.scales, r.sizes},
            .attrs = {{"mode", .word = r.mode},
                      {"coordinates", .word = r.coordinates},
                      {"rounding", .word = r.rounding},
                      {"exclude_outside", .word = onnx_int(c, "exclude_outside", 0) != 0},
                      {"antialias", .word = onnx_int(c, "antialias", 0) != 0},
                      {"policy", .word = r.policy},
                      {"cubic_a", .word = mite_ir_bits(onnx_float(c, "cubic_coeff_a", -0.75f))},
                      {"extrapolation",
                       .word = mite_ir_bits(onnx_float(c, "extrapolation_value", 0.0f))},
                      {"axis_count", .word = r.axis_count},
                      {"axes", .list = r.axes, .list_count = (size_t)r.axis_count}},
            .scale = r.x->scale, .zero_point = r.x->zero_point),
        r.shifted);
}

void onnx_grid_sample(onnx_import *c) {
    static const char *const modes[] = {"linear", "nearest", "cubic", NULL};
    static const char *const paddings[] = {"zeros", "border", "reflection", NULL};
    mite_ir_value *x = onnx_in(c, 0), *grid = onnx_in(c, 1);
    const char *mode = onnx_string(c, "mode", "linear");
    if (!strcmp(mode, "bilinear")) mode = "linear"; // opset 16
    if (!strcmp(mode, "bicubic")) mode = "cubic";
    if (!x || !grid) return;
    onnx_set(
        c, 0,
        MITE_IR_EMIT(c->g, .op = "grid_sample", .name = onnx_name(c), .inputs = {x, grid},
                     .attrs = {{"mode", .word = word_of(c, "mode", mode, modes)},
                               {"padding",
                                .word = word_of(c, "padding_mode",
                                                onnx_string(c, "padding_mode", "zeros"), paddings)},
                               {"align_corners", .word = onnx_int(c, "align_corners", 0) != 0}}));
}

void onnx_affine_grid(onnx_import *c) {
    mite_ir_value *theta = onnx_in(c, 0), *size = onnx_in(c, 1);
    if (!theta || !size) return;
    onnx_set(
        c, 0,
        MITE_IR_EMIT(c->g, .op = "affine_grid", .name = onnx_name(c), .inputs = {theta, size},
                     .attrs = {{"align_corners", .word = onnx_int(c, "align_corners", 0) != 0}}));
}
