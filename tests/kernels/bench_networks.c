// SPDX-License-Identifier: Apache-2.0
// The layers of three networks, equal ones once.
#include "bench.h"

#define CONV(count, kernel, stride, size, in, out) {count, false, kernel, stride, size, in, out}
#define POINT(count, size, in, out) {count, false, 1, 1, size, in, out}
#define DEPTH(count, kernel, stride, size, channels) \
    {count, true, kernel, stride, size, channels, channels}

static const bench_layer efficientnet_lite0[] = {
    CONV(1, 3, 2, 112, 3, 32), POINT(1, 112, 32, 16),   POINT(1, 112, 16, 96),
    POINT(1, 56, 96, 24),      POINT(2, 56, 24, 144),   POINT(1, 56, 144, 24),
    POINT(1, 28, 144, 40),     POINT(2, 28, 40, 240),   POINT(1, 28, 240, 40),
    POINT(1, 14, 240, 80),     POINT(3, 14, 80, 480),   POINT(2, 14, 480, 80),
    POINT(1, 14, 480, 112),    POINT(3, 14, 112, 672),  POINT(2, 14, 672, 112),
    POINT(1, 7, 672, 192),     POINT(4, 7, 192, 1152),  POINT(3, 7, 1152, 192),
    POINT(1, 7, 1152, 320),    POINT(1, 7, 320, 1280),  POINT(1, 1, 1280, 1000),
    DEPTH(1, 3, 1, 112, 32),   DEPTH(1, 3, 2, 56, 96),  DEPTH(1, 3, 1, 56, 144),
    DEPTH(1, 5, 2, 28, 144),   DEPTH(1, 5, 1, 28, 240), DEPTH(1, 3, 2, 14, 240),
    DEPTH(2, 3, 1, 14, 480),   DEPTH(1, 5, 1, 14, 480), DEPTH(2, 5, 1, 14, 672),
    DEPTH(1, 5, 2, 7, 672),    DEPTH(3, 5, 1, 7, 1152), DEPTH(1, 3, 1, 7, 1152),
};

static const bench_layer mobilenet_v2[] = {
    CONV(1, 3, 2, 112, 3, 32), POINT(1, 112, 32, 16),   POINT(1, 112, 16, 96),
    POINT(1, 56, 96, 24),      POINT(2, 56, 24, 144),   POINT(1, 56, 144, 24),
    POINT(1, 28, 144, 32),     POINT(3, 28, 32, 192),   POINT(2, 28, 192, 32),
    POINT(1, 14, 192, 64),     POINT(4, 14, 64, 384),   POINT(3, 14, 384, 64),
    POINT(1, 14, 384, 96),     POINT(3, 14, 96, 576),   POINT(2, 14, 576, 96),
    POINT(1, 7, 576, 160),     POINT(3, 7, 160, 960),   POINT(2, 7, 960, 160),
    POINT(1, 7, 960, 320),     POINT(1, 7, 320, 1280),  POINT(1, 1, 1280, 1000),
    DEPTH(1, 3, 1, 112, 32),   DEPTH(1, 3, 2, 56, 96),  DEPTH(1, 3, 1, 56, 144),
    DEPTH(1, 3, 2, 28, 144),   DEPTH(2, 3, 1, 28, 192), DEPTH(1, 3, 2, 14, 192),
    DEPTH(4, 3, 1, 14, 384),   DEPTH(2, 3, 1, 14, 576), DEPTH(1, 3, 2, 7, 576),
    DEPTH(3, 3, 1, 7, 960),
};

static const bench_layer resnet50[] = {
    CONV(1, 7, 2, 112, 3, 64),   POINT(1, 56, 64, 64),         POINT(4, 56, 64, 256),
    POINT(2, 56, 256, 64),       POINT(1, 56, 256, 128),       POINT(4, 28, 128, 512),
    CONV(1, 1, 2, 28, 256, 512), POINT(3, 28, 512, 128),       POINT(1, 28, 512, 256),
    POINT(6, 14, 256, 1024),     CONV(1, 1, 2, 14, 512, 1024), POINT(5, 14, 1024, 256),
    POINT(1, 14, 1024, 512),     POINT(3, 7, 512, 2048),       CONV(1, 1, 2, 7, 1024, 2048),
    POINT(2, 7, 2048, 512),      CONV(3, 3, 1, 56, 64, 64),    CONV(1, 3, 2, 28, 128, 128),
    CONV(3, 3, 1, 28, 128, 128), CONV(1, 3, 2, 14, 256, 256),  CONV(5, 3, 1, 14, 256, 256),
    CONV(1, 3, 2, 7, 512, 512),  CONV(2, 3, 1, 7, 512, 512),   POINT(1, 1, 2048, 1000),
};

#define NETWORK(name, layers) {name, layers, sizeof layers / sizeof *layers}
const bench_network bench_networks[] = {
    NETWORK("EfficientNet-Lite0", efficientnet_lite0),
    NETWORK("MobileNetV2", mobilenet_v2),
    NETWORK("ResNet-50", resnet50),
};
const size_t bench_network_count = sizeof bench_networks / sizeof *bench_networks;
