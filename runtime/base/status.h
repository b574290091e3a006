// SPDX-License-Identifier: Apache-2.0
// The one error type: a status and a sentence in a fixed buffer, so that reporting an error
// never allocates. mite_fail formats without the printf family, which would triple the module.
#ifndef MITE_BASE_STATUS_H
#define MITE_BASE_STATUS_H

#include "../mite.h"

#include <stdarg.h>

typedef struct mite_error {
    mite_status status;
    char text[256]; // UTF-8, cut with "…" where too long
} mite_error;

// Sets *error (which may be NULL) and returns `status`. The format knows:
//   %s  const char *, may be NULL     %q  the same in '…', control bytes shown as ?
//   %d  int32_t    %u  uint32_t    %z  size_t    %D  int64_t    %U  uint64_t    %x  uint32_t hex
//   %T  size_t rank, const int32_t * shape, printed as [1,3,224,224]
//   %%
// The first error wins: a second mite_fail on a failed error keeps the first sentence.
mite_status mite_fail(mite_error *error, mite_status status, const char *format, ...);

// The same formatting into any buffer; returns the length written, without the final NUL.
size_t mite_format(char *out, size_t out_bytes, const char *format, ...);
// The same for callers that have variable arguments of their own; out_bytes is at least 1.
size_t mite_format_list(char *out, size_t out_bytes, const char *format, va_list *args);

#endif
