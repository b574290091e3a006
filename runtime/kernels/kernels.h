// SPDX-License-Identifier: Apache-2.0
// Kernels: pure functions over pointers, strides and counts. They know no tensor, allocate
// nothing and cannot fail. One prototype per family, and a table that picks the versions.
//
// Files: f.c is the plain twin (reference, and fallback for every case), f_simd128.c and
// f_relaxed.c beside it cover the cases they are fast at. All strides count elements.
// A kernel reads and writes exactly what its arguments describe: no byte before or after, also
// not masked ones, so that sanitizers and canaries can hold it to that.
//
// Integer kernels give the same bits in every version. Rounding to u8 is, everywhere,
//   r   = (float)acc * scale            one f32 multiply, never fused
//   q   = bits(r + 12582912.0f) - 0x4B400000 + zero_point     round half to even
//   out = q saturated to i16, then to u8, then clamped to [lo, hi]
// which is exact rounding for |r| < 2^22, and what that formula gives elsewhere.
// f32 kernels may differ between versions by fused multiply-add and order of summation only.
#ifndef MITE_KERNELS_KERNELS_H
#define MITE_KERNELS_KERNELS_H

#include <stddef.h>
#include <stdint.h>

// --- Convolution and matrix product --------------------------------------------------------------
//
// Output pixel m = y * out_width + x, for m in [row0, row1), output channel n in
// [column0, column1) (column0 a multiple of 8):
//   acc = bias[n] + sum over segments s, k < segment_length:
//           input[y*in_row + x*in_pixel + segments[s] + k] * weight(n, s*segment_length + k)
// A k*k convolution over NHWC has KH segments of KW*C contiguous values (dilated or grouped:
// KH*KW segments); a 1x1 convolution or matrix product has one segment, {0}.
// The input must have a halo where the window leaves the picture.

typedef struct mite_conv_args {
    const void *input; // first tap of output pixel (0,0), f32 or u8
    void *output; // output pixel (0,0), channel 0 of this group
    const void *residual; // NULL, or added before the clamp; same type as the output
    const void *weights; // MITE_LAYOUT_CONV_F32 or _I8
    const void *bias; // f32 or i32, columns rounded up to 8; zero point already folded in
    const int32_t *segments;
    size_t segment_count, segment_length;
    size_t out_width, columns;
    size_t in_row, in_pixel, out_row, out_pixel, residual_row, residual_pixel;
    void *scratch; // scratch_bytes() of the family
    float lo, hi; // f32 output: clamp, after the residual. NaN passes through.
    // u8 input only:
    const float *scale; // per column, rounded up to 8
    int32_t pair_safe; // weights are MITE_VALUE_PAIR_SAFE
    int32_t zero_point; // of the output; with a residual: of the inner u8
    uint8_t q_lo, q_hi; // clamp in quanta, after the residual
    // u8 input and f32 output, rows of a matrix (out_width at least row1) quantized each on its own;
    // row_scale NULL: they are not.
    //   out = (float)(acc - row_zero[m] * sums[n]) * (row_scale[m] * scale[n]) + shift[n]
    // The product with sums and the difference wrap; shift may be NULL (none). The residual follows.
    const float *row_scale, *shift; // by output pixel; by column, rounded up to 8
    const int32_t *row_zero, *sums; // likewise; sums are those of each column's weights
    // u8 residual: inner = round to u8 as above; then
    // r = inner*inner_scale + (residual*residual_scale + offset), each operation rounded to f32,
    // q = bits(r + 12582912.0f) - 0x4B400000, saturated and clamped as above (no zero point).
    float inner_scale, residual_scale, offset;
} mite_conv_args;

typedef void mite_conv_fn(const mite_conv_args *a, size_t row0, size_t row1, size_t column0,
                          size_t column1);
// Scratch that one call over up to `rows` rows wants (bounded, whatever `rows` is).
typedef size_t mite_conv_scratch_fn(size_t rows, size_t segment_count, size_t segment_length);

// --- 3x3 convolution in f32, stride 1, by Winograd's F(4x4, 3x3) ---------------------------------
//
// A tile of 4x4 output pixels costs 36 products a pair of channels instead of 144: input tiles
// and weights are transformed, multiplied in 36 matrix products, and transformed back
// (Lavin & Gray 2015, with the points 0, +-2/3, +-3/2 and infinity, whose error is half of that of
// the usual 0, +-1, +-2; docs/kernels.md has the figures).
// Channels and columns are multiples of 4, output height and width at least 4. Tiles are counted
// along rows; the last one of a row or column begins where it still fits and overlaps the one
// before, whose pixels it leaves alone.

typedef struct mite_winograd_args {
    // As for a direct convolution, with `weights` transformed; segment_length is the number of
    // channels, segment_count and segments are unused.
    mite_conv_args conv;
    size_t out_height;
    mite_conv_fn *multiply; // conv_f32 of the same table
} mite_winograd_args;

// Tiles [tile0, tile1), columns [column0, column1), column0 a multiple of 8.
typedef void mite_winograd_fn(const mite_winograd_args *a, size_t tile0, size_t tile1,
                              size_t column0, size_t column1);
// Scratch for up to `tiles` tiles a call; `multiply` is what conv_f32 wants for as many rows.
typedef size_t mite_winograd_scratch_fn(size_t tiles, size_t channels, size_t columns,
                                        mite_conv_scratch_fn *multiply);
// From MITE_LAYOUT_CONV_F32 of 3x3 weights to 36 such layouts of 1x1 weights, one after another.
// `columns` is a multiple of 8.
typedef void mite_winograd_weights_fn(float *out, const float *packed, size_t channels,
                                      size_t columns);

// --- Depthwise convolution, multiplier 1 ---------------------------------------------------------
//
// Output rows [y0, y1): out(y,x,c) = bias[c] + sum over i<kernel_h, j<kernel_w:
//   input[y*in_row + x*in_pixel + i*tap_row + j*tap_pixel + c] * weight(i, j, c)

typedef struct mite_depthwise_args {
    const void *input; // first tap of output pixel (0,0)
    void *output;
    const void *weights; // MITE_LAYOUT_DEPTHWISE_F32 or _I8
    const void *bias; // f32 (channels rounded up to 4) or i32 (rounded up to 8)
    size_t channels, out_width, kernel_h, kernel_w, stride_w; // stride_w: in_pixel / tap step
    size_t in_row, in_pixel, tap_row, tap_pixel, out_row, out_pixel;
    float lo, hi;
    const float *scale; // u8: per channel, rounded up to 8
    int32_t zero_point;
    uint8_t q_lo, q_hi;
} mite_depthwise_args;

typedef void mite_depthwise_fn(const mite_depthwise_args *a, size_t y0, size_t y1);

// --- Pooling -------------------------------------------------------------------------------------
//
// Output rows [y0, y1); the window of output pixel (y,x) covers input rows
// [y*stride_h - pad_top, + kernel_h) and columns likewise, cut at the picture.
// MAX: largest value (same quantization in and out). AVERAGE: sum / count, where count is the
// cut window's size, or kernel_h*kernel_w with count_padding. u8 average:
//   r = ((float)sum - (float)(count_inside * in_zero_point)) * (ratio / (float)count)
//   with ratio = in_scale/out_scale, rounded as stated at the top with out_zero_point.

typedef struct mite_pool_args {
    const void *input; // pixel (0,0)
    void *output;
    size_t channels, in_height, in_width, out_width;
    size_t kernel_h, kernel_w, stride_h, stride_w, pad_top, pad_left;
    size_t in_row, in_pixel, out_row, out_pixel;
    int32_t count_padding;
    float ratio; // u8 average
    int32_t in_zero_point, out_zero_point;
} mite_pool_args;

typedef void mite_pool_fn(const mite_pool_args *a, size_t y0, size_t y1);

// --- Rows of values ------------------------------------------------------------------------------

// out[i] = min(max(a[i] + b[i], lo), hi)
typedef void mite_add_f32_fn(float *out, const float *a, const float *b, size_t count, float lo,
                             float hi);
// r = a[i]*a_scale + (b[i]*b_scale + offset); q = bits(r + 12582912.0f) - 0x4B400000;
// saturated, clamped: the residual formula of mite_conv_args.
typedef struct mite_add_u8_args {
    float a_scale, b_scale, offset;
    uint8_t lo, hi;
} mite_add_u8_args;
typedef void mite_add_u8_fn(uint8_t *out, const uint8_t *a, const uint8_t *b, size_t count,
                            const mite_add_u8_args *args);
typedef void mite_clamp_f32_fn(float *out, const float *in, size_t count, float lo, float hi);
// q = saturate_u8(bits(in/scale + 12582912.0f) - 0x4B400000 + zero_point), with
// in/scale first limited to [-2^21, 2^21]; NaN gives the lower limit.
typedef void mite_quantize_fn(uint8_t *out, const float *in, size_t count, float scale,
                              int32_t zero_point);
// out = (float)(in - zero_point) * scale
typedef void mite_dequantize_fn(float *out, const uint8_t *in, size_t count, float scale,
                                int32_t zero_point);
// Widens `range` by the least and the greatest of `in`; NaN is passed over.
typedef void mite_range_f32_fn(const float *in, size_t count, float range[2]);
typedef void mite_lookup_u8_fn(uint8_t *out, const uint8_t *in, size_t count,
                               const uint8_t table[256]);

// out[i] = e^(in[i] - largest) / sum of these; out may be in. NaN anywhere makes the whole row NaN.
typedef void mite_softmax_f32_fn(float *out, const float *in, size_t count);

// --- The table -----------------------------------------------------------------------------------

// Which isa a table holds at most: the values of mite_isa in mite.h but BEST.
typedef struct mite_kernels {
    int32_t isa; // what was really chosen
    struct {
        mite_conv_fn *run;
        mite_conv_scratch_fn *scratch_bytes;
        const char *name;
    } conv_f32, conv_u8, conv_u8_f32; // u8_f32: out = (float)acc * scale, clamped to [lo, hi]
    struct {
        mite_winograd_fn *run;
        mite_winograd_scratch_fn *scratch_bytes;
        mite_winograd_weights_fn *weights;
        const char *name;
    } winograd_f32;
    struct {
        mite_depthwise_fn *run;
        const char *name;
    } depthwise_f32, depthwise_u8;
    mite_pool_fn *max_pool_f32, *max_pool_u8, *average_pool_f32, *average_pool_u8;
    mite_add_f32_fn *add_f32;
    mite_add_u8_fn *add_u8;
    mite_clamp_f32_fn *clamp_f32;
    mite_quantize_fn *quantize;
    mite_dequantize_fn *dequantize;
    mite_range_f32_fn *range_f32;
    mite_lookup_u8_fn *lookup_u8;
    mite_softmax_f32_fn *softmax_f32;
} mite_kernels;

// Fills the table with the best versions this build has up to `isa` (0: best). In the relaxed
// build it first probes what the relaxed dot product does on this machine (docs/kernels.md) and
// takes only kernels whose result is exact here.
void mite_kernels_fill(mite_kernels *k, int32_t isa);
// With the plain versions, where kernels_plain.c is built to have them (MITE_KEEP_PLAIN).
void mite_kernels_fill_plain(mite_kernels *k);

// --- Beside the table ----------------------------------------------------------------------------
//
// What only operators of ops/more use, so that the core modules do not carry it. The version for
// an isa, as mite_kernels_fill chooses.

// out[i] = (in[i] - mean) / sqrt(variance + epsilon) * scale[i] + shift[i]; out may be in; scale and
// shift may be NULL (1, 0).
typedef void mite_layer_norm_f32_fn(float *out, const float *in, size_t count, float epsilon,
                                    const float *scale, const float *shift);
mite_layer_norm_f32_fn *mite_layer_norm_f32_for(int32_t isa);
// out[i] = x/2 (1 + erf(x/sqrt 2)) of x = in[i]; by_tanh: x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715
// x^3))) instead. Absolute errors below 1e-6 and 1e-6 |x|; of the rough ones, for rows that are rounded to
// u8, below 1.7e-4 and 4e-5 |x|. out may be in.
typedef enum mite_gelu_kind {
    MITE_GELU,
    MITE_GELU_BY_TANH,
    MITE_GELU_ROUGH,
    MITE_GELU_ROUGH_BY_TANH,
    MITE_GELU_KINDS
} mite_gelu_kind;
typedef void mite_gelu_f32_fn(float *out, const float *in, size_t count, mite_gelu_kind kind);
mite_gelu_f32_fn *mite_gelu_f32_for(int32_t isa);
// Eight columns of quantized weights of one group to the layout of convolution weights:
// out[k][8] = (q(k) - zero[8]) * scale[8] for k < depth, q u8 [depth][8], or with bits 4 instead of 8
// [depth/2, rounded up][8], even k in the low half. The same bits in every version.
typedef void mite_expand_f32_fn(float *out, const uint8_t *q, size_t depth, int32_t bits,
                                const float *scale, const uint8_t *zero);
mite_expand_f32_fn *mite_expand_f32_for(int32_t isa);
// A row quantized on its own. With lo = min(0, least) and hi = max(0, greatest), NaN passed over:
//   scale = (hi - lo) * (1 / 255), zero point = round(-lo * inverse), inverse = 255 / (hi - lo) or 0
// or, `symmetric`, with m = max(-lo, hi): scale = m * (1 / 127), zero point 128, inverse = 127 / m or 0.
// (0 where hi - lo or m is at most 1e-36)
//   out[i] = saturate_u8(round(in[i] * inverse) + zero point), NaN gives 0
typedef struct mite_row_quanta {
    float scale;
    int32_t zero_point;
} mite_row_quanta;
typedef mite_row_quanta mite_quantize_row_fn(uint8_t *out, const float *in, size_t count,
                                             int32_t symmetric);
// Columns [rows][columns] of `in` (step elements to the next row) quantized symmetrically, each on its
// own, as weights: out in MITE_LAYOUT_CONV_I8 with the rows as depth, padded with zeros, and the
// scale of each column, rounded up to 8 (0).
typedef void mite_quantize_columns_fn(int8_t *out, float *scale, const float *in, size_t rows,
                                      size_t columns, size_t step);
// out[i] = round(254 * 2^(in[i] - largest) + what rounding out[i - 8] left over), and their sum:
// softmax to the base 2, rounded so that many small numbers keep their sum. No in[i] is NaN.
typedef int32_t mite_softmax_u8_fn(uint8_t *out, const float *in, size_t count);
typedef struct mite_row_kernels {
    mite_quantize_row_fn *quantize_row;
    mite_quantize_columns_fn *quantize_columns;
    mite_softmax_u8_fn *softmax_u8;
} mite_row_kernels;
void mite_row_kernels_fill(mite_row_kernels *k, int32_t isa);

// b to the layout of convolution weights, times `scale`, columns beyond n as zeros:
// out[n/8][k][8] = b[k*k_step + n*n_step] * scale.
void mite_pack_product_f32(float *out, const float *b, size_t n, size_t k, size_t n_step,
                           size_t k_step, float scale);

// --- Packing (pack.c): used by the converter and the tests ---------------------------------------
//
// From dense OHWI f32 or i8 weights of one group, [n][k], or depthwise [kh][kw][c], to the
// layouts of graph.h. `out` has mite_layout_bytes of room and is written whole.
void mite_pack_conv_f32(float *out, const float *w, size_t n, size_t k);
void mite_pack_conv_i8(int8_t *out, const int8_t *w, size_t n, size_t k);
void mite_pack_depthwise_f32(float *out, const float *w, size_t kh, size_t kw, size_t c);
void mite_pack_depthwise_i8(int8_t *out, const int8_t *w, size_t kh, size_t kw, size_t c);
// The inverses, for tools that show or requantize a packed model.
void mite_unpack_conv_f32(float *w, const float *packed, size_t n, size_t k);
void mite_unpack_conv_i8(int8_t *w, const int8_t *packed, size_t n, size_t k);
void mite_unpack_depthwise_f32(float *w, const float *packed, size_t kh, size_t kw, size_t c);
void mite_unpack_depthwise_i8(int8_t *w, const int8_t *packed, size_t kh, size_t kw, size_t c);

#endif
