// SPDX-License-Identifier: Apache-2.0
// stb_image (from the system's package) as this room uses it: its entropy decoders and filters,
// called from our own readers of the containers. Include it once per file, after defining
// STBI_ONLY_JPEG or STBI_ONLY_PNG; everything in it is then static and what is unused is dropped.
#ifndef MITE_IMAGE_STB_H
#define MITE_IMAGE_STB_H

#include <stddef.h>
#include <stdlib.h>

// Zeroed, since some paths of stb_image read tables that a damaged file never filled; the cap
// backs up the check of the header, which comes first and is stricter.
static void *stb_new(size_t bytes) { return bytes < (size_t)1 << 31 ? calloc(1, bytes) : NULL; }

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_NO_STDIO
#define STBI_NO_HDR
#define STBI_NO_LINEAR
#define STBI_NO_SIMD
#define STBI_NO_THREAD_LOCALS
#define STBI_NO_FAILURE_STRINGS
#define STBI_MAX_DIMENSIONS (1 << 28)
#define STBI_ASSERT(condition) ((void)0)
#define STBI_MALLOC(bytes) stb_new(bytes)
#define STBI_REALLOC(p, bytes) realloc(p, bytes)
#define STBI_FREE(p) free(p)

// On damaged data its sums wrap and its bit reader shifts zero bits too far. Both only change
// the value of pixels that are wrong already, so these two checks stay off for its functions.
// Unrolled and inlined they take 4 kB more (gzip) and no less time.
#if defined(__clang__)
#pragma clang attribute push(                                                            \
    __attribute__((no_sanitize("signed-integer-overflow", "shift"), minsize, noinline)), \
    apply_to = function)
#endif
#include <stb_image.h>
#if defined(__clang__)
#pragma clang attribute pop
#endif

#endif
