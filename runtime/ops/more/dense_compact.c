// SPDX-License-Identifier: Apache-2.0
// dense_compact: dense whose weights stay quantized in memory, 4 or 8 bits each, along their depth in
// groups that have a scale and a zero point: networks of which only the weights are quantized.
//
//   w(n,k) = (q(n,k) - zero(n,g)) * scale(n,g), g = k / group;   y = clamp(x . w^T + bias + residual)
//
// x f32 [..,K]; weights u8 [N/8][K][8] (4 bits: [N/8][K/2 rounded up][8], k even in the low half);
// scales f32 and zero points u8 [N/8][K/group][8], rounded up; bias f32, residual f32 of y's shape.
// Eight columns of weights at a time are expanded into scratch, in the layout of f32 convolutions,
// and multiplied by their kernel: with many rows that costs little, with one it reads a quarter or
// an eighth of what f32 weights would.
#include "../conv.h"

enum { X, WEIGHTS, SCALES, ZEROS, BIAS, RESIDUAL }; // inputs
enum { COLUMNS, BITS, GROUP, CLAMP_LO, CLAMP_HI }; // attribute words

static const mite_attr attrs[] = {
    [COLUMNS] = {"columns", 'i', 1, 0},
    [BITS] = {"bits", 'i', 1, 8},
    [GROUP] = {"group", 'i', 1, 0}, // 0: all of K
    [CLAMP_LO] = {"clamp_lo", 'f', 1, MITE_BITS_NEG_INF},
    [CLAMP_HI] = {"clamp_hi", 'f', 1, MITE_BITS_INF},
};

typedef struct geometry {
    size_t rows, depth, columns, panels, group, groups;
    size_t panel_bytes; // of weights
    int32_t bits;
} geometry;

static mite_status measure(const mite_step *s, geometry *g) {
    const mite_view *x = s->inputs[X];
    int32_t columns = mite_attr_int(s, COLUMNS), group = mite_attr_int(s, GROUP);
    *g = (geometry){.bits = mite_attr_int(s, BITS)};
    if (x->rank < 1 || x->shape[x->rank - 1] < 1)
        return mite_step_fail(s, MITE_ERR_FORMAT, "x has the shape %T without a last dimension",
                              (size_t)x->rank, x->shape);
    if (columns < 1 || group < 0 || (g->bits != 4 && g->bits != 8) || group % 2)
        return mite_step_fail(
            s, MITE_ERR_FORMAT,
            "%d columns in groups of %d, of %d bits: columns must be there, groups "
            "even, and bits 4 or 8",
            columns, group, g->bits);
    g->depth = (size_t)x->shape[x->rank - 1];
    g->rows = x->elements / g->depth;
    g->columns = (size_t)columns;
    g->panels = mite_round_up(g->columns, 8) / 8;
    g->group = group ? mite_min_size((size_t)group, g->depth) : g->depth;
    g->groups = (g->depth + g->group - 1) / g->group;
    if (!mite_size_mul(&g->panel_bytes, g->bits == 8 ? g->depth : (g->depth + 1) / 2, 8))
        return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "weights are too large");
    return MITE_OK;
}

static mite_status infer(mite_step *s) {
    const mite_view *x = s->inputs[X], *residual = mite_step_input(s, RESIDUAL);
    geometry g;
    size_t weights, scales;
    mite_status status = mite_step_need_type(s, "x", x, MITE_F32);
    if (!status) status = mite_step_need_type(s, "y", s->outputs[0], MITE_F32);
    if (!status) status = measure(s, &g);
    if (status) return status;
    if (!mite_size_mul(&weights, g.panel_bytes, g.panels) ||
        !mite_size_mul(&scales, g.groups * 8, g.panels))
        return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "weights are too large");
    status = mite_step_need_constant(s, WEIGHTS, MITE_U8, MITE_LAYOUT_DENSE, weights);
    if (!status) status = mite_step_need_constant(s, SCALES, MITE_F32, MITE_LAYOUT_DENSE, scales);
    if (!status) status = mite_step_need_constant(s, ZEROS, MITE_U8, MITE_LAYOUT_DENSE, scales);
    if (!status)
        status = mite_step_need_constant(s, BIAS, MITE_F32, MITE_LAYOUT_DENSE, g.panels * 8);
    if (!status && !(mite_attr_float(s, CLAMP_LO) <= mite_attr_float(s, CLAMP_HI)))
        status = mite_step_fail(s, MITE_ERR_FORMAT, "clamp_lo must be a number below clamp_hi");
    if (!status && residual) status = mite_step_need_type(s, "residual", residual, MITE_F32);
    if (status) return status;
    int32_t shape[MITE_MAX_RANK];
    memcpy(shape, x->shape, sizeof shape);
    shape[x->rank - 1] = (int32_t)g.columns;
    status = mite_step_set_shape(s, 0, (size_t)x->rank, shape);
    if (!status && residual && !mite_same_shape(residual, s->outputs[0]))
        status = mite_step_fail(s, MITE_ERR_FORMAT, "residual has shape %T, the output %T",
                                (size_t)residual->rank, residual->shape, (size_t)x->rank, shape);
    s->macs = (uint64_t)x->elements * g.columns;
    return status;
}

// The expanded columns, before what the kernel wants.
static bool expanded_bytes(const geometry *g, size_t *bytes) {
    return mite_size_mul(bytes, g->depth, 8 * sizeof(float)) &&
           mite_size_align(bytes, *bytes, MITE_ALIGN);
}

static mite_status plan(mite_step *s) {
    geometry g;
    size_t expanded;
    mite_status status = measure(s, &g);
    if (status) return status;
    if (!expanded_bytes(&g, &expanded) ||
        !mite_size_add(&s->scratch_bytes, expanded,
                       s->kernels->conv_f32.scratch_bytes(g.rows, 1, g.depth)))
        return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "weights are too large");
    if (mite_step_input(s, RESIDUAL)) s->in_place = RESIDUAL;
    return MITE_OK;
}

typedef struct state {
    geometry g;
    mite_expand_f32_fn *expand;
} state;

static mite_status prepare(mite_step *s) {
    state *st = s->state;
    mite_status status = measure(s, &st->g);
    st->expand = mite_expand_f32_for(s->kernels->isa);
    s->max_parts = st->g.panels;
    s->kernel = s->kernels->conv_f32.name;
    return status;
}

static const int32_t one_segment[1] = {0};

static mite_conv_args product_of(const mite_step *s, const geometry *g, char *scratch) {
    const mite_view *residual = mite_step_input(s, RESIDUAL);
    size_t expanded;
    expanded_bytes(g, &expanded); // checked by plan
    return (mite_conv_args){
        .input = s->inputs[X]->data,
        .weights = scratch,
        .residual = residual ? residual->data : NULL,
        .segments = one_segment,
        .segment_count = 1,
        .segment_length = g->depth,
        .out_width = mite_max_size(1, g->rows),
        .in_row = g->rows * g->depth,
        .in_pixel = g->depth,
        .out_row = g->rows * g->columns,
        .out_pixel = g->columns,
        .residual_row = residual ? g->rows * g->columns : 0,
        .residual_pixel = residual ? g->columns : 0,
        .scratch = scratch + expanded,
        .lo = mite_attr_float(s, CLAMP_LO),
        .hi = mite_attr_float(s, CLAMP_HI),
    };
}

static void expand_panel(const mite_step *s, const state *st, size_t panel, float *to) {
    const geometry *g = &st->g;
    const uint8_t *q = (const uint8_t *)s->inputs[WEIGHTS]->data + panel * g->panel_bytes;
    const float *scale = (const float *)s->inputs[SCALES]->data + panel * g->groups * 8;
    const uint8_t *zero = (const uint8_t *)s->inputs[ZEROS]->data + panel * g->groups * 8;
    for (size_t i = 0; i < g->groups; i++) {
        size_t first = i * g->group, depth = mite_min_size(g->group, g->depth - first);
        st->expand(to + first * 8, q + first * 8 / (g->bits == 4 ? 2 : 1), depth, g->bits,
                   scale + i * 8, zero + i * 8);
    }
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const state *st = s->state;
    const geometry *g = &st->g;
    mite_conv_args a = product_of(s, g, scratch);
    size_t begin, end;
    mite_part_range(g->panels, 1, part, part_count, &begin, &end);
    if (!g->rows) return MITE_OK;
    for (size_t panel = begin; panel < end; panel++) {
        expand_panel(s, st, panel, scratch);
        a.bias = (const float *)s->inputs[BIAS]->data + panel * 8;
        a.output = (float *)s->outputs[0]->data + panel * 8;
        if (mite_step_input(s, RESIDUAL))
            a.residual = (const float *)s->inputs[RESIDUAL]->data + panel * 8;
        a.columns = mite_min_size(8, g->columns - panel * 8);
        s->kernels->conv_f32.run(&a, 0, g->rows, 0, a.columns);
    }
    return MITE_OK;
}

const mite_op mite_op_dense_compact = {
    .name = "dense_compact",
    .attrs = attrs,
    .attr_count = sizeof attrs / sizeof attrs[0],
    .min_inputs = 5,
    .max_inputs = 6,
    .output_count = 1,
    .state_bytes = sizeof(state),
    .infer = infer,
    .plan = plan,
    .prepare = prepare,
    .run = run,
};
