// SPDX-License-Identifier: Apache-2.0
// lstm_i8: LSTM of 8-bit numbers with a 16-bit cell, to the bit as TensorFlow Lite's reference kernel
// computes it (lstm_eval.cc, 8x8_16), from a state of zeros. x u8 [T,B,I] (layout 0) or [B,T,I] (1), for the
// gates input, forget, cell, output: w i8 [4,H,I], r i8 [4,H,O], bias i32 [4,H]; factors i32 [2,13]; peepholes
// i16 [3,H] (input, forget, output); a projection i8 [O,H], its bias i32 [O]. Output y u8 [T,B,O] or [B,T,O],
// whose scale and zero point are those of the state.
//
// A factor is multiplier * 2^(shift - 31): multipliers first, then shifts, of w (4), r (4), peepholes (3), of
// output gate * tanh(cell), of the projection. Gates before their functions are in units of 2^-12, behind
// them of 2^-15; the cell's unit is 2^cell_shift. Functions are gemmlowp's for 16 bits (fixedpoint.h): e^x by
// a polynomial over a quarter and squares, 1/(1+x) by Newton's steps.
#include "../common.h"
#include "fixed.h"

#include <string.h>

enum { LAYOUT, COUPLED, CELL_SHIFT, CELL_CLIP, PROJECTION_CLIP, HIDDEN_ZERO }; // attribute words

static const mite_attr attrs[] = {
    [LAYOUT] = {"layout", 'i', 1, 0},
    [COUPLED] = {"coupled", 'i', 1, 0}, // the input gate is 1 - the forget gate
    [CELL_SHIFT] = {"cell_shift", 'i', 1, -11},
    [CELL_CLIP] = {"cell_clip", 'i', 1, 0}, // quanta; 0: none
    [PROJECTION_CLIP] = {"projection_clip", 'i', 1, 0},
    [HIDDEN_ZERO] = {"hidden_zero", 'i', 1, 0}, // zero point of what is projected, u8
};

enum { X, W, R, BIAS, FACTORS, PEEPHOLES, PROJECTION, PROJECTION_BIAS, INPUTS };
enum { OF_W, OF_R = 4, OF_CELL = 8, OF_HIDDEN = 11, OF_PROJECTION, FACTOR_COUNT };
enum { INPUT, FORGET, CELL, OUTPUT, GATES };

typedef struct sizes {
    size_t steps, batch, inputs, hidden, outputs;
} sizes;

static mite_status need(mite_step *s, size_t k, const char *what, mite_dtype dtype,
                        size_t elements) {
    const mite_view *v = mite_step_input(s, k);
    if (!v && k >= PEEPHOLES) return MITE_OK;
    if (!v || v->elements != elements)
        return mite_step_fail(s, MITE_ERR_FORMAT, "%s has %z elements, wanted are %z", what,
                              v ? v->elements : 0, elements);
    return mite_step_need_type(s, what, v, dtype);
}

static mite_status check_factors(mite_step *s) {
    mite_status status =
        mite_step_need_constant(s, FACTORS, MITE_I32, MITE_LAYOUT_DENSE, 2 * (size_t)FACTOR_COUNT);
    const int32_t *f = status ? NULL : s->inputs[FACTORS]->value->data;
    for (size_t i = 0; f && i < FACTOR_COUNT; i++)
        if (f[i] < 0 || f[FACTOR_COUNT + i] < -31 || f[FACTOR_COUNT + i] > 30)
            return mite_step_fail(s, MITE_ERR_FORMAT, "factor %z is out of range", i);
    int32_t shift = mite_attr_int(s, CELL_SHIFT), zero = mite_attr_int(s, HIDDEN_ZERO);
    if (!status && (shift < -15 || shift > -9 || zero < 0 || zero > 256))
        status = mite_step_fail(s, MITE_ERR_FORMAT,
                                "the cell's unit 2^%d or the zero point %d is out of range", shift,
                                zero);
    return status;
}

static mite_status set_up(mite_step *s, sizes *z) {
    const mite_view *x = s->inputs[X], *w = s->inputs[W], *r = s->inputs[R];
    bool batch_first = mite_attr_int(s, LAYOUT) != 0;
    if (x->rank != 3 || w->rank != 3 || r->rank != 3 || w->shape[0] != GATES ||
        r->shape[0] != GATES || w->shape[1] != r->shape[1] || w->shape[2] != x->shape[2])
        return mite_step_fail(s, MITE_ERR_FORMAT, "x %T, w %T and r %T do not fit one another",
                              (size_t)x->rank, x->shape, (size_t)w->rank, w->shape, (size_t)r->rank,
                              r->shape);
    *z = (sizes){
        .steps = (size_t)x->shape[batch_first ? 1 : 0],
        .batch = (size_t)x->shape[batch_first ? 0 : 1],
        .inputs = (size_t)x->shape[2],
        .hidden = (size_t)w->shape[1],
        .outputs = (size_t)r->shape[2],
    };
    bool projects = mite_step_input(s, PROJECTION) != NULL;
    if (z->hidden > SIZE_MAX / 256 || z->outputs > SIZE_MAX / 256 / mite_max_size(1, z->hidden) ||
        (!projects && z->hidden != z->outputs))
        return mite_step_fail(s, MITE_ERR_FORMAT, "%z cells and %z outputs do not fit", z->hidden,
                              z->outputs);
    mite_status status = mite_step_need_type(s, "x", x, MITE_U8);
    if (!status) status = mite_step_need_quantized(s, "x", x);
    if (!status) status = mite_step_need_quantized(s, "output", s->outputs[0]);
    if (!status) status = mite_step_need_type(s, "w", w, MITE_I8);
    if (!status) status = mite_step_need_type(s, "r", r, MITE_I8);
    if (!status) status = need(s, BIAS, "bias", MITE_I32, GATES * z->hidden);
    if (!status) status = need(s, PEEPHOLES, "peepholes", MITE_I16, 3 * z->hidden);
    if (!status) status = need(s, PROJECTION, "projection", MITE_I8, z->outputs * z->hidden);
    if (!status) status = need(s, PROJECTION_BIAS, "its bias", MITE_I32, z->outputs);
    int32_t hidden_zero = mite_attr_int(s, HIDDEN_ZERO);
    if (!status && (hidden_zero < 0 || hidden_zero > 255))
        return mite_step_fail(s, MITE_ERR_FORMAT,
                              "what is projected has zero point %d, outside [0,255]", hidden_zero);
    return status ? status : check_factors(s);
}

static mite_status infer(mite_step *s) {
    sizes z;
    mite_status status = set_up(s, &z);
    if (!status) status = mite_step_need_type(s, "output", s->outputs[0], MITE_U8);
    if (status) return status;
    s->macs = (uint64_t)z.steps * z.batch * z.hidden * GATES * (z.inputs + z.outputs);
    const int32_t *in = s->inputs[X]->shape;
    return mite_step_set_shape(s, 0, 3, (int32_t[]){in[0], in[1], s->inputs[R]->shape[2]});
}

// Gates, cell, what is projected, the state.
static mite_status plan(mite_step *s) {
    sizes *z = s->state;
    mite_status status = set_up(s, z);
    s->scratch_bytes = z->hidden * (2 * GATES + 2 + 1) + z->outputs;
    return status;
}

static mite_status prepare(mite_step *s) {
    const sizes *z = s->state;
    s->max_parts = mite_max_size(1, z->batch);
    return MITE_OK;
}

// --- Numbers of 16 bits ---------------------------------------------------------------------------

static int32_t limited(int64_t x) {
    return (int32_t)(x < INT16_MIN ? INT16_MIN : x > INT16_MAX ? INT16_MAX : x);
}

// a * b in units of 2^-15.
static int32_t times(int32_t a, int32_t b) {
    int32_t ab = a * b;
    return limited((ab + (ab >= 0 ? 1 << 14 : 1 - (1 << 14))) / (1 << 15));
}

// e^a in units of 2^-15, a <= 0 in units of 2^(bits - 15).
static int32_t exponential(int32_t a, int32_t bits) {
    // e^-1/4, e^-1/2, e^-1, ... e^-8
    static const int16_t powers[] = {25520, 19875, 12055, 4435, 600, 11};
    int32_t fraction = 15 - bits, quarter = 1 << (fraction - 2);
    int32_t within = (a & (quarter - 1)) - quarter, rest = within - a; // [-1/4, 0)
    // Around -1/8: e^-1/8 (1 + x + x^2/2 + x^3/6 + x^4/24)
    int32_t x = within * (1 << bits) + (1 << 12), x2 = times(x, x), x4 = times(x2, x2);
    int32_t tail = times((int32_t)mite_fixed_shifted(x4, 2) + times(x2, x), 10923) + x2;
    int32_t y = limited(28918 + times(28918, x + (int32_t)mite_fixed_shifted(tail, 1)));
    if (a == 0) return INT16_MAX;
    for (int32_t i = 0; i < 6 && i - 2 < bits; i++)
        if (rest >> (fraction - 2 + i) & 1) y = times(y, powers[i]);
    // e^-16 is 0 here; so is all that is below -32.
    return bits > 4 && rest >> (fraction + 4) ? 0 : y;
}

// 2 / (1 + a) in units of 2^-13, a in units of 2^-15.
static int32_t twice_inverse(int32_t a) {
    int32_t half = (a + INT16_MAX + 1) / 2, x = 23130 + times(half, -15420); // 48/17 - 32/17 half
    for (int32_t i = 0; i < 3; i++) x += limited(times(x, 8192 - times(half, x)) * 4);
    return x;
}

static int32_t logistic(int32_t a) { // in units of 2^-12
    if (a == 0) return 1 << 14;
    int32_t y = limited(twice_inverse(exponential(a > 0 ? -a : a, 3)) * 2);
    return a > 0 ? y : INT16_MAX - y;
}

static int32_t tangent(int32_t a, int32_t bits) { // in units of 2^(bits - 15)
    if (a == 0) return 0;
    int32_t y = limited((twice_inverse(exponential(a < 0 ? a : -a, bits + 1)) - 8192) * 4);
    return a < 0 ? -y : y;
}

// --- Steps ----------------------------------------------------------------------------------------

static int64_t scaled(const mite_step *s, size_t factor, int64_t x) {
    const int32_t *f = s->inputs[FACTORS]->data;
    return mite_fixed_scaled(x, f[factor], f[FACTOR_COUNT + factor]);
}

// Sums wrap.
static int32_t product(const int8_t *row, const uint8_t *in, int32_t zero, size_t count) {
    uint32_t sum = 0;
    for (size_t i = 0; i < count; i++) sum += (uint32_t)(row[i] * (in[i] - zero));
    return (int32_t)sum;
}

typedef struct lane { // of one sequence of the batch
    const mite_step *s;
    const sizes *z;
    int16_t *gates, *cell;
    uint8_t *hidden, *h;
    size_t b; // which one
} lane;

// The weight from cell i to a gate. TensorFlow Lite takes the cells of its batch (of one sequence, where the
// batch comes first) as one list and goes through as many as there are outputs in all. With a projection
// those may be fewer than cells: then the last cells have no weight, and others that of another cell.
static int32_t peephole(const lane *l, const mite_view *weights, size_t which, size_t i) {
    const sizes *z = l->z;
    const int16_t *row = (const int16_t *)weights->data + which * z->hidden;
    bool alone = mite_attr_int(l->s, LAYOUT) != 0;
    size_t at = alone ? i : l->b * z->hidden + i, count = (alone ? 1 : z->batch) * z->outputs;
    if (z->outputs >= z->hidden) return row[i];
    return at < count ? row[at % z->outputs] : 0;
}

static void run_gate(const lane *l, size_t gate, const uint8_t *x) {
    const mite_step *s = l->s;
    const sizes *z = l->z;
    const mite_view *p = mite_step_input(s, PEEPHOLES);
    size_t first = gate * z->hidden;
    const int8_t *w = (const int8_t *)s->inputs[W]->data + first * z->inputs;
    const int8_t *r = (const int8_t *)s->inputs[R]->data + first * z->outputs;
    const int32_t *bias = (const int32_t *)s->inputs[BIAS]->data + first;
    for (size_t i = 0; i < z->hidden; i++) {
        int32_t of_x = product(w + i * z->inputs, x, s->inputs[X]->zero_point, z->inputs);
        int32_t of_h = product(r + i * z->outputs, l->h, s->outputs[0]->zero_point, z->outputs);
        of_x = (int32_t)((uint32_t)of_x + (uint32_t)bias[i]);
        int32_t g = limited(scaled(s, OF_W + gate, of_x));
        g = limited(g + scaled(s, OF_R + gate, of_h));
        if (p && gate != CELL) {
            size_t which = gate == OUTPUT ? 2 : gate;
            int32_t weight = peephole(l, p, which, i);
            g = limited(g + scaled(s, OF_CELL + which, weight * l->cell[i]));
        }
        l->gates[first + i] = (int16_t)(gate == CELL ? tangent(g, 3) : logistic(g));
    }
}

static void run_cell(const lane *l) {
    const size_t n = l->z->hidden;
    int32_t shift = 30 + mite_attr_int(l->s, CELL_SHIFT), clip = mite_attr_int(l->s, CELL_CLIP);
    for (size_t i = 0; i < n; i++) {
        int32_t forget = l->gates[FORGET * n + i];
        int32_t in = mite_attr_int(l->s, COUPLED) ? INT16_MAX - forget : l->gates[i];
        int32_t c = limited(mite_fixed_shifted((int64_t)forget * l->cell[i], 15));
        c = limited(c + limited(mite_fixed_shifted((int64_t)in * l->gates[CELL * n + i], shift)));
        if (clip > 0) c = c > clip ? clip : c < -clip ? -clip : c;
        l->cell[i] = (int16_t)c;
    }
}

static uint8_t byte_of(int64_t q) { return (uint8_t)(q < 0 ? 0 : q > 255 ? 255 : q); }

// The new state.
static void run_output(const lane *l) {
    const mite_step *s = l->s;
    const sizes *z = l->z;
    const mite_view *projection = mite_step_input(s, PROJECTION);
    const mite_view *bias = mite_step_input(s, PROJECTION_BIAS);
    int32_t bits = 15 + mite_attr_int(s, CELL_SHIFT), clip = mite_attr_int(s, PROJECTION_CLIP);
    int32_t zero = s->outputs[0]->zero_point, hidden_zero = mite_attr_int(s, HIDDEN_ZERO);
    uint8_t *hidden = projection ? l->hidden : l->h;
    for (size_t i = 0; i < z->hidden; i++) {
        int32_t y = l->gates[OUTPUT * z->hidden + i] * tangent(l->cell[i], bits);
        hidden[i] = byte_of(scaled(s, OF_HIDDEN, y) + hidden_zero);
    }
    for (size_t i = 0; projection && i < z->outputs; i++) {
        const int8_t *row = (const int8_t *)projection->data + i * z->hidden;
        int32_t sum = product(row, hidden, hidden_zero, z->hidden);
        if (bias) sum = (int32_t)((uint32_t)sum + (uint32_t)((const int32_t *)bias->data)[i]);
        l->h[i] = byte_of(scaled(s, OF_PROJECTION, sum) + zero);
        // Quanta of i8 are limited, wherever their zero is.
        int32_t q = l->h[i] - 128;
        if (clip > 0) l->h[i] = (uint8_t)(128 + (q > clip ? clip : q < -clip ? -clip : q));
    }
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const sizes *z = s->state;
    bool batch_first = mite_attr_int(s, LAYOUT) != 0, coupled = mite_attr_int(s, COUPLED) != 0;
    size_t begin, end;
    lane l = {.s = s, .z = z, .gates = scratch};
    l.cell = l.gates + GATES * z->hidden;
    l.hidden = (uint8_t *)(l.cell + z->hidden);
    l.h = l.hidden + z->hidden;
    mite_part_range(z->batch, 1, part, part_count, &begin, &end);
    for (size_t b = begin; b < end; b++) {
        l.b = b;
        memset(l.cell, 0, z->hidden * sizeof *l.cell);
        memset(l.h, s->outputs[0]->zero_point, z->outputs);
        for (size_t t = 0; t < z->steps; t++) {
            size_t at = batch_first ? b * z->steps + t : t * z->batch + b;
            const uint8_t *x = (const uint8_t *)s->inputs[X]->data + at * z->inputs;
            if (!coupled) run_gate(&l, INPUT, x);
            run_gate(&l, FORGET, x);
            run_gate(&l, CELL, x);
            run_cell(&l);
            run_gate(&l, OUTPUT, x); // whose peephole sees the new cell
            run_output(&l);
            memcpy((uint8_t *)s->outputs[0]->data + at * z->outputs, l.h, z->outputs);
        }
    }
    return MITE_OK;
}

const mite_op mite_op_lstm_i8 = {
    .name = "lstm_i8",
    .attrs = attrs,
    .attr_count = sizeof attrs / sizeof attrs[0],
    .min_inputs = 5,
    .max_inputs = INPUTS,
    .output_count = 1,
    .state_bytes = sizeof(sizes),
    .infer = infer,
    .plan = plan,
    .prepare = prepare,
    .run = run,
};
