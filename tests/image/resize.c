// SPDX-License-Identifier: Apache-2.0
// Cropping, resizing and normalising: every level equal to Pillow's, in both filters and all
// three ways to fit; refused specifications; the layouts of the tensor.
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The same bytes as noise() in make_fixtures.py.
static mite_pixels noise(size_t width, size_t height, bool hard) {
    mite_pixels p = {malloc(3 * width * height), width, height};
    uint32_t state = (uint32_t)(width * 65599 + height);
    for (size_t i = 0; p.data && i < 3 * width * height; i++) {
        uint8_t value = (uint8_t)(next_random(&state) >> 16);
        p.data[i] = hard ? (value > 127 ? 255 : 0) : value;
    }
    return p;
}

static void check_golden(const char *line) {
    char fit[16], name[64], path[128];
    int hard, percent;
    size_t width, height;
    mite_image_spec spec = {0};
    if (!check(sscanf(line, "%15s %d %d %zu %zu %d %d %d %d %63s", fit, &spec.filter, &hard, &width,
                      &height, &spec.width, &spec.height, &spec.resize_to, &percent, name) == 10,
               "list.txt: cannot read '%s'", line))
        return;
    spec.fit = !strcmp(fit, "centre")    ? MITE_FIT_CENTER_CROP
               : !strcmp(fit, "contain") ? MITE_FIT_CONTAIN
               : !strcmp(fit, "stretch") ? MITE_FIT_STRETCH
                                         : MITE_FIT_RESIZE_CROP;
    spec.pad_rgb = 0x7201ff;
    spec.crop_fraction = (float)percent / 100;
    snprintf(path, sizeof path, FIXTURES "resize/%s", name);
    mite_pixels in = noise(width, height, hard), expected = read_ppm(path), out;
    mite_error error = {0};
    mite_status status = mite_image_fit(&out, &in, &spec, &error);
    check(!status, "%s: %s", name, error.text);
    int difference = largest_difference(&out, &expected);
    check(difference == 0, "%s: differs by up to %d levels", name, difference);
    mite_pixels_free(&in);
    mite_pixels_free(&expected);
    mite_pixels_free(&out);
}

static int check_goldens(void) {
    char line[256];
    int count = 0;
    FILE *list = fopen(FIXTURES "resize/list.txt", "r");
    if (!check(list != NULL, "list.txt of the resize fixtures cannot be read")) return 0;
    for (; fgets(line, sizeof line, list); count++) check_golden(line);
    fclose(list);
    return count;
}

static void check_refused(mite_image_spec spec, mite_pixels in, const char *word) {
    mite_pixels out = in;
    mite_error error = {0};
    mite_status status = mite_image_fit(&out, &in, &spec, &error);
    check(status == MITE_ERR_ARGUMENT, "a specification was not refused for its %s", word);
    check(!out.data, "a refused specification left a picture");
    check(strstr(error.text, word) != NULL, "'%s' does not say '%s'", error.text, word);
}

static void check_refusals(void) {
    uint8_t pixel[3] = {1, 2, 3};
    mite_pixels in = {pixel, 1, 1}, none = {0};
    const mite_image_spec good = {.width = 4, .height = 4, .fit = MITE_FIT_STRETCH, .filter = 1};
    mite_image_spec spec = good;
    check_refused(good, none, "no picture");
    spec.width = 0;
    check_refused(spec, in, "0x4");
    spec.width = 1 << 20;
    check_refused(spec, in, "1048576x4");
    spec = good;
    spec.fit = 5;
    check_refused(spec, in, "fit 5");
    spec = good;
    spec.filter = 3;
    check_refused(spec, in, "filter 3");
    spec = good;
    spec.crop_fraction = 1.5f;
    check_refused(spec, in, "crop fraction");
    spec.crop_fraction = (float)atof("nan");
    check_refused(spec, in, "crop fraction");
    spec = good;
    spec.fit = MITE_FIT_RESIZE_CROP;
    spec.resize_to = 3;
    check_refused(spec, in, "resize_to");
}

// The longest pictures: sizes whose products leave 32 bits.
static void check_extremes(void) {
    const mite_image_spec wide = {
        .width = 3, .height = 2, .fit = MITE_FIT_RESIZE_CROP, .filter = 2, .resize_to = 65536};
    mite_pixels in = noise(200000, 1, false), out;
    mite_error error = {0};
    check(!mite_image_fit(&out, &in, &wide, &error), "200000x1: %s", error.text);
    // Each source pixel becomes 65536: the centre lies within a few of them, far from black.
    check(out.data && out.width == 3 && out.height == 2, "200000x1: wrong size");
    mite_pixels_free(&out);
    mite_pixels_free(&in);
}

static void check_layouts(void) {
    uint8_t values[] = {0, 127, 255, 10, 20, 30};
    const mite_pixels in = {values, 2, 1};
    mite_image_spec spec = {.width = 2, .height = 1, .mean = {127, 1, 0}, .scale = {0.5f, 2, 1}};
    static const float expected[2][2][6] = {
                                             // [channels_first][bgr]
        {{-63.5f, 252, 255, -58.5f, 38, 30}, {255, 252, -63.5f, 30, 38, -58.5f}},
        {{-63.5f, -58.5f, 252, 38, 255, 30}, {255, 30, 252, 38, -63.5f, -58.5f}},
    };
    for (spec.channels_first = 0; spec.channels_first < 2; spec.channels_first++)
        for (spec.channels = 0; spec.channels < 2; spec.channels++) {
            float out[6];
            mite_image_normalise(out, &in, &spec);
            const float *right = expected[spec.channels_first][spec.channels];
            for (size_t i = 0; i < 6; i++)
                check(out[i] == right[i], "channels_first %d, bgr %d: value %zu is %g, not %g",
                      spec.channels_first, spec.channels, i, (double)out[i], (double)right[i]);
        }
}

static void check_gray(void) {
    uint8_t values[] = {255, 0, 0, 10, 20, 30}; // Pillow's luma: 76 and 18
    const mite_pixels in = {values, 2, 1};
    const mite_image_spec spec = {
        .width = 2, .height = 1, .channels = MITE_CHANNELS_GRAY, .mean = {6}, .scale = {0.5f}};
    float out[3] = {0, 0, 99};
    mite_image_normalise(out, &in, &spec);
    check(out[0] == 35 && out[1] == 6 && out[2] == 99, "gray: %g %g %g, not 35 6 99",
          (double)out[0], (double)out[1], (double)out[2]);
}

static void check_seen(mite_image_spec spec, mite_image_region right) {
    mite_image_region seen = mite_image_seen(200, 100, &spec);
    check(seen.x == right.x && seen.y == right.y && seen.width == right.width &&
              seen.height == right.height,
          "fit %d shows %g %g %g %g of the picture, not %g %g %g %g", spec.fit, seen.x, seen.y,
          seen.width, seen.height, right.x, right.y, right.width, right.height);
}

static void check_regions(void) {
    mite_image_spec spec = {.width = 50, .height = 50, .fit = MITE_FIT_STRETCH};
    check_seen(spec, (mite_image_region){0, 0, 200, 100});
    spec.fit = MITE_FIT_CONTAIN;
    check_seen(spec, (mite_image_region){0, -48, 200, 200}); // 12 rows of padding, 4 pixels each
    spec.fit = MITE_FIT_CENTER_CROP;
    check_seen(spec, (mite_image_region){50, 0, 100, 100});
    spec.fit = MITE_FIT_RESIZE_CROP;
    spec.resize_to = 100;
    check_seen(spec, (mite_image_region){75, 25, 50, 50});
}

int main(void) {
    int goldens = check_goldens();
    check(goldens > 40, "only %d goldens were found", goldens);
    check_refusals();
    check_extremes();
    check_layouts();
    check_gray();
    check_regions();
    printf("resize: %d pictures equal Pillow's to the level, %d failures\n", goldens, failures());
    return failures() != 0;
}
