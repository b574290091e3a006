// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include <stdlib.h>
#include <string.h>

static size_t round_up(size_t a, size_t unit) { return (a + unit - 1) / unit * unit; }

static void check_one(bool u8) {
    static const size_t kernels[] = {3, 5, 3, 5, 1, 2, 7, 9};
    mite_depthwise_args a = {0};
    size_t kernel = kernels[check_bits() % 8], stride = check_pick(1, 3), out_h = check_pick(1, 5);
    size_t item = u8 ? 1 : 4, dilation = check_bits() % 4 ? 1 : 2;
    a.kernel_h = kernel;
    a.kernel_w = check_bits() % 5 ? kernel : check_pick(1, 4);
    a.channels = check_pick(1, 37);
    a.out_width = check_pick(1, 17);
    a.stride_w = stride;
    size_t in_w = (a.out_width - 1) * stride + (a.kernel_w - 1) * dilation + 1;
    size_t in_h = (out_h - 1) * stride + (a.kernel_h - 1) * dilation + 1;
    a.tap_pixel = dilation * a.channels;
    a.tap_row = dilation * in_w * a.channels;
    a.in_pixel = stride * a.channels;
    a.in_row = stride * in_w * a.channels;
    a.out_pixel = a.channels;
    a.out_row = a.out_width * a.channels + check_bits() % 3;
    if (dilation > 1 || a.kernel_h != a.kernel_w) a.stride_w = 9; // no fast tile fits
    size_t c8 = round_up(a.channels, 8), taps = a.kernel_h * a.kernel_w;
    size_t bytes = out_h * a.out_row * item;
    uint8_t *input = check_exact(in_w * in_h * a.channels * item);
    float *scale = check_exact(c8 * sizeof *scale);
    uint8_t *bias = check_exact(c8 * 4), *weights, *dense;
    unsigned manner = check_bits() % 64;
    if (u8) {
        dense = check_exact(taps * a.channels);
        weights = check_exact(c8 * round_up(a.kernel_h, 2) * a.kernel_w);
        check_fill_bytes(input, in_w * in_h * a.channels, manner);
        check_fill_bytes(dense, taps * a.channels, manner / 4);
        mite_pack_depthwise_i8((int8_t *)weights, (int8_t *)dense, a.kernel_h, a.kernel_w,
                               a.channels);
        for (size_t i = 0; i < c8; i++)
            ((int32_t *)(void *)bias)[i] = (int32_t)(check_bits() % 9999);
    } else {
        dense = check_exact(taps * a.channels * 4);
        weights = check_exact(round_up(a.channels, 4) * taps * 4);
        check_fill_f32((float *)(void *)input, in_w * in_h * a.channels);
        check_fill_f32((float *)(void *)dense, taps * a.channels);
        mite_pack_depthwise_f32((float *)(void *)weights, (float *)(void *)dense, a.kernel_h,
                                a.kernel_w, a.channels);
        check_fill_f32((float *)(void *)bias, c8);
    }
    for (size_t i = 0; i < c8; i++) scale[i] = manner % 7 ? 0.01f : 1e18f;
    a.input = input;
    a.weights = weights;
    a.bias = bias;
    a.scale = scale;
    a.lo = 0.0f;
    a.hi = check_bits() % 2 ? 1.0f : 1e30f;
    a.zero_point = (int32_t)(check_bits() % 256);
    a.q_lo = (uint8_t)(check_bits() % 50);
    a.q_hi = 250;
    check_block expected = check_new_block(bytes);
    a.output = expected.data;
    (u8 ? check_plain.depthwise_u8.run : check_plain.depthwise_f32.run)(&a, 0, out_h);
    for (size_t v = 0; v < check_version_count; v++) {
        const mite_kernels *k = &check_versions[v].table;
        mite_depthwise_fn *fn = u8 ? k->depthwise_u8.run : k->depthwise_f32.run;
        check_block whole = check_new_block(bytes), shares = check_new_block(bytes);
        size_t cut = check_pick(0, out_h);
        a.output = whole.data;
        fn(&a, 0, out_h);
        a.output = shares.data;
        fn(&a, cut, out_h);
        fn(&a, 0, cut);
        bool same = u8 ? !memcmp(whole.data, expected.data, bytes)
                       : check_close((float *)(void *)whole.data, (float *)(void *)expected.data,
                                     bytes / 4, taps);
        check_that(same, u8 ? "depthwise_u8" : "depthwise_f32", check_versions[v].name);
        check_that(!memcmp(whole.data, shares.data, bytes), "depthwise in shares",
                   check_versions[v].name);
        check_that(check_canaries(&whole) && check_canaries(&shares), "depthwise canaries",
                   check_versions[v].name);
        check_free_block(&whole);
        check_free_block(&shares);
    }
    check_free_block(&expected);
    free(input);
    free(scale);
    free(bias);
    free(weights);
    free(dense);
}

void check_depthwise(void) {
    check_one(false);
    check_one(true);
}
