// SPDX-License-Identifier: Apache-2.0
// MediaPipe's custom operators (mediapipe/util/tflite/operations): pooling that tells where the largest
// numbers were, and back; and those by which its face mesh looks at lips and eyes: the box of some
// landmarks as a matrix, a picture read through it, landmarks carried through it. Of the latter version 2.
#include "import/tflite/tflite_handlers.h"
#include "import/tflite/tflite_window.h"
#include "wire/flexbuffer.h"

#include <string.h>

// --- Pooling --------------------------------------------------------------------------------------

// Options are six words, as C lays out TfLitePoolParams: padding (1 same, 2 valid), strides and sizes of the
// window (width, height), activation.
typedef struct pool {
    tfl_window w;
    bool same;
    int32_t activation;
} pool;

static bool read_pool(tfl_import *c, pool *p) {
    int32_t words[6] = {0};
    if (c->node->custom_options.bytes < sizeof words) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its options have %z bytes, wanted are 24 or more",
                     c->node->custom_options.bytes);
        return false;
    }
    memcpy(words, c->node->custom_options.data, sizeof words);
    *p = (pool){
        .w = {.kernel = {words[4], words[3]}, .stride = {words[2], words[1]}, .dilation = {1, 1}},
        .same = words[0] == 1,
        .activation = words[5]};
    bool good = words[0] == 1 || words[0] == 2;
    for (size_t i = 1; i <= 4; i++) good = good && words[i] >= 1 && words[i] <= 1 << 12;
    if (!good) mite_ir_fail(c->g, MITE_ERR_FORMAT, "its padding, strides or window make no sense");
    return good;
}

static mite_ir_value *counted(tfl_import *c, mite_binary which, mite_ir_value *a, int64_t b) {
    return tfl_emit_general_binary(c, which, a, tfl_integers(c, &b, 1));
}

// Along dimension `axis` of four: factor * place + offset.
static mite_ir_value *places(tfl_import *c, size_t axis, int32_t count, int64_t factor,
                             int64_t offset) {
    int32_t shape[4] = {1, 1, 1, 1};
    shape[axis] = count;
    mite_ir_value *v = mite_ir_constant(c->g, tfl_name(c), MITE_I64, 4, shape);
    for (int32_t i = 0; v && i < count; i++) ((int64_t *)v->data)[i] = i * factor + offset;
    return v;
}

static mite_ir_value *channels_first(tfl_import *c, mite_ir_value *v) {
    return tfl_transpose(c, v, (const int32_t[]){0, 3, 1, 2});
}

static mite_ir_value *channels_last(tfl_import *c, mite_ir_value *v) {
    return tfl_transpose(c, v, (const int32_t[]){0, 2, 3, 1});
}

// Output 1: the place within the window, row by row, as a real number a little above it.
void tfl_max_pool_with_argmax(tfl_import *c) {
    static const mite_dtype more = MITE_I64;
    pool p;
    mite_ir_value *x = tfl_picture(c, 0);
    if (!x || !tfl_is_fixed(c, x) || !read_pool(c, &p) || c->node->output_count != 2 ||
        !tfl_place_window(c, &p.w, x, p.same ? 0 : 1)) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "it must have two outputs");
        return;
    }
    const int32_t height = x->shape[1], width = x->shape[2];
    x = channels_first(c, x);
    if (!x) return;
    mite_ir_value *y = MITE_IR_EMIT(c->g, .op = "pool_nd", .name = tfl_name(c), .inputs = {x},
                                    .more_dtypes = &more, .more_outputs = 1,
                                    .attrs = {{"strides", .list = p.w.stride, .list_count = 2},
                                              {"pads_begin", .list = p.w.pad, .list_count = 2},
                                              {"pads_end", .list = p.w.pad + 2, .list_count = 2},
                                              {"kernel", .list = p.w.kernel, .list_count = 2}});
    if (!y) return;
    const int32_t rows = y->shape[2], columns = y->shape[3];
    mite_ir_value *at = counted(c, MITE_BINARY_MOD, mite_ir_output_at(y, 1),
                                (int64_t)height * width); // within the plane
    mite_ir_value *row = counted(c, MITE_BINARY_FLOOR_DIV, at, width);
    mite_ir_value *column = counted(c, MITE_BINARY_MOD, at, width);
    row = tfl_emit_general_binary(c, MITE_BINARY_SUB, row,
                                  places(c, 2, rows, p.w.stride[0], -p.w.pad[0]));
    column = tfl_emit_general_binary(c, MITE_BINARY_SUB, column,
                                     places(c, 3, columns, p.w.stride[1], -p.w.pad[1]));
    at = tfl_emit_general_binary(c, MITE_BINARY_ADD,
                                 counted(c, MITE_BINARY_MUL, row, p.w.kernel[1]), column);
    mite_ir_value *index = tfl_emit_binary(
        c, "add", tfl_emit_cast(c, channels_last(c, at), MITE_F32), tfl_scalar(c, 0.1f));
    tfl_set(c, 0, tfl_activate(c, channels_last(c, y), p.activation));
    tfl_set(c, 1, index);
}

// x and the places within windows; as large a picture as windows side by side, zeros between.
void tfl_max_unpool(tfl_import *c) {
    pool p;
    mite_ir_value *x = tfl_picture(c, 0), *indices = tfl_picture(c, 1);
    if (!x || !indices || !tfl_is_fixed(c, x) || !tfl_is_fixed(c, indices) || !read_pool(c, &p))
        return;
    const int32_t n = x->shape[0], h = x->shape[1], w = x->shape[2], channels = x->shape[3];
    int64_t height = (int64_t)h * p.w.kernel[0], width = (int64_t)w * p.w.kernel[1];
    int64_t pads[2] = {((int64_t)h - 1) * p.w.stride[0] + p.w.kernel[0] - height,
                       ((int64_t)w - 1) * p.w.stride[1] + p.w.kernel[1] - width};
    if (!mite_ir_same_shape(x, indices) || height < 1 || width < 1 || height > 1 << 16 ||
        width > 1 << 16) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its input %T, indices %T and window do not fit",
                     (size_t)4, x->shape, (size_t)4, indices->shape);
        return;
    }
    for (size_t i = 0; i < 2; i++) pads[i] = pads[i] > 0 ? pads[i] / 2 : 0;
    mite_ir_value *at = tfl_emit_cast(c, channels_first(c, indices), MITE_I64);
    mite_ir_value *row = counted(c, MITE_BINARY_FLOOR_DIV, at, p.w.kernel[1]);
    mite_ir_value *column = counted(c, MITE_BINARY_MOD, at, p.w.kernel[1]);
    row =
        tfl_emit_general_binary(c, MITE_BINARY_ADD, row, places(c, 2, h, p.w.stride[0], -pads[0]));
    column = tfl_emit_general_binary(c, MITE_BINARY_ADD, column,
                                     places(c, 3, w, p.w.stride[1], -pads[1]));
    at = tfl_emit_general_binary(c, MITE_BINARY_ADD, counted(c, MITE_BINARY_MUL, row, width),
                                 column);
    at = tfl_emit_general_binary(c, MITE_BINARY_ADD, at, places(c, 1, channels, height * width, 0));
    at = tfl_emit_general_binary(c, MITE_BINARY_ADD, at,
                                 places(c, 0, n, height * width * channels, 0));
    mite_ir_value *shape = tfl_integers(c, (const int64_t[]){n, channels, height, width}, 4);
    x = channels_first(c, x);
    if (!x || !at || !shape) return;
    mite_ir_value *y =
        MITE_IR_EMIT(c->g, .op = "max_unpool", .name = tfl_name(c), .inputs = {x, at, shape},
                     .attrs = {{"strides", .list = p.w.stride, .list_count = 2},
                               {"kernel", .list = p.w.kernel, .list_count = 2}});
    tfl_set(c, 0, channels_last(c, y));
}

// --- Matrices -------------------------------------------------------------------------------------

static mite_ir_value *sum(tfl_import *c, mite_ir_value *a, mite_ir_value *b) {
    return tfl_emit_binary(c, "add", a, b);
}

static mite_ir_value *times(tfl_import *c, mite_ir_value *a, mite_ir_value *b) {
    return tfl_emit_binary(c, "mul", a, b);
}

static mite_ir_value *scaled(tfl_import *c, mite_ir_value *a, double factor) {
    return times(c, a, tfl_scalar(c, (float)factor));
}

static bool check_version(tfl_import *c) {
    if (c->node->version == 2) return true;
    mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "version %d is not supported, only 2 is",
                 c->node->version);
    return false;
}

static bool option(tfl_import *c, const char *key, double lo, double hi, double *out) {
    if (mite_flex_number(c->node->custom_options, key, out) && *out >= lo && *out <= hi)
        return true;
    mite_ir_fail(c->g, MITE_ERR_FORMAT, "its option %q is missing, or outside of its range", key);
    return false;
}

#define MAX_SUBSET 1024

// Coordinate `axis` of some landmarks [1,L,3], as a vector.
static mite_ir_value *coordinate(tfl_import *c, mite_ir_value *x, const double *which, size_t count,
                                 int64_t axis) {
    int64_t indices[MAX_SUBSET];
    const int32_t length = (int32_t)count;
    for (size_t i = 0; i < count; i++) indices[i] = (int64_t)which[i];
    x = tfl_emit_gather(c, tfl_emit_gather(c, x, 2, &axis, 1), 1, indices, count);
    return tfl_reshape(c, x, 1, &length);
}

typedef struct box { // options, and what is worked out of them: vectors of one
    double left, right, width, height, scale_x, scale_y, target, subset[MAX_SUBSET];
    size_t count;
} box;

static bool read_box(tfl_import *c, box *b, int32_t landmarks) {
    double most = (double)landmarks - 1, size = 1 << 14;
    if (!option(c, "left_rotation_idx", 0, most, &b->left) ||
        !option(c, "right_rotation_idx", 0, most, &b->right) ||
        !option(c, "output_width", 1, size, &b->width) ||
        !option(c, "output_height", 1, size, &b->height) ||
        !option(c, "scale_x", 1e-6, 1e6, &b->scale_x) ||
        !option(c, "scale_y", 1e-6, 1e6, &b->scale_y) ||
        !option(c, "target_rotation_radians", -1e3, 1e3, &b->target))
        return false;
    bool good =
        mite_flex_numbers(c->node->custom_options, "subset_idxs", b->subset, MAX_SUBSET, &b->count);
    good = good && b->count > 0;
    for (size_t i = 0; good && i < b->count; i++) good = b->subset[i] >= 0 && b->subset[i] <= most;
    if (!good) mite_ir_fail(c->g, MITE_ERR_FORMAT, "its subset names no landmarks, or others");
    return good;
}

// The matrix that takes places of a crop to places of the picture: the crop is the box around some landmarks,
// turned so that the line from the left one to the right one lies at the angle that is wanted.
static void set_matrix(tfl_import *c, mite_ir_value *x, const box *b) {
    mite_ir_value *left[2], *right[2], *points[2], *turned[2], *most[2], *least[2], *size[2],
        *middle[2];
    for (int64_t k = 0; k < 2; k++) {
        left[k] = coordinate(c, x, &b->left, 1, k);
        right[k] = coordinate(c, x, &b->right, 1, k);
        points[k] = coordinate(c, x, b->subset, b->count, k);
    }
    mite_ir_value *angle = tfl_angle(c, tfl_emit_binary(c, "sub", right[1], left[1]),
                                     tfl_emit_binary(c, "sub", right[0], left[0]));
    angle = tfl_emit_binary(c, "sub", tfl_scalar(c, (float)b->target), angle);
    mite_ir_value *cosine = tfl_emit_general_unary(c, MITE_UNARY_COS, angle);
    mite_ir_value *sine = tfl_emit_general_unary(c, MITE_UNARY_SIN, angle),
                  *minus = scaled(c, sine, -1);
    turned[0] = sum(c, times(c, cosine, points[0]), times(c, minus, points[1]));
    turned[1] = sum(c, times(c, sine, points[0]), times(c, cosine, points[1]));
    for (size_t k = 0; k < 2; k++) {
        most[k] = tfl_emit_reduce(c, MITE_REDUCE_MAX, turned[k], 0, true);
        least[k] = tfl_emit_reduce(c, MITE_REDUCE_MIN, turned[k], 0, true);
        middle[k] = scaled(c, sum(c, most[k], least[k]), 0.5);
        size[k] = scaled(c, tfl_emit_binary(c, "sub", most[k], least[k]),
                         k ? b->scale_y / b->height : b->scale_x / b->width);
    }
    const int32_t one = 1;
    mite_ir_value *zero = tfl_reshape(c, tfl_scalar(c, 0), 1, &one);
    mite_ir_value *unit = tfl_reshape(c, tfl_scalar(c, 1), 1, &one), *m[16];
    for (size_t i = 0; i < 16; i++) m[i] = i == 10 || i == 15 ? unit : zero;
    m[0] = times(c, cosine, size[0]);
    m[1] = times(c, sine, size[1]);
    m[4] = times(c, minus, size[0]);
    m[5] = times(c, cosine, size[1]);
    m[3] = sum(c, times(c, cosine, middle[0]), times(c, sine, middle[1]));
    m[7] = sum(c, times(c, minus, middle[0]), times(c, cosine, middle[1]));
    for (size_t row = 0; row < 8; row += 4) {
        m[row + 3] = sum(c, m[row + 3], scaled(c, m[row], -b->width / 2));
        m[row + 3] = sum(c, m[row + 3], scaled(c, m[row + 1], -b->height / 2));
    }
    tfl_set(c, 0, tfl_reshape(c, tfl_concat(c, m, 16, 0), 3, (const int32_t[]){1, 4, 4}));
}

// Landmarks of `least` or three coordinates.
static mite_ir_value *landmarks(tfl_import *c, int32_t least) {
    mite_ir_value *x = check_version(c) ? tfl_real(c, 0) : NULL;
    if (!x || !tfl_is_fixed(c, x)) return NULL;
    if (x->rank == 3 && x->shape[0] == 1 && x->shape[1] >= 1 && x->shape[2] >= least &&
        x->shape[2] <= 3)
        return x;
    mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its landmarks have shape %T, wanted is [1,L,%d]",
                 (size_t)x->rank, x->shape, least);
    return NULL;
}

void tfl_landmarks_to_matrix(tfl_import *c) {
    mite_ir_value *x = landmarks(c, 3);
    box *b = mite_ir_alloc(c->g, 1, sizeof *b);
    if (x && b && read_box(c, b, x->shape[1])) set_matrix(c, x, b);
}

// The first two rows of matrix input 1, each number a vector of one.
static bool read_rows(tfl_import *c, mite_ir_value **m) {
    mite_ir_value *matrix = tfl_real(c, 1);
    if (!matrix || !tfl_is_fixed(c, matrix)) return false;
    if (mite_ir_elements(matrix) != 16) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its matrix has shape %T", (size_t)matrix->rank,
                     matrix->shape);
        return false;
    }
    matrix = tfl_reshape(c, matrix, 1, (const int32_t[]){16});
    for (int64_t i = 0; i < 8; i++) m[i] = tfl_emit_slice(c, matrix, &i, &(int64_t){1});
    return mite_ir_ok(c->g);
}

// z stays, and plays no part.
void tfl_transform_landmarks(tfl_import *c) {
    mite_ir_value *x = landmarks(c, 2), *m[8], *parts[3];
    if (!x || !read_rows(c, m)) return;
    const int32_t dimensions = x->shape[2];
    for (int64_t k = 0; k < dimensions; k++) parts[k] = tfl_emit_gather(c, x, 2, &k, 1);
    mite_ir_value *first = sum(c, sum(c, times(c, parts[0], m[0]), times(c, parts[1], m[1])), m[3]);
    parts[1] = sum(c, sum(c, times(c, parts[0], m[4]), times(c, parts[1], m[5])), m[7]);
    parts[0] = first;
    tfl_set(c, 0, parts[1] ? tfl_concat(c, parts, (size_t)dimensions, 2) : NULL);
}

static mite_ir_value *inside(tfl_import *c, mite_ir_value *at, int32_t size) {
    mite_ir_value *low =
        tfl_emit_general_binary(c, MITE_BINARY_LESS_OR_EQUAL, tfl_scalar(c, 0), at);
    mite_ir_value *high =
        tfl_emit_general_binary(c, MITE_BINARY_LESS_OR_EQUAL, at, tfl_scalar(c, (float)(size - 1)));
    return times(c, tfl_emit_cast(c, low, MITE_F32), tfl_emit_cast(c, high, MITE_F32));
}

// x [1,H,W,C] at the places that the matrix gives for those of the output, zeros outside.
void tfl_transform_tensor(tfl_import *c) {
    double tall, wide;
    mite_ir_value *x = check_version(c) ? tfl_picture(c, 0) : NULL, *m[8], *at[2], *grid[2];
    if (!x || !tfl_is_fixed(c, x) || !option(c, "output_height", 1, 1 << 12, &tall) ||
        !option(c, "output_width", 1, 1 << 12, &wide) || !read_rows(c, m))
        return;
    if (x->shape[0] != 1 || x->shape[1] < 2 || x->shape[2] < 2) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its picture has shape %T", (size_t)4, x->shape);
        return;
    }
    mite_ir_value *column = tfl_emit_cast(c, places(c, 2, (int32_t)wide, 1, 0), MITE_F32);
    mite_ir_value *row = tfl_emit_cast(c, places(c, 1, (int32_t)tall, 1, 0), MITE_F32);
    mite_ir_value *half = tfl_scalar(c, 0.5f), *minus_half = tfl_scalar(c, -0.5f);
    for (size_t k = 0; k < 2; k++) { // places are those of the pixels' middles
        at[k] = sum(c, times(c, sum(c, column, half), m[4 * k]),
                    times(c, sum(c, row, half), m[4 * k + 1]));
        at[k] = sum(c, sum(c, at[k], m[4 * k + 3]), minus_half);
        grid[k] = sum(c, scaled(c, at[k], 2.0 / (x->shape[2 - k] - 1)), tfl_scalar(c, -1));
    }
    mite_ir_value *mask = times(c, inside(c, at[0], x->shape[2]), inside(c, at[1], x->shape[1]));
    mite_ir_value *g = grid[1] ? tfl_concat(c, grid, 2, 3) : NULL;
    x = channels_first(c, x);
    if (!x || !g) return;
    x = MITE_IR_EMIT(c->g, .op = "grid_sample", .name = tfl_name(c), .inputs = {x, g},
                     .attrs = {{"align_corners", .word = 1}});
    tfl_set(c, 0, times(c, channels_last(c, x), mask));
}
