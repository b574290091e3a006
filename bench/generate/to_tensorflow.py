# SPDX-License-Identifier: Apache-2.0
"""Networks as TensorFlow functions, and these as TFLite files."""

import math

import tensorflow as tf

ACTS = {None: lambda x: x, "relu": tf.nn.relu, "relu6": tf.nn.relu6,
        "gelu": lambda x: tf.nn.gelu(x, approximate=False)}


class TensorFlowBuilder:
    """Calls TensorFlow at once; `function` traces it."""

    def __init__(self, x):
        self.x = x

    def picture(self, side):
        return self.x

    def tokens(self, count, width):
        return self.x

    def conv(self, x, weights, bias, stride, act):
        return ACTS[act](tf.nn.bias_add(tf.nn.conv2d(x, weights, stride, "SAME"), bias))

    def depthwise(self, x, weights, bias, stride, act):
        filters = weights.transpose(0, 1, 3, 2)
        y = tf.nn.depthwise_conv2d(x, filters, [1, stride, stride, 1], "SAME")
        return ACTS[act](tf.nn.bias_add(y, bias))

    def max_pool(self, x, k, stride):
        return tf.nn.max_pool2d(x, k, stride, "SAME")

    def average(self, x):
        return tf.reduce_mean(x, [1, 2])

    def add(self, x, y, act):
        return ACTS[act](tf.add(x, y))

    def dense(self, x, weights, bias, act):
        flat = tf.reshape(x, [-1, weights.shape[0]])
        y = ACTS[act](tf.nn.bias_add(tf.matmul(flat, weights), bias))
        return tf.reshape(y, [*x.shape[:-1], weights.shape[1]]) if len(x.shape) > 2 else y

    def matmul(self, x, y):
        return tf.matmul(x, y)

    def heads(self, x, count):
        _, tokens, width = x.shape
        return tf.transpose(tf.reshape(x, [1, tokens, count, width // count]), [0, 2, 1, 3])

    def join(self, x):
        _, count, tokens, size = x.shape
        return tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [1, tokens, count * size])

    def swap(self, x):
        return tf.transpose(x, [0, 1, 3, 2])

    def scale(self, x, factor):
        return x * factor

    def softmax(self, x):
        return tf.nn.softmax(x)

    def norm(self, x, scale, bias):
        mean = tf.reduce_mean(x, -1, keepdims=True)
        variance = tf.reduce_mean(tf.math.squared_difference(x, mean), -1, keepdims=True)
        return (x - mean) * tf.math.rsqrt(variance + 1e-5) * scale + bias

    def output(self, x):
        return x


def to_tflite(network, weights, shape, quantize=None, examples=()):
    """`quantize`: None, "static" (int8 within, float outside, by `examples`) or "dynamic"."""
    spec = tf.TensorSpec(shape, tf.float32, name="input")
    function = tf.function(lambda x: network(TensorFlowBuilder(x), weights()), input_signature=[spec])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()])
    if quantize:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantize == "static":
        converter.representative_dataset = lambda: ([example] for example in examples)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    return converter.convert()
