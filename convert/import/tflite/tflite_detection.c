// SPDX-License-Identifier: Apache-2.0
// TFLite_Detection_PostProcess, the custom operator at the end of SSD detectors: boxes decoded from
// anchors, those of low scores or that overlap better ones left out.
#include "import/tflite/tflite_handlers.h"
#include "wire/flexbuffer.h"

#include <math.h>
#include <string.h>

// Inputs: encoded boxes [1,N,4] (y, x, height, width), scores [1,N,C], anchors [N,4].
typedef struct detection {
    int32_t most, classes_each, most_of_class, classes; // of the options
    bool by_class;
    float score, overlap, scale[4]; // y, x, height, width
    int32_t anchors, columns;
} detection;

static bool number(tfl_import *c, const char *key, double lo, double hi, double otherwise,
                   double *out) {
    *out = otherwise;
    if (!mite_flex_number(c->node->custom_options, key, out)) *out = otherwise;
    if (*out >= lo && *out <= hi) return true;
    mite_ir_fail(c->g, MITE_ERR_FORMAT, "its option %q is missing, or outside of its range", key);
    return false;
}

static bool read_options(tfl_import *c, detection *d) {
    static const char *const scales[4] = {"y_scale", "x_scale", "h_scale", "w_scale"};
    double most, each, classes, of_class, by_class, score, overlap, scale;
    if (!number(c, "max_detections", 1, 1 << 20, 0, &most) ||
        !number(c, "max_classes_per_detection", 1, 1 << 16, 0, &each) ||
        !number(c, "num_classes", 1, 1 << 20, 0, &classes) ||
        !number(c, "detections_per_class", 1, 1 << 20, 100, &of_class) ||
        !number(c, "use_regular_nms", 0, 1, 0, &by_class) ||
        !number(c, "nms_score_threshold", -1e30, 1e30, NAN, &score) ||
        !number(c, "nms_iou_threshold", 0, 1, NAN, &overlap)) {
        return false;
    }
    for (size_t i = 0; i < 4; i++) {
        if (!number(c, scales[i], 1e-6, 1e6, 0, &scale)) return false;
        d->scale[i] = (float)scale;
    }
    d->most = (int32_t)most;
    d->classes = (int32_t)classes;
    d->classes_each = (int32_t)(each < classes ? each : classes);
    d->most_of_class = (int32_t)of_class;
    d->by_class = by_class != 0;
    d->score = nextafterf((float)score, -INFINITY); // TensorFlow Lite's may be reached, ours not
    d->overlap = (float)overlap;
    return true;
}

static bool check(tfl_import *c, detection *d, const mite_ir_value *boxes,
                  const mite_ir_value *scores, const mite_ir_value *anchors) {
    if (!boxes || !scores || !anchors || !tfl_is_fixed(c, boxes) || !tfl_is_fixed(c, scores) ||
        !tfl_is_fixed(c, anchors))
        return false;
    bool good = boxes->rank == 3 && scores->rank == 3 && anchors->rank == 2 &&
                boxes->shape[0] == 1 && scores->shape[0] == 1 && boxes->shape[2] >= 4 &&
                anchors->shape[1] == 4 && boxes->shape[1] == anchors->shape[0] &&
                scores->shape[1] == anchors->shape[0] && anchors->shape[0] >= 1 &&
                scores->shape[2] >= d->classes;
    d->anchors = good ? anchors->shape[0] : 0;
    d->columns = good ? scores->shape[2] : 0;
    if (!good)
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "its boxes %T, scores %T, anchors %T and %d classes do not fit one another",
                     (size_t)boxes->rank, boxes->shape, (size_t)scores->rank, scores->shape,
                     (size_t)anchors->rank, anchors->shape, d->classes);
    return good;
}

// --- Boxes --------------------------------------------------------------------------------------

static mite_ir_value *columns_of(tfl_import *c, mite_ir_value *v, int64_t from, int64_t count) {
    if (!v) return NULL;
    return tfl_emit_slice(c, v, (const int64_t[]){0, from}, (const int64_t[]){v->shape[0], count});
}

static mite_ir_value *pair(tfl_import *c, float a, float b) {
    return mite_ir_floats(c->g, tfl_name(c), (const float[]){a, b}, 2);
}

// [N,4]: top, left, bottom, right.
static mite_ir_value *decoded(tfl_import *c, const detection *d, mite_ir_value *boxes,
                              mite_ir_value *anchors) {
    const float *s = d->scale;
    boxes = tfl_reshape(c, boxes, 2, (const int32_t[]){d->anchors, boxes->shape[2]});
    mite_ir_value *at = columns_of(c, boxes, 0, 2), *size = columns_of(c, boxes, 2, 2);
    mite_ir_value *anchor_at = columns_of(c, anchors, 0, 2);
    mite_ir_value *anchor_size = columns_of(c, anchors, 2, 2);
    at = tfl_emit_binary(c, "mul", tfl_emit_binary(c, "div", at, pair(c, s[0], s[1])), anchor_size);
    at = tfl_emit_binary(c, "add", at, anchor_at);
    size = tfl_emit_unary(c, "exp", tfl_emit_binary(c, "div", size, pair(c, s[2], s[3])));
    size = tfl_emit_binary(c, "mul", tfl_emit_binary(c, "mul", size, tfl_scalar(c, 0.5f)),
                           anchor_size);
    mite_ir_value *corners[2] = {tfl_emit_binary(c, "sub", at, size),
                                 tfl_emit_binary(c, "add", at, size)};
    return corners[0] && corners[1] ? tfl_concat(c, corners, 2, 1) : NULL;
}

// --- Choosing -----------------------------------------------------------------------------------

// Boxes [N,4] and scores [classes,N] -> [K,3]: 0, class, box.
static mite_ir_value *suppress(tfl_import *c, const detection *d, mite_ir_value *boxes,
                               mite_ir_value *scores, int32_t classes, int64_t most) {
    const int32_t n = d->anchors;
    mite_ir_value *overlap = mite_ir_floats(c->g, tfl_name(c), &d->overlap, 1);
    mite_ir_value *least = mite_ir_floats(c->g, tfl_name(c), &d->score, 1);
    boxes = tfl_reshape(c, boxes, 3, (const int32_t[]){1, n, 4});
    scores = tfl_reshape(c, scores, 3, (const int32_t[]){1, classes, n});
    if (!boxes || !scores || !overlap || !least) return NULL;
    return MITE_IR_EMIT(c->g, .op = "non_max_suppression", .name = tfl_name(c),
                        .inputs = {boxes, scores, tfl_integers(c, &most, 1), overlap, least},
                        .dtype = MITE_I64);
}

static mite_ir_value *column(tfl_import *c, mite_ir_value *chosen, int64_t which) {
    mite_ir_value *index = mite_ir_constant(c->g, tfl_name(c), MITE_I64, 0, NULL);
    if (!chosen || !index) return NULL;
    *(int64_t *)index->data = which;
    return MITE_IR_EMIT(c->g, .op = "gather", .name = tfl_name(c), .inputs = {chosen, index},
                        .attrs = {{"axis", .word = 1}});
}

static mite_ir_value *best(tfl_import *c, mite_ir_value *scores, mite_ir_value *count,
                           mite_ir_value **which) {
    const mite_dtype indices = MITE_I64;
    if (!scores || !count) return NULL;
    mite_ir_value *y =
        MITE_IR_EMIT(c->g, .op = "top_k", .name = tfl_name(c), .inputs = {scores, count},
                     .more_dtypes = &indices, .more_outputs = 1);
    *which = mite_ir_output_at(y, 1);
    return y;
}

static mite_ir_value *rows(tfl_import *c, mite_ir_value *v, mite_ir_value *which) {
    return v && which ? tfl_emit_moved(c, "gather", v, which, NULL, NULL, NULL) : NULL;
}

static mite_ir_value *flat(tfl_import *c, mite_ir_value *v, int64_t width) {
    return tfl_emit_moved(c, "reshape_to", v,
                          width ? tfl_integers(c, (const int64_t[]){-1, width}, 2)
                                : tfl_integers(c, (const int64_t[]){-1}, 1),
                          NULL, NULL, NULL);
}

// What was found: boxes [K,4], classes [K] i64, scores [K]; and the places that say how many boxes
// there are.
typedef struct found {
    mite_ir_value *boxes, *classes, *scores, *places;
} found;

// The best class of each box decides; then its classes follow one another.
static found by_box(tfl_import *c, const detection *d, mite_ir_value *boxes,
                    mite_ir_value *scores) {
    mite_ir_value *which;
    mite_ir_value *top = best(c, scores, tfl_integers(c, &(int64_t){d->classes_each}, 1), &which);
    mite_ir_value *first = columns_of(c, top, 0, 1);
    mite_ir_value *chosen = column(c, suppress(c, d, boxes, first, 1, d->most), 2);
    mite_ir_value *each = rows(c, boxes, chosen);
    if (d->classes_each > 1)
        each = flat(c,
                    tfl_emit_moved(c, "tile", each,
                                   tfl_integers(c, (const int64_t[]){1, d->classes_each}, 2), NULL,
                                   NULL, NULL),
                    4);
    return (found){each, flat(c, rows(c, which, chosen), 0), flat(c, rows(c, top, chosen), 0),
                   chosen};
}

// Boxes of one class leave out one another; the best of all classes remain.
static found by_class(tfl_import *c, const detection *d, mite_ir_value *boxes,
                      mite_ir_value *scores) {
    mite_ir_value *turned = tfl_transpose(c, scores, (const int32_t[]){1, 0}), *which;
    mite_ir_value *chosen = suppress(c, d, boxes, turned, d->classes, d->most_of_class);
    if (!chosen) return (found){NULL, NULL, NULL, NULL};
    mite_ir_value *whole = tfl_reshape(c, turned, 3, (const int32_t[]){1, d->classes, d->anchors});
    mite_ir_value *its = tfl_emit_moved(c, "gather_nd", whole, chosen, NULL, NULL, NULL);
    mite_ir_value *count =
        MITE_IR_EMIT(c->g, .op = "shape", .name = tfl_name(c), .inputs = {chosen},
                     .dtype = MITE_I64, .attrs = {{"end", .word = 1}});
    count =
        tfl_emit_general_binary(c, MITE_BINARY_MIN, count, tfl_integers(c, &(int64_t){d->most}, 1));
    if (!count) return (found){NULL, NULL, NULL, NULL};
    mite_ir_value *top = best(c, its, count, &which);
    return (found){rows(c, boxes, rows(c, column(c, chosen, 2), which)),
                   rows(c, column(c, chosen, 1), which), top, top};
}

// The first `most` rows, zeros where there are fewer, under the shape of output k.
static void set_rows(tfl_import *c, size_t k, mite_ir_value *v, int32_t most, int32_t width) {
    const int32_t dims[2] = {most, width}, shape[3] = {1, most, width};
    mite_ir_value *zeros = mite_ir_constant(c->g, tfl_name(c), MITE_F32, width ? 2 : 1, dims);
    mite_ir_value *both[2] = {tfl_emit_cast(c, v, MITE_F32), zeros};
    v = tfl_concat(c, both, 2, 0);
    v = tfl_emit_moved(c, "slice", v, tfl_integers(c, &(int64_t){0}, 1),
                       tfl_integers(c, &(int64_t){most}, 1), tfl_integers(c, &(int64_t){0}, 1),
                       NULL);
    tfl_set(c, k, tfl_stated_shape(c, v, width ? 3 : 2, shape));
}

void tfl_detection_post_process(tfl_import *c) {
    detection d = {.most = 0};
    mite_ir_value *boxes = tfl_real(c, 0), *scores = tfl_real(c, 1), *anchors = tfl_real(c, 2);
    if (!boxes || !read_options(c, &d) || !check(c, &d, boxes, scores, anchors)) return;
    boxes = decoded(c, &d, boxes, anchors);
    scores = tfl_reshape(c, scores, 2, (const int32_t[]){d.anchors, d.columns});
    scores = columns_of(c, scores, d.columns - d.classes, d.classes); // without the background
    if (!boxes || !scores) return;
    found f = d.by_class ? by_class(c, &d, boxes, scores) : by_box(c, &d, boxes, scores);
    if (!f.scores || !f.boxes || !f.classes || !f.places) return;
    int64_t most = (int64_t)d.most * d.classes_each; // by class it are fewer, but places remain
    mite_ir_value *count = MITE_IR_EMIT(c->g, .op = "shape", .name = tfl_name(c),
                                        .inputs = {f.places}, .dtype = MITE_I64);
    if (!count || most > 1 << 24) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "it gives %D boxes", most);
        return;
    }
    set_rows(c, 0, f.boxes, (int32_t)most, 4);
    set_rows(c, 1, f.classes, (int32_t)most, 0);
    set_rows(c, 2, f.scores, (int32_t)most, 0);
    tfl_set(c, 3, tfl_emit_cast(c, count, MITE_F32));
}
