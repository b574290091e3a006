// SPDX-License-Identifier: Apache-2.0
// The whole chain on the shared photos: NAME.jpg decoded, cropped and resized must give the
// levels of NAME.crop224.png, which Pillow made. Skipped where the photos are not at hand.
#include "support.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static mite_pixels decode(const char *path) {
    bytes file = read_bytes(path);
    mite_pixels out;
    mite_error error = {0};
    check(!mite_image_decode(&out, file.data, file.count, 0, 0, &error), "%s: %s", path,
          error.text);
    free(file.data);
    return out;
}

static int check_photo(const char *folder, const char *name, size_t length) {
    static const mite_image_spec spec = {.width = 224,
                                         .height = 224,
                                         .fit = MITE_FIT_CENTER_CROP,
                                         .filter = MITE_FILTER_BICUBIC,
                                         .crop_fraction = 224 / 256.0f};
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    mite_pixels photo = decode(path), seen = {0};
    snprintf(path, sizeof path, "%s/%.*s.crop224.png", folder, (int)length, name);
    mite_pixels expected = decode(path);
    mite_error error = {0};
    check(!mite_image_fit(&seen, &photo, &spec, &error), "%s: %s", name, error.text);
    int difference = largest_difference(&seen, &expected);
    check(difference <= 1, "%s: differs by up to %d levels", name, difference);
    mite_pixels_free(&photo);
    mite_pixels_free(&seen);
    mite_pixels_free(&expected);
    return difference;
}

int main(void) {
    const char *shared = getenv("MITE_SHARED");
    char folder[512];
    snprintf(folder, sizeof folder, "%s/models/photos", shared ? shared : "../shared");
    DIR *photos = opendir(folder);
    if (!photos) {
        printf("photos: skipped, there is no %s (set MITE_SHARED)\n", folder);
        return 0;
    }
    int count = 0, largest = 0;
    for (struct dirent *entry; (entry = readdir(photos));) {
        const char *dot = strrchr(entry->d_name, '.');
        if (!dot || strcmp(dot, ".jpg")) continue;
        int difference = check_photo(folder, entry->d_name, (size_t)(dot - entry->d_name));
        if (difference > largest) largest = difference;
        count++;
    }
    closedir(photos);
    check(count > 0, "%s holds no photo", folder);
    printf("photos: %d photos, largest difference from Pillow %d levels, %d failures\n", count,
           largest, failures());
    return failures() != 0;
}
