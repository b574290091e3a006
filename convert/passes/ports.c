// SPDX-License-Identifier: Apache-2.0
// In a .mite file an output is a value that a node computes, under its own name. Where the source
// has one value as two outputs, or hands an input through, an identity makes a value of its own.
#include "passes/passes.h"

static bool is_taken(const mite_ir_graph *g, size_t index) {
    const mite_ir_value *v = g->outputs[index].value;
    if (!v->producer && !mite_ir_is_constant(v)) return true;
    for (size_t i = 0; i < index; i++) {
        if (g->outputs[i].value == v) return true;
    }
    return false;
}

bool mite_pass_ports(mite_ir_graph *g) {
    bool changed = false;
    for (size_t i = 0; i < g->output_count; i++) {
        mite_ir_value *v = g->outputs[i].value;
        if (!is_taken(g, i)) continue;
        mite_ir_value *copy =
            MITE_IR_EMIT(g, .op = "identity", .name = g->outputs[i].name, .inputs = {v},
                         .scale = v->scale, .zero_point = v->zero_point);
        if (!copy) return changed;
        v->uses--;
        copy->uses++;
        g->outputs[i].value = copy;
        changed = true;
    }
    return changed;
}
