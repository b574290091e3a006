// SPDX-License-Identifier: Apache-2.0
// convert.h: somebody's model file in, a .mite file out.
//
//   mite_convert *c = mite_convert_new(NULL);
//   if (mite_convert_read(c, bytes, count) == MITE_OK &&        // parse, check, simplify
//       mite_convert_write(c, json, json_bytes, &out, &n) == MITE_OK) save(out, n), free(out);
//   else puts(mite_convert_error(c));
//   mite_convert_free(c);
//
// Between reading and writing the graph may be changed (convert/quantize/ does). Everything in a
// source file is hostile: a conversion ends in a file or in one sentence, never in a trap, and
// takes no more memory than it may.
#ifndef MITE_CONVERT_CONVERT_H
#define MITE_CONVERT_CONVERT_H

#include "import/import.h"
#include "quantize/quantize.h"
#include "write.h"

// [N, height, width, classes]: what each place of the last features adds to each class's score.
#define MITE_CLASS_MAP "class_map"

typedef struct mite_convert mite_convert;

typedef struct mite_convert_options {
    size_t max_bytes;       // for the graph, and half as much for running it; 0: 4 GiB
    int32_t keep_unoptimised; // 1: no passes, to compare with
    int32_t will_quantize; // 1: mite_convert_quantize follows mite_convert_read
    int32_t class_map; // 1: adds the output MITE_CLASS_MAP, or fails where there can be none
    const mite_import_shape *shapes; // for inputs whose shape the source leaves open; copied,
    size_t shape_count;              // but for the names
    // As in mite_import_options: files that lie beside the source.
    bool (*read_beside)(void *context, const char *name, uint64_t offset, void *to, size_t bytes);
    void *context;
    mite_digest_fn *digest; // SHA-256, where there is a faster one than the library's own
} mite_convert_options;

mite_convert *mite_convert_new(const mite_convert_options *options); // NULL without memory
void mite_convert_free(mite_convert *c);

// Reads a whole source file (ONNX, TensorFlow Lite) and simplifies its graph. The bytes may go afterwards.
mite_status mite_convert_read(mite_convert *c, const uint8_t *bytes, size_t byte_count);

// "" when none; the first error stays.
const char *mite_convert_error(const mite_convert *c);
// Lines about what the user should know, e.g. dimensions taken as 1; "" when none.
const char *mite_convert_warnings(const mite_convert *c);
// The format of the source, such as "onnx" or "tflite"; "" before it was read.
const char *mite_convert_format(const mite_convert *c);

// The graph after reading, for passes of other rooms; it belongs to the conversion.
mite_ir_graph *mite_convert_graph(mite_convert *c);

// Quantizes the graph to int8 by the examples given (convert/quantize/quantize.h).
mite_status mite_convert_quantize(mite_convert *c, const mite_quantize_options *options);

// The .mite file with this metadata (JSON, UTF-8, taken as it is); *out is the caller's to
// free(). May be called again, with other metadata or a changed graph.
mite_status mite_convert_write(mite_convert *c, const char *metadata, size_t metadata_bytes,
                               uint8_t **out, size_t *out_bytes);

// Runs the graph as it is now, and the source as it was read with no pass at all, on the same
// inputs: on the samples (as in mite_quantize_options), or where there are none on random ones. Sets the
// largest difference of an output, and the largest output.
typedef struct mite_convert_difference {
    double largest_difference, largest_value;
} mite_convert_difference;

mite_status mite_convert_check(mite_convert *c, const uint8_t *bytes, size_t byte_count,
                               const float *const *samples, size_t sample_count,
                               mite_convert_difference *out);

#endif
