// SPDX-License-Identifier: Apache-2.0
// What ir.c, ir_value.c and ir_infer.c share.
#ifndef MITE_CONVERT_IR_PRIVATE_H
#define MITE_CONVERT_IR_PRIVATE_H

#include "ir.h"

// Counts bytes against the graph's limit; false (and the graph failed) beyond it.
bool mite_ir_take_bytes(mite_ir_graph *g, size_t bytes);
bool mite_ir_list_value(mite_ir_graph *g, mite_ir_value *v);
bool mite_ir_list_port(mite_ir_graph *g, mite_ir_port **list, size_t *count, const char *name,
                       mite_ir_value *v);
void mite_ir_free_bodies(mite_ir_graph *g);
// The numbers known of a value under one or the other stand-ins, and how many there are.
static inline const void *mite_ir_guess(const mite_ir_value *v, bool other) {
    return other && v->guess_open ? v->other_guess : v->guess;
}
bool mite_ir_is_vague(const mite_ir_value *v); // of some open dimension nothing is known
size_t mite_ir_elements_of(const mite_ir_value *v, bool other);
bool mite_ir_list_node(mite_ir_graph *g, mite_ir_node *node);
// Makes room for one more item; false (and the graph failed) without memory.
bool mite_ir_grow(mite_ir_graph *g, void **items, size_t count, size_t *room, size_t item_bytes);

#endif
