// SPDX-License-Identifier: Apache-2.0
#include "support.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

bytes read_bytes(const char *path) {
    bytes b = {0};
    FILE *file = fopen(path, "rb");
    if (!file) return b;
    size_t room = 4096;
    b.data = malloc(room);
    for (size_t got = 1; b.data && got;) {
        if (b.count == room) {
            uint8_t *more = realloc(b.data, room *= 2);
            if (!more) break;
            b.data = more;
        }
        got = fread(b.data + b.count, 1, room - b.count, file);
        b.count += got;
    }
    fclose(file);
    return b;
}

mite_pixels read_ppm(const char *path) {
    mite_pixels p = {0};
    FILE *file = fopen(path, "rb");
    if (!file) return p;
    if (fscanf(file, "P6 %zu %zu 255", &p.width, &p.height) == 2 && fgetc(file) == '\n') {
        size_t count = 3 * p.width * p.height;
        p.data = malloc(count);
        if (!p.data || fread(p.data, 1, count, file) != count) mite_pixels_free(&p);
    }
    fclose(file);
    return p;
}

int largest_difference(const mite_pixels *a, const mite_pixels *b) {
    if (!a->data || !b->data || a->width != b->width || a->height != b->height) return 256;
    int largest = 0;
    for (size_t i = 0; i < 3 * a->width * a->height; i++) {
        int difference = abs(a->data[i] - b->data[i]);
        if (difference > largest) largest = difference;
    }
    return largest;
}

static int failure_count;

bool check(bool ok, const char *format, ...) {
    if (ok) return true;
    failure_count++;
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return false;
}

int failures(void) { return failure_count; }

uint32_t next_random(uint32_t *state) {
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}
