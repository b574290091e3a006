// SPDX-License-Identifier: Apache-2.0
// Pools, Resize and Pad: operators on pictures that have no weights.
#include "import/onnx/onnx_handlers.h"
#include "import/onnx/onnx_window.h"

#include <math.h>
#include <string.h>

// --- Pools --------------------------------------------------------------------------------------

// ceil_mode counts windows that begin in the picture or the padding before it but reach past the
// end; wider padding at the end gives the same windows, since pools leave out what is not picture.
static void widen_for_ceil(onnx_import *c, onnx_window *w, const int32_t *dims) {
    for (size_t i = 0; i < 2; i++) {
        int64_t stride = w->stride[i], padded = (int64_t)dims[2 + i] + w->pad[i] + w->pad[2 + i];
        int64_t room = padded - w->kernel[i];
        if (stride < 1 || room < 0) continue;
        int64_t windows = (room + stride - 1) / stride + 1;
        // A window that would begin behind the picture is dropped.
        if ((windows - 1) * stride >= (int64_t)dims[2 + i] + w->pad[i]) windows--;
        int64_t more = (windows - 1) * stride + w->kernel[i] - padded;
        if (more > INT32_MAX - w->pad[2 + i]) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT, "its stride %D makes no sense here", stride);
        } else if (more > 0) {
            w->pad[2 + i] += (int32_t)more;
        }
    }
}

static mite_ir_value *emit_pool(onnx_import *c, const char *op, mite_ir_value *x,
                                const onnx_window *w, bool count_padding) {
    return MITE_IR_EMIT(c->g, .op = op, .name = onnx_name(c), .inputs = {x},
                        .attrs = {{"kernel_h", .word = w->kernel[0]},
                                  {"kernel_w", .word = w->kernel[1]},
                                  ONNX_WINDOW_ATTRS(w),
                                  {count_padding ? "count_padding" : NULL, .word = 1}},
                        .scale = x ? x->scale : 0, .zero_point = x ? x->zero_point : 0);
}

static void pool(onnx_import *c, const char *op, bool average) {
    size_t spatial;
    onnx_window w;
    mite_ir_value *x = onnx_picture(c, 0, &spatial);
    if (!x || !onnx_read_window(c, &w, spatial, x->shape, NULL)) return;
    if (w.dilation[0] != 1 || w.dilation[1] != 1) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "dilated pooling is not supported");
        return;
    }
    if (onnx_has_output(c, 1)) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "the indices of the largest values (its second "
                     "output) are not supported");
        return;
    }
    bool count_padding = average && onnx_int(c, "count_include_pad", 0) != 0;
    bool has_padding = w.pad[0] | w.pad[1] | w.pad[2] | w.pad[3];
    if (onnx_int(c, "ceil_mode", 0)) {
        int32_t before[2] = {w.pad[2], w.pad[3]};
        widen_for_ceil(c, &w, x->shape);
        // What ceil_mode adds is never counted, stated padding is: the mixture has no operator.
        bool wider = w.pad[2] != before[0] || w.pad[3] != before[1];
        if (count_padding && wider && has_padding) {
            mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                         "count_include_pad together with ceil_mode is not supported where "
                         "windows reach past the padding");
            return;
        }
        if (wider) count_padding = false;
    }
    mite_ir_value *y = emit_pool(c, op, onnx_to_nhwc(c, x), &w, count_padding);
    onnx_set_picture(c, onnx_to_nchw(c, y), spatial);
}

void onnx_average_pool(onnx_import *c) { pool(c, "average_pool2d", true); }
void onnx_max_pool(onnx_import *c) { pool(c, "max_pool2d", false); }

// --- Means over dimensions ----------------------------------------------------------------------

static mite_ir_value *emit_mean(onnx_import *c, mite_ir_value *x, const bool *reduced, bool keep) {
    int32_t axes[MITE_MAX_RANK] = {0}, count = 0;
    for (int32_t i = 0; x && i < x->rank; i++) {
        if (reduced[i]) axes[count++] = i;
    }
    return MITE_IR_EMIT(c->g, .op = "mean", .name = onnx_name(c), .inputs = {x},
                        .attrs = {{"axis_count", .word = count},
                                  {"axes", .list = axes, .list_count = (size_t)count},
                                  {"keep_dims", .word = keep}},
                        .scale = x ? x->scale : 0, .zero_point = x ? x->zero_point : 0);
}

void onnx_global_average_pool(onnx_import *c) {
    mite_ir_value *x = onnx_in(c, 0);
    bool reduced[MITE_MAX_RANK] = {false};
    if (!x || x->rank < 3) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its input is no picture");
        return;
    }
    if (x->rank == 4) {
        bool spatial[MITE_MAX_RANK] = {false, true, true, false};
        onnx_set(c, 0, onnx_to_nchw(c, emit_mean(c, onnx_to_nhwc(c, x), spatial, true)));
        return;
    }
    for (int32_t i = 2; i < x->rank; i++) reduced[i] = true;
    onnx_set(c, 0, emit_mean(c, x, reduced, true));
}

// --- Resize and Upsample ------------------------------------------------------------------------

// Index of a word in a list ended by NULL; fails where it is not there.
static int32_t word_of(onnx_import *c, const char *what, const char *word,
                       const char *const *words) {
    for (int32_t i = 0; words[i]; i++) {
        if (!strcmp(words[i], word)) return i;
    }
    mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "%s %q is not supported", what, word);
    return 0;
}

// Scales of all dimensions, from attribute or input; false where there are none.
static bool read_scales(onnx_import *c, size_t k, double *scales, size_t *count) {
    const onnx_attr *a = onnx_attribute(c, "scales");
    const onnx_known *known = a || !onnx_has_input(c, k) ? NULL : onnx_need_numbers(c, k, "scales");
    *count = a ? a->float_count : known ? known->count : 0;
    if (!*count) return false; // an empty list stands for none
    if (*count > MITE_MAX_RANK || (known && !onnx_type_is_real(known->type))) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its scales are no list of real numbers");
        return false;
    }
    for (size_t i = 0; i < *count; i++) {
        scales[i] = a ? (double)a->floats[i] : known->at[i].f;
        if (!(scales[i] > 0) || scales[i] > 1e6) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT, "one of its scales makes no sense");
            return false;
        }
    }
    return true;
}

typedef struct target {
    int32_t size[4]; // NCHW
    double scale[4]; // 0: from the sizes
} target;

static bool read_target(onnx_import *c, const mite_ir_value *x, target *t) {
    int64_t sizes[MITE_MAX_RANK], axes[MITE_MAX_RANK];
    double scales[MITE_MAX_RANK];
    size_t count = 0, axis_count, axis;
    bool old = !strcmp(c->node->op_type, "Upsample") || c->opset < 11;
    bool has_scales = read_scales(c, old ? 1 : 2, scales, &count);
    if (!has_scales && !onnx_list(c, NULL, 3, sizes, MITE_MAX_RANK, &count)) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its scales and sizes are missing");
        return false;
    }
    if (!onnx_list(c, "axes", SIZE_MAX, axes, MITE_MAX_RANK, &axis_count)) {
        for (axis_count = 0; axis_count < 4; axis_count++) axes[axis_count] = (int64_t)axis_count;
    }
    if (!mite_ir_ok(c->g)) return false;
    if (count != axis_count) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "it has %z scales or sizes for %z dimensions", count,
                     axis_count);
        return false;
    }
    for (size_t i = 0; i < 4; i++) t->size[i] = x->shape[i], t->scale[i] = 0;
    for (size_t i = 0; i < count; i++) {
        if (!onnx_axis(c, axes[i], 4, &axis)) return false;
        double size = has_scales ? floor(x->shape[axis] * scales[i]) : (double)sizes[i];
        if (!(size >= 1) || size > INT32_MAX) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT, "dimension %z would get an impossible size", axis);
            return false;
        }
        t->size[axis] = (int32_t)size;
        if (has_scales) t->scale[axis] = scales[i];
    }
    if (t->size[0] != x->shape[0] || t->size[1] != x->shape[1]) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "it resizes %T to %T; only height and width can change", (size_t)4, x->shape,
                     (size_t)4, t->size);
        return false;
    }
    return true;
}

void onnx_resize(onnx_import *c) {
    static const char *const modes[] = {"nearest", "linear", NULL};
    static const char *const coordinates[] = {"half_pixel", "asymmetric", "align_corners",
                                              "pytorch_half_pixel", NULL};
    static const char *const roundings[] = {"round_prefer_floor", "round_prefer_ceil", "floor",
                                            "ceil", NULL};
    bool old = !strcmp(c->node->op_type, "Upsample") || c->opset < 11;
    mite_ir_value *x = onnx_in(c, 0);
    target t;
    if (!x) return;
    if (x->rank != 4) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its input has shape %T, wanted is [N,C,H,W]",
                     (size_t)x->rank, x->shape);
        return;
    }
    if (!read_target(c, x, &t)) return;
    if (onnx_int(c, "antialias", 0) ||
        strcmp(onnx_string(c, "keep_aspect_ratio_policy", "stretch"), "stretch")) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "antialias and keep_aspect_ratio_policy are not "
                     "supported");
    }
    const char *mode = onnx_string(c, "mode", "nearest");
    if (!strcmp(mode, "bilinear")) mode = "linear"; // as opset 7 says it
    // Before opset 11 there was one way: asymmetric, and down to the nearest.
    const char *where =
        onnx_string(c, "coordinate_transformation_mode", old ? "asymmetric" : "half_pixel");
    const char *rounding = onnx_string(c, "nearest_mode", old ? "floor" : "round_prefer_floor");
    mite_ir_value *y = MITE_IR_EMIT(
        c->g, .op = "resize", .name = onnx_name(c), .inputs = {onnx_to_nhwc(c, x)},
        .attrs = {{"height", .word = t.size[2]},
                  {"width", .word = t.size[3]},
                  {"scale_h", .word = mite_ir_bits((float)t.scale[2])},
                  {"scale_w", .word = mite_ir_bits((float)t.scale[3])},
                  {"mode", .word = word_of(c, "mode", mode, modes)},
                  {"coordinates",
                   .word = word_of(c, "coordinate_transformation_mode", where, coordinates)},
                  {"rounding", .word = word_of(c, "nearest_mode", rounding, roundings)}},
        .scale = x->scale, .zero_point = x->zero_point);
    onnx_set(c, 0, onnx_to_nchw(c, y));
}
