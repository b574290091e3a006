// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include <stdlib.h>
#include <string.h>

typedef struct family {
    const char *name;
    size_t offset; // of the function in mite_kernels
    bool u8;
} family;

static mite_pool_fn *function_of(const mite_kernels *k, const family *f) {
    mite_pool_fn *fn;
    memcpy(&fn, (const uint8_t *)k + f->offset, sizeof fn);
    return fn;
}

static void check_family(const family *f) {
    mite_pool_args a = {0};
    a.channels = check_pick(1, 40);
    a.in_height = check_pick(1, 9);
    a.in_width = check_pick(1, 9);
    a.kernel_h = check_pick(1, 4);
    a.kernel_w = check_pick(1, 4);
    a.stride_h = check_pick(1, 3);
    a.stride_w = check_pick(1, 3);
    a.pad_top = check_bits() % a.kernel_h;
    a.pad_left = check_bits() % a.kernel_w;
    // Every window keeps at least one pixel.
    size_t out_h = (a.in_height - 1 + a.pad_top) / a.stride_h + 1;
    a.out_width = (a.in_width - 1 + a.pad_left) / a.stride_w + 1;
    a.in_pixel = a.out_pixel = a.channels;
    a.in_row = a.in_width * a.channels;
    a.out_row = a.out_width * a.channels;
    a.count_padding = (int32_t)(check_bits() % 2);
    a.ratio = 1.7f;
    a.in_zero_point = (int32_t)(check_bits() % 256);
    a.out_zero_point = (int32_t)(check_bits() % 256);
    size_t item = f->u8 ? 1 : 4, count = a.in_height * a.in_row, bytes = out_h * a.out_row * item;
    uint8_t *input = check_exact(count * item);
    if (f->u8) check_fill_bytes(input, count, check_bits());
    else check_fill_f32((float *)(void *)input, count);
    a.input = input;
    check_block expected = check_new_block(bytes);
    a.output = expected.data;
    function_of(&check_plain, f)(&a, 0, out_h);
    for (size_t v = 0; v < check_version_count; v++) {
        check_block out = check_new_block(bytes);
        a.output = out.data;
        size_t cut = check_pick(0, out_h);
        function_of(&check_versions[v].table, f)(&a, 0, cut);
        function_of(&check_versions[v].table, f)(&a, cut, out_h);
        check_that(!memcmp(out.data, expected.data, bytes), f->name, check_versions[v].name);
        check_that(check_canaries(&out), "pool canaries", check_versions[v].name);
        check_free_block(&out);
    }
    check_free_block(&expected);
    free(input);
}

void check_pool(void) {
    static const family families[] = {
        {"max_pool_f32", offsetof(mite_kernels, max_pool_f32), false},
        {"max_pool_u8", offsetof(mite_kernels, max_pool_u8), true},
        {"average_pool_f32", offsetof(mite_kernels, average_pool_f32), false},
        {"average_pool_u8", offsetof(mite_kernels, average_pool_u8), true},
    };
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) check_family(&families[i]);
}
