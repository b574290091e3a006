// SPDX-License-Identifier: Apache-2.0
// The one EXIF entry that changes a picture: which way up the camera was held.
#include "decoder.h"

#define ORIENTATION_TAG 0x112
#define ENTRY_BYTES 12
#define TYPE_SHORT 3
#define TYPE_LONG 4

// TIFF header: "II" or "MM", 42, offset of the first directory: entry count, then entries of
// tag, type, count, value (left-aligned in 4 bytes).
int32_t mite_exif_orientation(const uint8_t *tiff, size_t byte_count) {
    if (byte_count < 8) return 1;
    bool little = tiff[0] == 'I' && tiff[1] == 'I';
    if (!little && !(tiff[0] == 'M' && tiff[1] == 'M')) return 1;
    uint32_t (*get16)(const uint8_t *) = little ? mite_le16 : mite_be16;
    uint32_t (*get32)(const uint8_t *) = little ? mite_le32 : mite_be32;
    size_t at = get32(tiff + 4);
    if (get16(tiff + 2) != 42 || at > byte_count || byte_count - at < 2) return 1;
    size_t count = get16(tiff + at), room = (byte_count - at - 2) / ENTRY_BYTES;
    const uint8_t *entry = tiff + at + 2;
    for (size_t i = 0; i < count && i < room; i++, entry += ENTRY_BYTES) {
        if (get16(entry) != ORIENTATION_TAG) continue;
        uint32_t type = get16(entry + 2), value = 0;
        if (type == TYPE_SHORT) value = get16(entry + 8);
        if (type == TYPE_LONG) value = get32(entry + 8);
        return value >= 1 && value <= 8 ? (int32_t)value : 1;
    }
    return 1;
}
