// SPDX-License-Identifier: Apache-2.0
// einsum: sums of products over named dimensions, of any type (real types in
// f64, integers in i64). `terms` spells the equation: for each input, then for the output,
// the number of its labels and the labels, each a number in [0,51]; -1 stands for the dimensions
// of an ellipsis, which align at their end and broadcast. Dimensions of one label broadcast too.
#include "elements.h"

#include "../common.h"

#define TERM_WORDS 64
#define MAX_INPUTS 8
#define LETTERS 52
#define LABELS (LETTERS + MITE_MAX_RANK) // and those of the ellipsis, the last one last

static const mite_attr attrs[] = {{"terms", 'i', TERM_WORDS, 0}};

typedef struct state {
    size_t rank, out_rank; // labels in use: those of the output first
    size_t dims[LABELS];
    size_t steps[MAX_INPUTS][LABELS]; // elements between neighbours, 0 to repeat
} state;

static mite_status refuse(mite_step *s) {
    return mite_step_fail(s, MITE_ERR_FORMAT, "its equation does not fit its inputs");
}

// The labels of one term, ellipsis spelled out to `rank` labels in all (-1: as many as there were
// at most, `ellipsis`). False where impossible. Moves *word past the term.
static bool read_term(const mite_step *s, size_t *word, int32_t rank, size_t ellipsis,
                      size_t *labels, size_t *count) {
    if (*word >= TERM_WORDS) return false;
    int32_t given = mite_attr_int(s, (*word)++);
    if (given < 0 || (size_t)given > TERM_WORDS - *word) return false;
    *count = 0;
    for (int32_t i = 0; i < given; i++) {
        int32_t label = mite_attr_int(s, (*word)++);
        if (label < -1 || label >= LETTERS) return false;
        if (label >= 0) {
            if (*count == MITE_MAX_RANK) return false;
            labels[(*count)++] = (size_t)label;
            continue;
        }
        size_t spread = rank < 0 ? ellipsis : (size_t)(rank - given + 1);
        if (rank >= 0 && rank < given - 1) return false;
        if (spread > MITE_MAX_RANK - *count) return false;
        for (size_t k = 0; k < spread; k++) labels[(*count)++] = LABELS - spread + k;
    }
    return rank < 0 || (size_t)rank == *count;
}

static mite_status set_up(mite_step *s, state *st) {
    size_t dims[LABELS], steps[MAX_INPUTS][LABELS] = {{0}}, word = 0, ellipsis = 0;
    size_t labels[MITE_MAX_RANK], count;
    bool used[LABELS] = {false}, taken[LABELS] = {false};
    for (size_t i = 0; i < LABELS; i++) dims[i] = 1;
    for (size_t k = 0; k < s->node->input_count; k++) {
        const mite_view *v = s->inputs[k];
        if (!v || !read_term(s, &word, v->rank, 0, labels, &count)) return refuse(s);
        for (size_t i = count, step = 1; i-- > 0; step *= (size_t)v->shape[i]) {
            size_t label = labels[i], dim = (size_t)v->shape[i];
            if (label >= LETTERS) ellipsis = mite_max_size(ellipsis, LABELS - label);
            if (dim != 1 && dims[label] != 1 && dims[label] != dim) return refuse(s);
            if (dim != 1) dims[label] = dim;
            if (dim != 1) steps[k][label] += step; // a label twice walks a diagonal
            used[label] = true;
        }
    }
    *st = (state){0};
    int32_t shape[MITE_MAX_RANK];
    if (!read_term(s, &word, -1, ellipsis, labels, &st->out_rank)) return refuse(s);
    for (size_t i = 0; i < st->out_rank; i++) {
        if (!used[labels[i]] || taken[labels[i]]) return refuse(s);
        taken[labels[i]] = true;
        shape[i] = (int32_t)dims[labels[i]];
    }
    for (size_t i = 0; i < LABELS + st->out_rank; i++) {
        size_t label = i < st->out_rank ? labels[i] : i - st->out_rank;
        if (i >= st->out_rank && (!used[label] || taken[label])) continue;
        st->dims[st->rank] = dims[label];
        for (size_t k = 0; k < s->node->input_count; k++) st->steps[k][st->rank] = steps[k][label];
        st->rank++;
    }
    return mite_step_set_shape(s, 0, st->out_rank, shape);
}

static mite_status infer(mite_step *s) {
    state st;
    const mite_view *y = s->outputs[0];
    mite_status status = MITE_OK;
    for (size_t k = 0; k < s->node->input_count && !status; k++)
        status = mite_step_need_type(s, "input", s->inputs[k], y->dtype);
    if (!status) status = set_up(s, &st);
    if (status) return status;
    s->macs = y->elements;
    for (size_t i = st.out_rank; i < st.rank; i++) s->macs *= st.dims[i];
    return MITE_OK;
}

static mite_status prepare(mite_step *s) {
    s->max_parts = mite_max_size(1, s->outputs[0]->elements / 16);
    return set_up(s, s->state);
}

// The sum for one output element, whose inputs begin at `from`. The last label is taken by runs.
static void sum_of(const mite_step *s, const size_t *from, double *real, uint64_t *whole) {
    const state *st = s->state;
    size_t first = st->out_rank, last = st->rank > first ? st->rank - 1 : first;
    size_t length = st->rank > first ? st->dims[last] : 1, runs = 1;
    bool integers = !mite_is_real(s->outputs[0]->dtype);
    *real = 0, *whole = 0;
    for (size_t i = first; i < last; i++) runs *= st->dims[i];
    for (size_t r = 0; r < runs * length;) {
        size_t at = r % length, count = mite_min_size(MITE_RUN, length - at);
        double product[MITE_RUN], run[MITE_RUN];
        uint64_t whole_product[MITE_RUN];
        int64_t whole_run[MITE_RUN];
        for (size_t i = 0; i < count; i++) product[i] = 1, whole_product[i] = 1;
        for (size_t k = 0; k < s->node->input_count; k++) {
            const mite_view *v = s->inputs[k];
            size_t step = st->rank > first ? st->steps[k][last] : 0, offset = from[k] + at * step;
            for (size_t i = last, rest = r / length; i-- > first; rest /= st->dims[i])
                offset += rest % st->dims[i] * st->steps[k][i];
            const char *data = (const char *)v->data + offset * mite_dtype_bytes(v->dtype);
            if (integers) {
                mite_load_integers(whole_run, data, v->dtype, (ptrdiff_t)step, count);
                for (size_t i = 0; i < count; i++) whole_product[i] *= (uint64_t)whole_run[i];
            } else {
                mite_load_reals(run, data, v->dtype, (ptrdiff_t)step, count);
                for (size_t i = 0; i < count; i++) product[i] *= run[i];
            }
        }
        for (size_t i = 0; i < count && integers; i++) *whole += whole_product[i];
        for (size_t i = 0; i < count && !integers; i++) *real += product[i];
        r += count;
    }
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const state *st = s->state;
    const mite_view *y = s->outputs[0];
    size_t begin, end;
    (void)scratch;
    mite_part_range(y->elements, 1, part, part_count, &begin, &end);
    for (size_t i = begin; i < end; i++) {
        size_t from[MAX_INPUTS] = {0};
        double real;
        uint64_t whole;
        for (size_t d = st->out_rank, rest = i; d-- > 0; rest /= st->dims[d])
            for (size_t k = 0; k < s->node->input_count; k++)
                from[k] += rest % st->dims[d] * st->steps[k][d];
        sum_of(s, from, &real, &whole);
        void *to = (char *)y->data + i * mite_dtype_bytes(y->dtype);
        if (mite_is_real(y->dtype)) mite_store_reals(to, y->dtype, 1, &real, 1);
        else mite_store_integers(to, y->dtype, 1, &(int64_t){(int64_t)whole}, 1);
    }
    return MITE_OK;
}

const mite_op mite_op_einsum = {
    .name = "einsum",
    .attrs = attrs,
    .attr_count = sizeof attrs / sizeof attrs[0],
    .min_inputs = 1,
    .max_inputs = MAX_INPUTS,
    .output_count = 1,
    .state_bytes = sizeof(state),
    .infer = infer,
    .prepare = prepare,
    .run = run,
};
