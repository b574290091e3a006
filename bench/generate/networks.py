# SPDX-License-Identifier: Apache-2.0
"""The networks, once for all formats.

Each is a function of a builder `b`, which has a method for every operator (to_onnx.py, to_tensorflow.py,
to_tfjs.py), and of weights `w`, which are drawn in the order in which the function asks for them: the
same numbers go into every format. Pictures are NHWC here; a builder turns them as its format wants.
Batch norm is folded, as every engine's converter would do; padding is TensorFlow's SAME.
"""

import math

import numpy as np

SIDE = 224
TOKENS, WIDTH, HEADS, LAYERS = 128, 384, 12, 6


class Random:
    """Seeded weights, scaled so that values keep their size from layer to layer."""

    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def draw(self, shape, deviation):
        return (self.rng.standard_normal(shape) * deviation).astype(np.float32)

    def filters(self, k, inputs, outputs, gain):
        """[k, k, inputs, outputs] and a bias; `inputs` is 1 where every channel has its own filter."""
        deviation = math.sqrt(2 * gain / (k * k * inputs))
        return self.draw((k, k, inputs, outputs), deviation), self.draw((outputs,), 0.1)

    def dense(self, inputs, outputs, gain=1.0):
        return self.draw((inputs, outputs), math.sqrt(gain / inputs)), self.draw((outputs,), 0.1)

    def norm(self, channels):
        return 1 + self.draw((channels,), 0.1), self.draw((channels,), 0.1)


class Kept:
    """Weights of an ONNX file, in its order: of the published EfficientNet-Lite0."""

    def __init__(self, arrays):
        self.arrays = iter(arrays)

    def filters(self, k, inputs, outputs, gain):
        weights = next(self.arrays).transpose(2, 3, 1, 0)  # from [outputs, inputs, k, k]
        assert weights.shape == (k, k, inputs, outputs), (weights.shape, k, inputs, outputs)
        return np.ascontiguousarray(weights), next(self.arrays)

    def dense(self, inputs, outputs, gain=1.0):
        weights = next(self.arrays)
        assert weights.shape == (outputs, inputs), weights.shape
        return np.ascontiguousarray(weights.T), next(self.arrays)


def conv(b, w, x, inputs, outputs, k=1, stride=1, act=None, gain=1.0):
    return b.conv(x, *w.filters(k, inputs, outputs, gain), stride, act)


def depthwise(b, w, x, channels, k, stride, act):
    return b.depthwise(x, *w.filters(k, 1, channels, 1.0), stride, act)


def inverted_residuals(b, w, x, channels, rows):
    """MobileNetV2's blocks; a row is (expansion, channels, repeats, stride, k)."""
    for expansion, outputs, repeats, stride, k in rows:
        for i in range(repeats):
            inner = channels * expansion
            y = x if expansion == 1 else conv(b, w, x, channels, inner, act="relu6")
            y = depthwise(b, w, y, inner, k, stride if i == 0 else 1, "relu6")
            y = conv(b, w, y, inner, outputs, gain=0.5)
            same = channels == outputs and (i > 0 or stride == 1)
            x = b.add(x, y, None) if same else y
            channels = outputs
    return x, channels


def classifier(b, w, x, channels, classes):
    return b.output(b.dense(b.average(x), *w.dense(channels, classes), None))


def tiny(b, w):
    """What a bare clone tests the bench with: MobileNetV2's kinds of layers on 32×32 pixels."""
    x = conv(b, w, b.picture(32), 3, 16, 3, 2, "relu6")
    x, channels = inverted_residuals(b, w, x, 16, [(1, 8, 1, 1, 3), (4, 16, 2, 2, 3), (4, 24, 2, 2, 5)])
    return classifier(b, w, conv(b, w, x, channels, 64, act="relu6"), 64, 10)


def mobilenet_v2(b, w):
    """Sandler et al., MobileNetV2, 2018, table 2."""
    x = conv(b, w, b.picture(SIDE), 3, 32, 3, 2, "relu6")
    rows = [(1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 32, 3, 2, 3), (6, 64, 4, 2, 3), (6, 96, 3, 1, 3)]
    x, channels = inverted_residuals(b, w, x, 32, rows + [(6, 160, 3, 2, 3), (6, 320, 1, 1, 3)])
    return classifier(b, w, conv(b, w, x, channels, 1280, act="relu6"), 1280, 1000)


def efficientnet_lite0(b, w):
    x = conv(b, w, b.picture(SIDE), 3, 32, 3, 2, "relu6")
    rows = [(1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3), (6, 112, 3, 1, 5)]
    x, channels = inverted_residuals(b, w, x, 32, rows + [(6, 192, 4, 2, 5), (6, 320, 1, 1, 3)])
    return classifier(b, w, conv(b, w, x, channels, 1280, act="relu6"), 1280, 1000)


def resnet50(b, w):
    """He et al., 2015, with the stride in the 3×3 (v1.5)."""
    x = b.max_pool(conv(b, w, b.picture(SIDE), 3, 64, 7, 2, "relu"), 3, 2)
    channels = 64
    for inner, repeats, first in [(64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)]:
        for i in range(repeats):
            stride = first if i == 0 else 1
            y = conv(b, w, x, channels, inner, act="relu")
            y = conv(b, w, y, inner, inner, 3, stride, "relu")
            y = conv(b, w, y, inner, 4 * inner, gain=0.05)  # 16 blocks add up to no overflow of int8
            shortcut = x if i else conv(b, w, x, channels, 4 * inner, 1, stride, gain=0.5)
            x = b.add(y, shortcut, "relu")
            channels = 4 * inner
    return classifier(b, w, x, channels, 1000)


def transformer(b, w):
    """An encoder as in BERT: attention and a feed-forward net, each added and normalised."""
    size = WIDTH // HEADS
    x = b.tokens(TOKENS, WIDTH)
    for _ in range(LAYERS):
        q, k, v = (b.heads(b.dense(x, *w.dense(WIDTH, WIDTH), None), HEADS) for _ in range(3))
        scores = b.softmax(b.scale(b.matmul(q, b.swap(k)), 1 / math.sqrt(size)))
        y = b.dense(b.join(b.matmul(scores, v)), *w.dense(WIDTH, WIDTH), None)
        x = b.norm(b.add(x, y, None), *w.norm(WIDTH))
        y = b.dense(b.dense(x, *w.dense(WIDTH, 4 * WIDTH), "gelu"), *w.dense(4 * WIDTH, WIDTH, 2), None)
        x = b.norm(b.add(x, y, None), *w.norm(WIDTH))
    return b.output(x)
