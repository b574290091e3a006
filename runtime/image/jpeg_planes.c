// SPDX-License-Identifier: Apache-2.0
// Inverse DCT, chroma upsampling and colour conversion. stb_image has its own, which differ from
// libjpeg-turbo's by up to a few levels; models are trained on what libjpeg-turbo gives.
#include "jpeg_planes.h"

// --- Inverse DCT ---------------------------------------------------------------------------------
//
// One dimension is an 8 x 8 matrix product, split by symmetry: the even coefficients give the
// sums of mirrored samples, the odd ones their differences. The constants are
// 8192 * sqrt(2) * cos(k * pi / 16), off by one where libjpeg's factored form adds up constants
// that were rounded one by one.

#define DCT_BITS 13
#define PASS_BITS 2 // extra precision kept between the two passes

static int32_t clamp_16(int32_t v) { return v < -32768 ? -32768 : v > 32767 ? 32767 : v; }
static uint8_t clamp_8(int32_t v) { return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v); }

// v[0..7], `step` apart, within 16 bits -> sums[0..7] in sample order, within 32 bits.
static void idct_line(int32_t sums[8], const int32_t *v, size_t step) {
    int32_t v1 = v[step], v2 = v[2 * step], v3 = v[3 * step], v5 = v[5 * step];
    int32_t v6 = v[6 * step], v7 = v[7 * step];
    int32_t sum = (v[0] + v[4 * step]) * (1 << DCT_BITS);
    int32_t difference = (v[0] - v[4 * step]) * (1 << DCT_BITS);
    int32_t near = 10703 * v2 + 4433 * v6, far = 4433 * v2 - 10704 * v6;
    int32_t even[4] = {sum + near, difference + far, difference - far, sum - near};
    int32_t odd[4] = {
        11363 * v1 + 9633 * v3 + 6437 * v5 + 2260 * v7,
        9633 * v1 - 2259 * v3 - 11362 * v5 - 6436 * v7,
        6437 * v1 - 11362 * v3 + 2261 * v5 + 9633 * v7,
        2260 * v1 - 6436 * v3 + 9633 * v5 - 11363 * v7,
    };
    for (size_t i = 0; i < 4; i++) {
        sums[i] = even[i] + odd[i];
        sums[7 - i] = even[i] - odd[i];
    }
}

void mite_jpeg_idct(uint8_t *out, int out_stride, short coefficients[64]) {
    enum { FIRST_SHIFT = DCT_BITS - PASS_BITS, LAST_SHIFT = DCT_BITS + PASS_BITS + 3 };
    int32_t between[64], sums[8]; // between: [column][row]
    for (size_t column = 0; column < 8; column++) {
        int32_t v[8], ac = 0;
        for (size_t row = 0; row < 8; row++) v[row] = coefficients[8 * row + column];
        for (size_t row = 1; row < 8; row++) ac |= v[row];
        if (ac) idct_line(sums, v, 1);
        for (size_t row = 0; row < 8; row++) {
            int32_t sum = ac ? (sums[row] + (1 << (FIRST_SHIFT - 1))) >> FIRST_SHIFT
                             : v[0] * (1 << PASS_BITS);
            between[8 * column + row] = clamp_16(sum); // only damaged data leaves 16 bits
        }
    }
    for (size_t row = 0; row < 8; row++) {
        uint8_t *line = out + (ptrdiff_t)out_stride * (ptrdiff_t)row;
        idct_line(sums, between + row, 8);
        for (size_t column = 0; column < 8; column++)
            line[column] = clamp_8(((sums[column] + (1 << (LAST_SHIFT - 1))) >> LAST_SHIFT) + 128);
    }
}

// --- Upsampling ----------------------------------------------------------------------------------
//
// By 2 a new sample lies a quarter off the old ones: 3/4 of the nearer, 1/4 of the farther.
// Roundings alternate so that they do not add up to a shift.

static void twice_across(uint8_t *out, const uint8_t *in, size_t width) {
    for (size_t i = 0; i < width; i++) {
        int left = in[i ? i - 1 : 0], right = in[i + 1 < width ? i + 1 : i], here = 3 * in[i];
        out[2 * i] = (uint8_t)((here + left + 1) >> 2);
        out[2 * i + 1] = (uint8_t)((here + right + 2) >> 2);
    }
}

static void twice_down(uint8_t *out, const uint8_t *near, const uint8_t *far, size_t width,
                       int rounding) {
    for (size_t i = 0; i < width; i++) out[i] = (uint8_t)((3 * near[i] + far[i] + rounding) >> 2);
}

static void twice_both(uint8_t *out, const uint8_t *near, const uint8_t *far, size_t width) {
    int left = 3 * near[0] + far[0], here = left;
    for (size_t i = 0; i < width; i++) {
        size_t next = i + 1 < width ? i + 1 : i;
        int right = 3 * near[next] + far[next];
        out[2 * i] = (uint8_t)((3 * here + left + 8) >> 4);
        out[2 * i + 1] = (uint8_t)((3 * here + right + 7) >> 4);
        left = here;
        here = right;
    }
}

static void repeat(uint8_t *out, const uint8_t *in, size_t width, size_t times) {
    for (size_t i = 0; i < width; i++)
        for (size_t k = 0; k < times; k++) *out++ = in[i];
}

static const uint8_t *plane_row(const mite_jpeg_plane *plane, size_t row) {
    return plane->data + plane->stride * (row < plane->height ? row : plane->height - 1);
}

const uint8_t *mite_jpeg_upsample(const mite_jpeg_plane *plane, size_t y, uint8_t *buffer) {
    size_t row = y / plane->down, width = plane->width;
    const uint8_t *near = plane_row(plane, row), *far = near;
    if (plane->down == 2)
        far = y % 2 ? plane_row(plane, row + 1) : plane_row(plane, row ? row - 1 : 0);
    if (plane->across == 1 && plane->down == 1) return near;
    if (plane->across == 1 && plane->down == 2) twice_down(buffer, near, far, width, y % 2 ? 2 : 1);
    else if (plane->across == 2 && plane->down == 1 && width > 2) twice_across(buffer, near, width);
    else if (plane->across == 2 && plane->down == 2 && width > 2)
        twice_both(buffer, near, far, width);
    else repeat(buffer, near, width, plane->across);
    return buffer;
}

// --- Colour --------------------------------------------------------------------------------------

static void join(uint8_t *out, const uint8_t *red, const uint8_t *green, const uint8_t *blue,
                 size_t width) {
    for (size_t x = 0; x < width; x++) {
        out[3 * x] = red[x];
        out[3 * x + 1] = green[x];
        out[3 * x + 2] = blue[x];
    }
}

static void ycc_to_rgb(uint8_t *out, const uint8_t *luma, const uint8_t *blue, const uint8_t *red,
                       size_t width) {
    const int32_t half = 1 << 15; // the factors are 65536 times those of JFIF
    for (size_t x = 0; x < width; x++) {
        int32_t y = luma[x], cb = blue[x] - 128, cr = red[x] - 128;
        out[3 * x] = clamp_8(y + ((91881 * cr + half) >> 16));
        out[3 * x + 1] = clamp_8(y + ((-22554 * cb - 46802 * cr + half) >> 16));
        out[3 * x + 2] = clamp_8(y + ((116130 * cb + half) >> 16));
    }
}

// Colour times black, both inverted ink; `flip` where the colour is not inverted yet.
static void multiply_black(uint8_t *out, const uint8_t *black, size_t width, uint8_t flip) {
    for (size_t x = 0; x < width; x++)
        for (size_t c = 0; c < 3; c++) {
            uint32_t colour = out[3 * x + c] ^ flip;
            out[3 * x + c] = (uint8_t)((colour * black[x] + 127) / 255);
        }
}

void mite_jpeg_to_rgb(uint8_t *out, const uint8_t *const rows[4], size_t width,
                      mite_jpeg_colour colour) {
    switch (colour) {
    case MITE_JPEG_GREY: join(out, rows[0], rows[0], rows[0], width); break;
    case MITE_JPEG_RGB:
    case MITE_JPEG_CMYK: join(out, rows[0], rows[1], rows[2], width); break;
    case MITE_JPEG_YCC:
    case MITE_JPEG_YCCK: ycc_to_rgb(out, rows[0], rows[1], rows[2], width); break;
    }
    if (colour == MITE_JPEG_CMYK) multiply_black(out, rows[3], width, 0);
    if (colour == MITE_JPEG_YCCK) multiply_black(out, rows[3], width, 255);
}
