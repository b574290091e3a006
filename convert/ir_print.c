// SPDX-License-Identifier: Apache-2.0
// The graph as text, so that tests can say what a pass did and people can see it.
#include "ir.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void mite_text_add(mite_text *t, const char *s, size_t length) {
    if (t->failed) return;
    if (t->length + length + 1 > t->room) {
        size_t room = 2 * (t->length + length + 1);
        char *more = realloc(t->data, room);
        if (!more) {
            t->failed = true;
            return;
        }
        t->data = more;
        t->room = room;
    }
    memcpy(t->data + t->length, s, length);
    t->length += length;
    t->data[t->length] = 0;
}

void mite_text_free(mite_text *t) {
    free(t->data);
    *t = (mite_text){NULL, 0, 0, false};
}

void mite_text_number(mite_text *t, double value) {
    if (isnan(value)) {
        mite_text_format(t, "nan");
        return;
    }
    if (value < 0) {
        mite_text_format(t, "-");
        value = -value;
    }
    if (isinf(value)) {
        mite_text_format(t, "inf");
        return;
    }
    int exponent = 0;
    if (value > 0 && (value < 1e-4 || value >= 1e9)) {
        exponent = (int)floor(log10(value));
        value /= pow(10, exponent);
    }
    // Six digits behind the point, without the zeros at the end.
    uint64_t digits = (uint64_t)(value * 1e6 + 0.5), whole = digits / 1000000;
    mite_text_format(t, "%U", whole);
    char fraction[8] = ".000000";
    digits %= 1000000;
    for (int i = 6; i > 0; i--, digits /= 10) fraction[i] = (char)('0' + digits % 10);
    size_t length = 7;
    while (length && (fraction[length - 1] == '0' || fraction[length - 1] == '.')) {
        if (fraction[--length] == '.') break;
    }
    mite_text_add(t, fraction, length);
    if (exponent) mite_text_format(t, "e%d", (int32_t)exponent);
}

const char *mite_ir_dtype_name(mite_dtype dtype) {
    static const char *const names[] = {"?",    "f32", "f16", "u8",  "i8",  "i32", "i64",
                                        "bool", "i16", "f64", "u16", "u32", "u64"};
    return dtype >= MITE_F32 && dtype <= MITE_U64 ? names[dtype] : names[0];
}

// Values print by their place in the graph: names may be empty or doubled.
static void put_ref(mite_text *out, const mite_ir_value *v) {
    if (v) mite_text_format(out, "%%%u", v->mark);
    else mite_text_format(out, "-");
}

static void put_type(mite_text *out, const mite_ir_value *v) {
    mite_text_format(out, " %s%T", mite_ir_dtype_name(v->dtype), (size_t)v->rank, v->shape);
    if (v->scale != 0) {
        mite_text_format(out, " (");
        mite_text_number(out, (double)v->scale);
        mite_text_format(out, ", %d)", v->zero_point);
    }
}

static void put_attr(mite_text *out, const mite_attr *a, const int32_t *words) {
    size_t count = a->count, last = 0;
    for (size_t i = 0; i < count; i++) {
        if (words[i] != a->def) last = i + 1;
    }
    if (!last) return;
    mite_text_format(out, " %s=", a->name);
    if (count == 1) last = 1;
    for (size_t i = 0; i < last; i++) {
        if (i) mite_text_format(out, ",");
        if (a->kind == 'f') {
            float f;
            memcpy(&f, &words[i], sizeof f);
            mite_text_number(out, (double)f);
        } else {
            mite_text_format(out, "%d", words[i]);
        }
    }
}

static void put_node(mite_text *out, const mite_ir_node *n) {
    for (size_t i = 0; i < n->output_count; i++) {
        if (i) mite_text_format(out, ", ");
        put_ref(out, n->outputs[i]);
        put_type(out, n->outputs[i]);
    }
    mite_text_format(out, " = %s(", n->op->name);
    for (size_t i = 0; i < n->input_count; i++) {
        if (i) mite_text_format(out, ", ");
        put_ref(out, n->inputs[i]);
    }
    mite_text_format(out, ")");
    const int32_t *words = n->attrs;
    for (size_t i = 0; i < n->op->attr_count; i++) {
        put_attr(out, &n->op->attrs[i], words);
        words += n->op->attrs[i].count;
    }
    mite_text_format(out, "\n");
}

// Gives the value the next number if it has none, and prints what it is.
static void introduce(mite_text *out, mite_ir_value *v, const char *kind, uint32_t *next) {
    if (v->mark) return;
    v->mark = ++*next;
    put_ref(out, v);
    put_type(out, v);
    mite_text_format(out, " %s", kind);
    if (v->origin) mite_text_format(out, " of %s", mite_ir_dtype_name(v->origin->dtype));
    mite_text_format(out, "\n");
}

// The graph, or one of its bodies.
static void put_graph(mite_text *out, const mite_ir_body *part, uint32_t *next) {
    for (size_t i = 0; i < part->input_count; i++)
        introduce(out, part->inputs[i].value, part->inputs[i].name, next);
    for (size_t i = 0; i < part->node_count; i++) {
        const mite_ir_node *n = part->nodes[i];
        for (size_t k = 0; k < n->input_count; k++) {
            if (n->inputs[k] && n->inputs[k]->data) introduce(out, n->inputs[k], "constant", next);
        }
        for (size_t k = 0; k < n->output_count; k++) n->outputs[k]->mark = ++*next;
        put_node(out, n);
    }
    for (size_t i = 0; i < part->output_count; i++) {
        mite_text_format(out, "%s = ", part->outputs[i].name);
        put_ref(out, part->outputs[i].value);
        mite_text_format(out, "\n");
    }
}

void mite_ir_print(mite_text *out, const mite_ir_graph *g) {
    uint32_t next = 0;
    const mite_ir_body whole = {.nodes = g->nodes,
                                .inputs = g->inputs,
                                .outputs = g->outputs,
                                .node_count = g->node_count,
                                .input_count = g->input_count,
                                .output_count = g->output_count};
    for (size_t i = 0; i < g->value_count; i++) g->values[i]->mark = 0;
    put_graph(out, &whole, &next);
    for (size_t i = g->body_count; i-- > 0;) { // outer ones first
        if (!g->bodies[i].output_count) continue; // swept
        mite_text_format(out, "body %z:\n", i);
        put_graph(out, &g->bodies[i], &next);
    }
}
