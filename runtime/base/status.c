// SPDX-License-Identifier: Apache-2.0
// Error sentences: a formatter of a few hundred bytes.
#include "status.h"

#include <stdbool.h>

typedef struct text_out {
    char *at, *end; // one byte is kept back for the NUL
    bool cut;
} text_out;

static void put(text_out *out, char c) {
    if (out->at < out->end) *out->at++ = c;
    else out->cut = true;
}

static void put_text(text_out *out, const char *s) {
    for (s = s ? s : "(none)"; *s; s++) put(out, *s);
}

// Names come from files: control bytes must not reach a terminal.
static void put_quoted(text_out *out, const char *s) {
    put(out, '\'');
    for (s = s ? s : "(none)"; *s; s++) {
        unsigned char c = (unsigned char)*s;
        put(out, c < 0x20 || c == 0x7f ? '?' : *s);
    }
    put(out, '\'');
}

static void put_unsigned(text_out *out, uint64_t value, unsigned base) {
    char digits[20];
    size_t count = 0;
    do {
        digits[count++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    while (count) put(out, digits[--count]);
}

static void put_signed(text_out *out, int64_t value) {
    if (value < 0) put(out, '-');
    put_unsigned(out, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 10);
}

static void put_shape(text_out *out, size_t rank, const int32_t *shape) {
    put(out, '[');
    for (size_t i = 0; i < rank; i++) {
        if (i) put(out, ',');
        put_signed(out, shape[i]);
    }
    put(out, ']');
}

static void put_conversion(text_out *out, char conversion, va_list *args) {
    switch (conversion) {
    case 's': put_text(out, va_arg(*args, const char *)); break;
    case 'q': put_quoted(out, va_arg(*args, const char *)); break;
    case 'd': put_signed(out, va_arg(*args, int32_t)); break;
    case 'u': put_unsigned(out, va_arg(*args, uint32_t), 10); break;
    case 'x': put_unsigned(out, va_arg(*args, uint32_t), 16); break;
    case 'z': put_unsigned(out, va_arg(*args, size_t), 10); break;
    case 'D': put_signed(out, va_arg(*args, int64_t)); break;
    case 'U': put_unsigned(out, va_arg(*args, uint64_t), 10); break;
    case 'T': {
        size_t rank = va_arg(*args, size_t);
        put_shape(out, rank, va_arg(*args, const int32_t *));
        break;
    }
    default: put(out, conversion); break;
    }
}

size_t mite_format_list(char *buffer, size_t buffer_bytes, const char *format, va_list *args) {
    text_out out = {buffer, buffer + buffer_bytes - 1, false};
    for (; *format; format++) {
        if (*format != '%' || !format[1]) put(&out, *format);
        else put_conversion(&out, *++format, args);
    }
    if (out.cut && buffer_bytes > 4) {
        // Step back over a split UTF-8 sequence, then mark the cut.
        char *at = out.end - 3;
        while (at > buffer && ((unsigned char)*at & 0xc0) == 0x80) at--;
        out.at = at;
        *out.at++ = '\xe2';
        *out.at++ = '\x80';
        *out.at++ = '\xa6';
    }
    *out.at = 0;
    return (size_t)(out.at - buffer);
}

size_t mite_format(char *out, size_t out_bytes, const char *format, ...) {
    va_list args;
    if (!out_bytes) return 0;
    va_start(args, format);
    size_t length = mite_format_list(out, out_bytes, format, &args);
    va_end(args);
    return length;
}

mite_status mite_fail(mite_error *error, mite_status status, const char *format, ...) {
    if (!error || error->status < 0) return status;
    error->status = status;
    va_list args;
    va_start(args, format);
    mite_format_list(error->text, sizeof error->text, format, &args);
    va_end(args);
    return status;
}
