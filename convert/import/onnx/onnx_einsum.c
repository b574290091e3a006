// SPDX-License-Identifier: Apache-2.0
// Einsum: the equation read once. Two f32 operands that have the form of a matrix product become one;
// all else is the general operator's.
#include "import/onnx/onnx_handlers.h"
#include "import/onnx/onnx_layers.h"

#include <string.h>

#define MAX_TERMS 9 // inputs and output
#define MAX_WORDS 64

typedef struct term {
    int32_t labels[MITE_MAX_RANK + 1], count; // -1: the ellipsis
} term;

typedef struct equation {
    term terms[MAX_TERMS]; // the output's last
    size_t inputs;
} equation;

static bool refuse(onnx_import *c) {
    mite_ir_fail(c->g, MITE_ERR_FORMAT, "its equation %q is not possible",
                 onnx_string(c, "equation", ""));
    return false;
}

static int32_t label_of(char letter) {
    if (letter >= 'A' && letter <= 'Z') return letter - 'A';
    return letter >= 'a' && letter <= 'z' ? letter - 'a' + 26 : -2;
}

// Moves past one term.
static const char *read_term(const char *at, term *t) {
    *t = (term){.count = 0};
    for (; *at && *at != ',' && strncmp(at, "->", 2); at++) {
        if (*at == ' ') continue;
        bool ellipsis = !strncmp(at, "...", 3);
        int32_t label = ellipsis ? -1 : label_of(*at);
        if (label == -2 || t->count > MITE_MAX_RANK) return NULL;
        t->labels[t->count++] = label;
        if (ellipsis) at += 2;
    }
    return at;
}

// Without "->": what the ellipsis stands for, then the labels that occur once, in order.
static void imply_output(equation *e, term *out) {
    size_t seen[53] = {0}; // the ellipsis, the letters
    for (size_t k = 0; k < e->inputs; k++)
        for (int32_t i = 0; i < e->terms[k].count; i++) seen[e->terms[k].labels[i] + 1]++;
    *out = (term){.count = 0};
    for (int32_t i = 0; i < 53 && out->count <= MITE_MAX_RANK; i++)
        if (i ? seen[i] == 1 : seen[i] > 0) out->labels[out->count++] = i - 1;
}

static bool read_equation(onnx_import *c, equation *e) {
    const char *at = onnx_string(c, "equation", "");
    *e = (equation){.inputs = 0};
    for (;; at++) {
        if (e->inputs == MAX_TERMS - 1) return refuse(c);
        at = read_term(at, &e->terms[e->inputs++]);
        if (!at) return refuse(c);
        if (*at != ',') break;
    }
    term *out = &e->terms[e->inputs];
    if (*at == '-') at = read_term(at + 2, out);
    else imply_output(e, out);
    return (at && !*at && e->inputs == c->node->input_count) || refuse(c);
}

// --- As a matrix product ------------------------------------------------------------------------

static bool has(const term *t, int32_t label) {
    for (int32_t i = 0; i < t->count; i++)
        if (t->labels[i] == label) return true;
    return false;
}

// Where the label stands in the term, which has it.
static int32_t place_of(const term *t, int32_t label) {
    int32_t i = 0;
    while (t->labels[i] != label) i++;
    return i;
}

// Every label once, none an ellipsis; dimensions fixed and of a size for each label.
static bool is_plain(const equation *e, mite_ir_value *const *in, int32_t *sizes) {
    for (size_t k = 0; k < 3; k++) {
        const term *t = &e->terms[k];
        if (k < 2 && (in[k]->dtype != MITE_F32 || !mite_ir_is_fixed(in[k]) ||
                      in[k]->rank != t->count || !mite_ir_elements(in[k])))
            return false;
        for (int32_t i = 0; i < t->count; i++) {
            if (t->labels[i] < 0 || place_of(t, t->labels[i]) != i) return false;
            if (k == 2) continue;
            int32_t *size = &sizes[t->labels[i]];
            if (*size && *size != in[k]->shape[i]) return false;
            *size = in[k]->shape[i];
        }
    }
    return true;
}

typedef enum kind { BATCH, ROW, COLUMN, SUM, KINDS } kind;

// The labels of one kind, in the order of the output (sums: of the first operand); the product of
// their sizes.
typedef struct group {
    int32_t labels[MITE_MAX_RANK], count, size;
} group;

static bool find_groups(const equation *e, const int32_t *sizes, group *groups) {
    memset(groups, 0, KINDS * sizeof *groups);
    for (size_t k = 0; k < KINDS; k++) groups[k].size = 1;
    for (size_t k = 3; k-- > 0;) { // the output first
        const term *t = &e->terms[k];
        for (int32_t i = 0; i < t->count; i++) {
            int32_t label = t->labels[i];
            bool a = has(&e->terms[0], label), b = has(&e->terms[1], label);
            bool out = has(&e->terms[2], label);
            if (out ? k != 2 : k != 0) {
                if (!out && !a) return false; // summed up by itself
                continue;
            }
            if (!a && !b) return false;
            if (!out && !b) return false;
            group *g = &groups[out ? a && b ? BATCH : a ? ROW : COLUMN : SUM];
            g->labels[g->count++] = label;
            if (__builtin_mul_overflow(g->size, sizes[label], &g->size)) return false;
        }
    }
    return true;
}

// An operand as [batch, first, second].
static mite_ir_value *arranged(onnx_import *c, mite_ir_value *v, const term *t, const group *groups,
                               kind first, kind second) {
    int32_t perm[MITE_MAX_RANK], count = 0;
    const kind order[] = {BATCH, first, second};
    for (size_t k = 0; k < 3; k++)
        for (int32_t i = 0; i < groups[order[k]].count; i++)
            perm[count++] = place_of(t, groups[order[k]].labels[i]);
    v = onnx_transposed(c, v, (size_t)count, perm);
    return onnx_reshape(
        c, v, 3, (const int32_t[]){groups[BATCH].size, groups[first].size, groups[second].size});
}

static mite_ir_value *as_product(onnx_import *c, const equation *e, mite_ir_value *const *in) {
    int32_t sizes[52] = {0}, shape[MITE_MAX_RANK], perm[MITE_MAX_RANK], count = 0;
    group groups[KINDS];
    if (!is_plain(e, in, sizes) || !find_groups(e, sizes, groups)) return NULL;
    mite_ir_value *a = arranged(c, in[0], &e->terms[0], groups, ROW, SUM);
    mite_ir_value *b = arranged(c, in[1], &e->terms[1], groups, SUM, COLUMN);
    if (groups[BATCH].size == 1 && b) // then it may be a constant matrix
        b = onnx_reshape(c, b, 2, (const int32_t[]){groups[SUM].size, groups[COLUMN].size});
    mite_ir_value *y = onnx_emit_mat_mul(c, a, b);
    const term *out = &e->terms[2];
    for (kind k = BATCH; k < SUM; k++)
        for (int32_t i = 0; i < groups[k].count; i++) {
            shape[count] = sizes[groups[k].labels[i]];
            perm[place_of(out, groups[k].labels[i])] = count++;
        }
    y = onnx_reshape(c, y, (size_t)count, shape);
    return count ? onnx_transposed(c, y, (size_t)count, perm) : y;
}

void onnx_einsum(onnx_import *c) {
    equation e;
    mite_ir_value *in[MAX_TERMS], *y = NULL;
    int32_t words[MAX_WORDS], count = 0;
    if (!read_equation(c, &e)) return;
    for (size_t k = 0; k < e.inputs; k++) {
        in[k] = onnx_in(c, k);
        if (!in[k]) return;
    }
    if (e.inputs == 2) y = as_product(c, &e, in);
    if (y || !mite_ir_ok(c->g)) {
        onnx_set(c, 0, y);
        return;
    }
    for (size_t k = 0; k <= e.inputs; k++) {
        if (count + 1 + e.terms[k].count > MAX_WORDS) {
            mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its equation is too long");
            return;
        }
        words[count++] = e.terms[k].count;
        for (int32_t i = 0; i < e.terms[k].count; i++) words[count++] = e.terms[k].labels[i];
    }
    onnx_set(c, 0,
             MITE_IR_EMIT(c->g, .op = "einsum", .name = onnx_name(c), .input_list = in,
                          .input_count = e.inputs,
                          .attrs = {{"terms", .list = words, .list_count = (size_t)count}}));
}
