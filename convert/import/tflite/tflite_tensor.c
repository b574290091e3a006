// SPDX-License-Identifier: Apache-2.0
// Constants of a TFLite file: dense or sparse, float, half or quantized.
#include "import/tflite/tflite.h"

#include "base/sizes.h"

#include <math.h>
#include <string.h>

// --- Quantization -------------------------------------------------------------------------------

bool tfl_is_quantized(const tfl_tensor *t) {
    bool integer = t->type == TFL_INT8 || t->type == TFL_UINT8 || t->type == TFL_INT16 ||
                   tfl_type_bits(t->type);
    return integer && t->scales.count;
}

mite_dtype tfl_stored_dtype(const tfl_tensor *t) {
    switch (t->type) {
    case TFL_FLOAT32:
    case TFL_BFLOAT16:
    case TFL_FLOAT16: return MITE_F32;
    case TFL_INT8:
    case TFL_INT2:
    case TFL_INT4: return tfl_is_quantized(t) ? MITE_U8 : MITE_I8;
    case TFL_UINT8: return MITE_U8;
    case TFL_INT16: return MITE_I16;
    case TFL_UINT16: return MITE_U16;
    case TFL_INT32: return MITE_I32;
    case TFL_UINT32: return MITE_U32;
    case TFL_INT64: return MITE_I64;
    case TFL_UINT64: return MITE_U64;
    case TFL_FLOAT64: return MITE_F64;
    case TFL_BOOL: return MITE_BOOL;
    default: return (mite_dtype)0;
    }
}

static int64_t lowest(int32_t type) {
    if (tfl_type_bits(type)) return -(1 << (tfl_type_bits(type) - 1));
    return type == TFL_INT8 ? INT8_MIN : type == TFL_INT16 ? INT16_MIN : 0;
}

static int64_t highest(int32_t type) {
    if (tfl_type_bits(type)) return (1 << (tfl_type_bits(type) - 1)) - 1;
    return type == TFL_INT8 ? INT8_MAX : type == TFL_INT16 ? INT16_MAX : 255;
}

static bool check_scale(tfl_import *c, const tfl_tensor *t, float scale, int64_t zero_point) {
    // From below anything that a tensor has to the lowest f32 in 8 bits, which is what masks hold.
    if (!(scale >= 0x1p-60f) || !(scale <= 0x1p121f)) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT,
                     "the scale of %q is not a number between 2^-60 and 2^121", t->name);
        return false;
    }
    if (zero_point < lowest(t->type) || zero_point > highest(t->type)) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "the zero point %D of %q is outside of its type %s",
                     zero_point, t->name, tfl_type_name(t->type));
        return false;
    }
    return true;
}

bool tfl_quantization(tfl_import *c, const tfl_tensor *t, tfl_quant *q) {
    *q = (tfl_quant){.count = t->scales.count, .axis = t->axis};
    if (!q->count) return true;
    bool per_axis = q->count > 1;
    if (per_axis &&
        (t->axis < 0 || (size_t)t->axis >= t->rank || (size_t)t->dims[t->axis] != q->count)) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "%q has %z scales along dimension %d of %T", t->name,
                     q->count, t->axis, t->rank, t->dims);
        return false;
    }
    if (t->zero_points.count > 1 && t->zero_points.count != q->count) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "%q has %z scales and %z zero points", t->name,
                     q->count, t->zero_points.count);
        return false;
    }
    q->scales = mite_ir_alloc(c->g, q->count, sizeof *q->scales);
    q->zero_points = mite_ir_alloc(c->g, q->count, sizeof *q->zero_points);
    if (!q->scales || !q->zero_points) return false;
    for (size_t i = 0; i < q->count; i++) {
        size_t k = t->zero_points.count > 1 ? i : 0;
        int64_t zero_point = t->zero_points.count ? mite_flat_i64_at(&t->zero_points, k) : 0;
        q->scales[i] = mite_flat_f32_at(&t->scales, i);
        // Of channels whose weights are all zero some quantizers leave the scale at zero.
        if (per_axis && q->scales[i] >= 0 && q->scales[i] < 0x1p-60f) q->scales[i] = 0x1p-60f;
        if (!check_scale(c, t, q->scales[i], zero_point)) return false;
        q->zero_points[i] = (int32_t)zero_point;
    }
    return true;
}

static bool is_i8(const tfl_tensor *t) { return t->type == TFL_INT8 || tfl_type_bits(t->type); }

bool tfl_stored_quantization(tfl_import *c, const tfl_tensor *t, float *scale,
                             int32_t *zero_point) {
    tfl_quant q;
    if (!tfl_quantization(c, t, &q)) return false;
    if (q.count != 1) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "%q has %z scales where one is supported", t->name,
                     q.count);
        return false;
    }
    if (t->type == TFL_INT16 && q.zero_points[0]) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "%q is int16 with the zero point %d; only 0 is "
                     "supported",
                     t->name, q.zero_points[0]);
        return false;
    }
    *scale = q.scales[0];
    *zero_point = q.zero_points[0] + (is_i8(t) ? 128 : 0);
    return true;
}

// --- Bytes --------------------------------------------------------------------------------------

enum { SPARSE_ORDER, SPARSE_BLOCKS, SPARSE_DIMENSIONS };
enum { DIMENSION_FORMAT, DIMENSION_SIZE, SEGMENTS_TYPE, SEGMENTS, INDICES_TYPE, INDICES };
#define MAX_LEVELS (2 * MITE_MAX_RANK)

// One level of a sparse tensor: dense, or compressed rows (segments[p] … segments[p + 1] are
// the places of its indices within parent p).
typedef struct level {
    bool sparse;
    int64_t size; // dense
    mite_flat_list segments, indices;
    size_t segment_bytes, index_bytes;
    int32_t dimension, block; // of the whole tensor that it walks; its step there
} level;

static size_t vector_item(int32_t type) {
    return type == 1 ? 4 : type == 2 ? 2 : type == 3 ? 1 : 0;
}

static int64_t vector_at(const mite_flat_list *list, size_t bytes, size_t i) {
    const uint8_t *at = list->flat->span.data + list->at + i * bytes;
    uint32_t n = 0;
    for (size_t k = bytes; k-- > 0;) n = n << 8 | at[k];
    return bytes == 4 ? (int32_t)n : (int64_t)n;
}

static bool read_level(const mite_flat_table *d, level *l) {
    *l = (level){.sparse = mite_flat_i8(d, DIMENSION_FORMAT, 0) == 1};
    if (!l->sparse) {
        l->size = mite_flat_i32(d, DIMENSION_SIZE, 0);
        return l->size >= 1;
    }
    mite_flat_table segments = mite_flat_child(d, SEGMENTS), indices = mite_flat_child(d, INDICES);
    l->segment_bytes = vector_item(mite_flat_u8(d, SEGMENTS_TYPE, 0));
    l->index_bytes = vector_item(mite_flat_u8(d, INDICES_TYPE, 0));
    if (!l->segment_bytes || !l->index_bytes) return false;
    l->segments = mite_flat_items(&segments, 0, l->segment_bytes);
    l->indices = mite_flat_items(&indices, 0, l->index_bytes);
    return l->segments.count > 0;
}

typedef struct sparse {
    level levels[MAX_LEVELS];
    size_t level_count;
    const tfl_tensor *t;
    uint8_t *out;
    size_t item, strides[MITE_MAX_RANK], elements;
    size_t next; // value in the file
    size_t steps; // that may still be taken
} sparse;

// A level's dimension and step: traversal_order names the whole dimensions first, then blocks,
// entry rank + i being the inner part of dimension block_map[i].
static bool place_levels(sparse *s, const mite_flat_list *order, const mite_flat_list *blocks) {
    size_t rank = s->t->rank;
    int64_t block_size[MITE_MAX_RANK];
    for (size_t i = 0; i < rank; i++) block_size[i] = 1;
    for (size_t i = 0; i < s->level_count; i++) {
        int32_t which = mite_flat_i32_at(order, i);
        if (which < 0 || (size_t)which >= s->level_count) return false;
        if ((size_t)which < rank) continue;
        int32_t dimension = mite_flat_i32_at(blocks, (size_t)which - rank);
        if (dimension < 0 || (size_t)dimension >= rank || s->levels[i].sparse) return false;
        s->levels[i].dimension = dimension;
        s->levels[i].block = 1;
        block_size[dimension] = s->levels[i].size;
    }
    for (size_t i = 0; i < s->level_count; i++) {
        int32_t which = mite_flat_i32_at(order, i);
        if ((size_t)which >= rank) continue;
        s->levels[i].dimension = which;
        s->levels[i].block = (int32_t)block_size[which];
    }
    return true;
}

// Walks all levels as nested loops, kept in arrays instead of a recursion. at[i] is the position in
// level i (of the indices where it is sparse), position[i] the place of its current entry among
// all of that level.
static bool unpack(sparse *s) {
    int64_t at[MAX_LEVELS], end[MAX_LEVELS], entry[MAX_LEVELS + 1] = {0};
    size_t depth = 0;
    bool enter = true;
    for (;;) {
        level *l = &s->levels[depth];
        if (!s->steps--) return false;
        if (enter) {
            at[depth] = 0;
            end[depth] = l->size;
            if (l->sparse) {
                size_t parent = (size_t)entry[depth];
                if (parent + 1 >= l->segments.count) return false;
                at[depth] = vector_at(&l->segments, l->segment_bytes, parent);
                end[depth] = vector_at(&l->segments, l->segment_bytes, parent + 1);
                if (at[depth] < 0 || end[depth] < at[depth] ||
                    end[depth] > (int64_t)l->indices.count) {
                    return false;
                }
            }
        } else {
            at[depth]++;
        }
        enter = false;
        if (at[depth] >= end[depth]) {
            if (!depth--) return true;
            continue;
        }
        entry[depth + 1] = l->sparse ? at[depth] : entry[depth] * l->size + at[depth];
        if (depth + 1 < s->level_count) {
            depth++;
            enter = true;
            continue;
        }
        int64_t coordinate[MITE_MAX_RANK] = {0};
        size_t to = 0;
        for (size_t i = 0; i < s->level_count; i++) {
            const level *k = &s->levels[i];
            int64_t index =
                k->sparse ? vector_at(&k->indices, k->index_bytes, (size_t)at[i]) : at[i];
            coordinate[k->dimension] += index * k->block;
        }
        for (size_t i = 0; i < s->t->rank; i++) {
            if (coordinate[i] < 0 || coordinate[i] >= s->t->dims[i]) return false;
            to += (size_t)coordinate[i] * s->strides[i];
        }
        if (s->next >= s->t->data.bytes / s->item) return false;
        memcpy(s->out + to * s->item, s->t->data.data + s->next++ * s->item, s->item);
    }
}

static const uint8_t *unpack_sparse(tfl_import *c, const tfl_tensor *t, size_t elements) {
    mite_flat_list order = mite_flat_items(&t->sparsity, SPARSE_ORDER, 4);
    mite_flat_list blocks = mite_flat_items(&t->sparsity, SPARSE_BLOCKS, 4);
    mite_flat_list dimensions = mite_flat_items(&t->sparsity, SPARSE_DIMENSIONS, 4);
    sparse s = {.t = t, .item = tfl_type_bytes(t->type), .level_count = dimensions.count};
    bool good = s.item && t->rank && s.level_count == order.count && s.level_count <= MAX_LEVELS &&
                s.level_count == t->rank + blocks.count;
    for (size_t i = 0; good && i < s.level_count; i++) {
        mite_flat_table d = mite_flat_table_at(&dimensions, i);
        good = read_level(&d, &s.levels[i]);
    }
    size_t stride = 1;
    for (size_t i = t->rank; i-- > 0;) {
        s.strides[i] = stride;
        stride *= (size_t)t->dims[i];
    }
    // A level enters and leaves at most once an element.
    s.steps = (elements + 1) * 2 * (s.level_count + 1);
    good = good && place_levels(&s, &order, &blocks) && !c->model.flat.bad;
    s.out = good ? mite_ir_alloc(c->g, elements, s.item) : NULL;
    if (good && s.out && !unpack(&s)) good = false;
    if (!good) mite_ir_fail(c->g, MITE_ERR_FORMAT, "the sparse constant %q is damaged", t->name);
    return good ? s.out : NULL;
}

// The low bits of a byte come first.
static const uint8_t *unpack_bits(tfl_import *c, const tfl_tensor *t, size_t elements) {
    uint8_t *out = mite_ir_alloc(c->g, elements + 1, 1);
    size_t bits = tfl_type_bits(t->type), each = 8 / bits;
    uint32_t sign = 1u << (bits - 1), mask = 2 * sign - 1;
    for (size_t i = 0; out && i < elements; i++) {
        uint32_t q = (uint32_t)t->data.data[i / each] >> (i % each * bits) & mask;
        out[i] = (uint8_t)(q & sign ? q | ~mask : q);
    }
    return out;
}

// Bytes of so many elements in the file.
static size_t packed_bytes(const tfl_tensor *t, size_t elements, size_t item) {
    size_t bits = tfl_type_bits(t->type);
    return bits ? elements / (8 / bits) + (elements % (8 / bits) != 0) : elements * item;
}

// The dense elements of a constant, int4 and int2 as int8. NULL where failed.
static const uint8_t *elements_of(tfl_import *c, const tfl_tensor *t, size_t *elements) {
    size_t item = tfl_type_bits(t->type) ? 1 : tfl_type_bytes(t->type), bytes;
    if (t->bad || !item || !mite_shape_elements(elements, t->rank, t->dims) ||
        !mite_size_mul(&bytes, *elements, item > 4 ? item : 4)) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "the constant %q of type %s cannot be used: %s",
                     t->name, tfl_type_name(t->type),
                     t->bad ? t->bad
                     : item ? "it is too large"
                            : "its type is not supported");
        return NULL;
    }
    if (bytes > c->constant_bytes) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "the constants of this file unpack to far more than its size (at %q)",
                     t->name);
        return NULL;
    }
    c->constant_bytes -= bytes;
    if (t->sparsity.flat) return unpack_sparse(c, t, *elements);
    size_t wanted = packed_bytes(t, *elements, item);
    if (t->data.bytes < wanted) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "the constant %q of shape %T has %z bytes, wanted %z",
                     t->name, t->rank, t->dims, t->data.bytes, wanted);
        return NULL;
    }
    return tfl_type_bits(t->type) ? unpack_bits(c, t, *elements) : t->data.data;
}

// --- Constants ----------------------------------------------------------------------------------

static float half_to_float(uint16_t h) {
    uint32_t exponent = h >> 10 & 31, fraction = h & 1023;
    float f = (float)fraction * 0x1p-24f; // below the normal numbers
    if (exponent) {
        uint32_t bits = exponent == 31 ? 0x7f800000u : (exponent + 112) << 23;
        bits |= fraction << 13;
        memcpy(&f, &bits, 4);
    }
    return h >> 15 ? -f : f;
}

static bool is_half(const tfl_tensor *t) {
    return t->type == TFL_FLOAT16 || t->type == TFL_BFLOAT16;
}

static void fill_halves(float *out, const tfl_tensor *t, const uint8_t *in, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = in[2 * i] | (uint32_t)in[2 * i + 1] << 8;
        if (t->type == TFL_FLOAT16) {
            out[i] = half_to_float((uint16_t)bits);
        } else { // bfloat16 is the upper half of a float
            bits <<= 16;
            memcpy(out + i, &bits, 4);
        }
    }
}

static int32_t quantum(const tfl_tensor *t, const uint8_t *in, size_t i) {
    switch (t->type) {
    case TFL_UINT8: return in[i];
    case TFL_INT16: return (int16_t)(in[2 * i] | in[2 * i + 1] << 8);
    case TFL_INT32: {
        int32_t n;
        memcpy(&n, in + 4 * i, 4);
        return n;
    }
    default: return (int8_t)in[i];
    }
}

mite_ir_value *tfl_stored_constant(tfl_import *c, const tfl_tensor *t) {
    size_t elements;
    mite_dtype dtype = tfl_stored_dtype(t);
    const uint8_t *in = dtype ? elements_of(c, t, &elements) : NULL;
    if (!dtype) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "%q is of type %s, which is not supported",
                     t->name, tfl_type_name(t->type));
    }
    if (!in) return NULL;
    mite_ir_value *v = mite_ir_constant(c->g, t->name, dtype, t->rank, t->dims);
    if (!v) return NULL;
    if (tfl_is_quantized(t) && !tfl_stored_quantization(c, t, &v->scale, &v->zero_point)) {
        return NULL;
    }
    if (is_half(t)) fill_halves(v->data, t, in, elements);
    else memcpy(v->data, in, v->bytes);
    uint8_t *bytes = v->data;
    bool flips = is_i8(t) && dtype == MITE_U8;
    for (size_t i = 0; flips && i < elements; i++) bytes[i] ^= 0x80;
    for (size_t i = 0; dtype == MITE_BOOL && i < elements; i++) bytes[i] = bytes[i] != 0;
    return v;
}

// Elements that follow one another under one scale, and how many scales there are.
static size_t run_of_scale(const tfl_quant *q, const tfl_tensor *t) {
    size_t run = 1;
    for (size_t i = (size_t)q->axis + 1; q->count > 1 && i < t->rank; i++) {
        run *= (size_t)t->dims[i];
    }
    return run;
}

static mite_ir_value *real_constant(tfl_import *c, const tfl_tensor *t, size_t rank,
                                    const int32_t *shape, bool weights) {
    tfl_quant q;
    size_t elements;
    if (!tfl_quantization(c, t, &q)) return NULL;
    const uint8_t *in = elements_of(c, t, &elements);
    if (!in) return NULL;
    mite_ir_value *v = mite_ir_constant(c->g, t->name, MITE_F32, rank, shape), *origin = NULL;
    if (!v) return NULL;
    if (mite_ir_elements(v) != elements) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT,
                     "the weights %q of shape %T do not fit here, wanted is %T", t->name, t->rank,
                     t->dims, rank, shape);
        return NULL;
    }
    if (!tfl_is_quantized(t)) {
        if (is_half(t)) fill_halves(v->data, t, in, elements);
        else if (t->type == TFL_FLOAT32) memcpy(v->data, in, v->bytes);
        else
            mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "%q is of type %s where real numbers belong",
                         t->name, tfl_type_name(t->type));
        return mite_ir_ok(c->g) ? v : NULL;
    }
    // i8 for weights, u8 for what takes part in arithmetic as activations do.
    bool keeps = t->type == TFL_UINT8 || is_i8(t), as_u8 = t->type == TFL_UINT8 || !weights;
    uint8_t flip = as_u8 && is_i8(t) ? 0x80 : 0;
    if (keeps) {
        origin = mite_ir_constant(c->g, t->name, as_u8 ? MITE_U8 : MITE_I8, rank, shape);
        if (!origin) return NULL;
    }
    size_t run = run_of_scale(&q, t);
    for (size_t i = 0; i < elements; i++) {
        size_t k = q.count > 1 ? i / run % q.count : 0;
        int32_t n = quantum(t, in, i);
        ((float *)v->data)[i] = (float)(n - q.zero_points[k]) * q.scales[k];
        if (origin) ((uint8_t *)origin->data)[i] = (uint8_t)n ^ flip;
    }
    for (size_t k = 0; flip && k < q.count; k++) q.zero_points[k] += 128;
    if (origin) mite_ir_set_quant(c->g, origin, q.count, q.axis, q.scales, q.zero_points);
    v->origin = origin;
    return v;
}

mite_ir_value *tfl_real_constant(tfl_import *c, const tfl_tensor *t) {
    return real_constant(c, t, t->rank, t->dims, false);
}

mite_ir_value *tfl_weights_constant(tfl_import *c, const tfl_tensor *t, size_t rank,
                                    const int32_t *shape) {
    return real_constant(c, t, rank, shape, true);
}
