// SPDX-License-Identifier: Apache-2.0
// matmul_nd: products of matrices of every type, over leading dimensions that broadcast, as
// numpy.matmul. Real types sum in f64. Integers sum in i64 and keep the low bits of the output's
// type, which is theirs or i32; they may have zero points: of a one, or one a row; of b one, or
// one a column.
#include "elements.h"

#include "../common.h"

enum { A, B, A_ZERO, B_ZERO, INPUTS };

#define ROWS 4 // that share a loaded run of b

typedef struct state {
    size_t batch, m, k, n;
    size_t rank; // of the leading dimensions
    size_t dims[MITE_MAX_RANK], a_step[MITE_MAX_RANK], b_step[MITE_MAX_RANK]; // in matrices
} state;

// Dimension i of `rank` of the view's leading ones (all but the last `matrix`); 1 beyond them.
static int32_t leading(const mite_view *v, size_t i, size_t rank, size_t matrix) {
    size_t own = (size_t)v->rank > matrix ? (size_t)v->rank - matrix : 0;
    return i + own < rank ? 1 : v->shape[i + own - rank];
}

static mite_status refuse(mite_step *s) {
    const mite_view *a = s->inputs[A], *b = s->inputs[B];
    return mite_step_fail(s, MITE_ERR_FORMAT, "%T times %T is not possible", (size_t)a->rank,
                          a->shape, (size_t)b->rank, b->shape);
}

static mite_status set_up(mite_step *s, state *st) {
    const mite_view *a = s->inputs[A], *b = s->inputs[B];
    int32_t shape[MITE_MAX_RANK];
    if (a->rank < 1 || b->rank < 1) return refuse(s);
    size_t a_rank = a->rank > 2 ? (size_t)a->rank - 2 : 0;
    size_t b_rank = b->rank > 2 ? (size_t)b->rank - 2 : 0, rank = mite_max_size(a_rank, b_rank);
    *st = (state){.batch = 1, .m = 1, .n = 1, .rank = rank};
    st->k = (size_t)a->shape[a->rank - 1];
    if (a->rank > 1) st->m = (size_t)a->shape[a->rank - 2];
    if (b->rank > 1) st->n = (size_t)b->shape[b->rank - 1];
    if ((size_t)b->shape[b->rank > 1 ? b->rank - 2 : 0] != st->k) return refuse(s);
    size_t a_step = 1, b_step = 1;
    for (size_t i = rank; i-- > 0;) {
        int32_t da = leading(a, i, rank, 2), db = leading(b, i, rank, 2);
        if (da != db && da != 1 && db != 1) return refuse(s);
        shape[i] = da == 1 ? db : da;
        st->dims[i] = (size_t)shape[i];
        st->a_step[i] = da == 1 ? 0 : a_step;
        st->b_step[i] = db == 1 ? 0 : b_step;
        a_step *= (size_t)da;
        b_step *= (size_t)db;
    }
    if (a->rank > 1) shape[rank++] = (int32_t)st->m;
    if (b->rank > 1) shape[rank++] = (int32_t)st->n;
    mite_status status = mite_step_set_shape(s, 0, rank, shape);
    for (size_t i = 0; i < st->rank; i++) st->batch *= st->dims[i]; // set_shape has checked it
    return status;
}

static mite_status infer(mite_step *s) {
    state st;
    const mite_view *a = s->inputs[A], *b = s->inputs[B], *y = s->outputs[0];
    const mite_view *az = mite_step_input(s, A_ZERO), *bz = mite_step_input(s, B_ZERO);
    bool real = mite_is_real(a->dtype);
    if (real != mite_is_real(b->dtype) || (real && (a->dtype != b->dtype || az || bz)) ||
        (y->dtype != a->dtype && (real || y->dtype != MITE_I32)))
        return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "%s times %s giving %s",
                              mite_dtype_name(a->dtype), mite_dtype_name(b->dtype),
                              mite_dtype_name(y->dtype));
    mite_status status = set_up(s, &st);
    if (status) return status;
    s->macs = (uint64_t)y->elements * st.k;
    if (az && az->elements != 1 && az->elements != st.m && az->elements * st.k != a->elements)
        return mite_step_fail(s, MITE_ERR_FORMAT, "a's zero points %T fit neither a nor its rows",
                              (size_t)az->rank, az->shape);
    if (bz && bz->elements != 1 && bz->elements != st.n && bz->elements * st.k != b->elements)
        return mite_step_fail(s, MITE_ERR_FORMAT,
                              "b's zero points %T fit neither b nor its columns", (size_t)bz->rank,
                              bz->shape);
    return MITE_OK;
}

static mite_status prepare(mite_step *s) {
    state *st = s->state;
    mite_status status = set_up(s, st);
    s->max_parts = mite_max_size(1, st->batch * ((st->m + ROWS - 1) / ROWS));
    return status;
}

static const void *at(const mite_view *v, size_t index) {
    return (const char *)v->data + index * mite_dtype_bytes(v->dtype);
}

// The zero points along rows or columns `from` on of matrix `matrix`.
static void zero_points(const mite_view *v, int64_t *out, size_t matrix, size_t length, size_t from,
                        size_t count) {
    if (!v) {
        for (size_t i = 0; i < count; i++) out[i] = 0;
        return;
    }
    size_t first = v->elements == 1 ? 0 : v->elements == length ? from : matrix * length + from;
    mite_load_integers(out, at(v, first), v->dtype, v->elements > 1, count);
}

// `rows` rows of a from a_row on, `count` columns from `column` on; matrices by their numbers.
typedef struct tile {
    size_t a, b, y, row, rows, column, count;
} tile;

static void tile_real(const mite_step *s, const tile *t) {
    const state *st = s->state;
    const mite_view *a = s->inputs[A], *b = s->inputs[B], *y = s->outputs[0];
    double sum[ROWS][MITE_RUN] = {{0}}, run[MITE_RUN], factor[ROWS];
    for (size_t k = 0; k < st->k; k++) {
        mite_load_reals(factor, at(a, (t->a * st->m + t->row) * st->k + k), a->dtype,
                        (ptrdiff_t)st->k, t->rows);
        mite_load_reals(run, at(b, (t->b * st->k + k) * st->n + t->column), b->dtype, 1, t->count);
        for (size_t r = 0; r < t->rows; r++)
            for (size_t i = 0; i < t->count; i++) sum[r][i] += factor[r] * run[i];
    }
    for (size_t r = 0; r < t->rows; r++)
        mite_store_reals((void *)at(y, (t->y * st->m + t->row + r) * st->n + t->column), y->dtype,
                         1, sum[r], t->count);
}

static void tile_integer(const mite_step *s, const tile *t) {
    const state *st = s->state;
    const mite_view *a = s->inputs[A], *b = s->inputs[B], *y = s->outputs[0];
    // Unsigned, since sums wrap.
    uint64_t sum[ROWS][MITE_RUN] = {{0}};
    int64_t run[MITE_RUN], factor[ROWS], a_zero[ROWS], b_zero[MITE_RUN];
    zero_points(mite_step_input(s, A_ZERO), a_zero, t->a, st->m, t->row, t->rows);
    zero_points(mite_step_input(s, B_ZERO), b_zero, t->b, st->n, t->column, t->count);
    for (size_t k = 0; k < st->k; k++) {
        mite_load_integers(factor, at(a, (t->a * st->m + t->row) * st->k + k), a->dtype,
                           (ptrdiff_t)st->k, t->rows);
        mite_load_integers(run, at(b, (t->b * st->k + k) * st->n + t->column), b->dtype, 1,
                           t->count);
        for (size_t r = 0; r < t->rows; r++) {
            uint64_t f = (uint64_t)factor[r] - (uint64_t)a_zero[r];
            for (size_t i = 0; i < t->count; i++)
                sum[r][i] += f * ((uint64_t)run[i] - (uint64_t)b_zero[i]);
        }
    }
    for (size_t r = 0; r < t->rows; r++)
        mite_store_integers((void *)at(y, (t->y * st->m + t->row + r) * st->n + t->column),
                            y->dtype, 1, (const int64_t *)sum[r], t->count);
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const state *st = s->state;
    size_t blocks = (st->m + ROWS - 1) / ROWS, begin, end;
    (void)scratch;
    if (!s->outputs[0]->elements) return MITE_OK;
    mite_part_range(st->batch * blocks, 1, part, part_count, &begin, &end);
    for (size_t i = begin; i < end; i++) {
        tile t = {.y = i / blocks, .row = i % blocks * ROWS};
        for (size_t d = st->rank, rest = t.y; d-- > 0; rest /= st->dims[d]) {
            t.a += rest % st->dims[d] * st->a_step[d];
            t.b += rest % st->dims[d] * st->b_step[d];
        }
        t.rows = mite_min_size(ROWS, st->m - t.row);
        for (t.column = 0; t.column < st->n; t.column += MITE_RUN) {
            t.count = mite_min_size(MITE_RUN, st->n - t.column);
            if (mite_is_real(s->inputs[A]->dtype)) tile_real(s, &t);
            else tile_integer(s, &t);
        }
    }
    return MITE_OK;
}

const mite_op mite_op_matmul_nd = {
    .name = "matmul_nd",
    .min_inputs = 2,
    .max_inputs = INPUTS,
    .output_count = 1,
    .state_bytes = sizeof(state),
    .infer = infer,
    .prepare = prepare,
    .run = run,
};
