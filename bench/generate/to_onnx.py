# SPDX-License-Identifier: Apache-2.0
"""Networks as ONNX, in the form that PyTorch's exporter writes: NCHW, explicit pads, opset 17."""

import math

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17


def same_pads(size, k, stride):
    """TensorFlow's SAME: what is odd goes to the end."""
    total = max((math.ceil(size / stride) - 1) * stride + k - size, 0)
    return [total // 2, total // 2, total - total // 2, total - total // 2]


class Value:
    def __init__(self, name, shape):
        self.name, self.shape = name, list(shape)


class OnnxBuilder:
    def __init__(self):
        self.nodes, self.constants, self.macs = [], [], 0

    def node(self, op, inputs, shape, **attributes):
        name = f"{op.lower()}_{len(self.nodes)}"
        names = [i.name if isinstance(i, Value) else self.constant(i, name) for i in inputs]
        self.nodes.append(helper.make_node(op, names, [name], name, **attributes))
        return Value(name, shape)

    def constant(self, array, node):
        name = f"{node}.{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def act(self, x, act):
        if act == "relu":
            return self.node("Relu", [x], x.shape)
        if act == "relu6":
            return self.node("Clip", [x, np.float32(0), np.float32(6)], x.shape)
        if act == "gelu":  # x / 2 * (1 + erf(x / sqrt 2)), as exporters of this opset spell it
            y = self.node("Div", [x, np.float32(math.sqrt(2))], x.shape)
            y = self.node("Add", [self.node("Erf", [y], x.shape), np.float32(1)], x.shape)
            return self.node("Mul", [self.node("Mul", [x, y], x.shape), np.float32(0.5)], x.shape)
        return x

    def picture(self, side):
        self.input = Value("input", [1, 3, side, side])
        return self.input

    def tokens(self, count, width):
        self.input = Value("input", [1, count, width])
        return self.input

    def convolve(self, x, weights, bias, stride, act, group):
        k, outputs = weights.shape[0], weights.shape[3]
        side = math.ceil(x.shape[2] / stride)
        self.macs += side * side * weights.size
        y = self.node(
            "Conv", [x, weights.transpose(3, 2, 0, 1), bias], [1, outputs, side, side], group=group,
            kernel_shape=[k, k], strides=[stride, stride], pads=same_pads(x.shape[2], k, stride))
        return self.act(y, act)

    def conv(self, x, weights, bias, stride, act):
        return self.convolve(x, weights, bias, stride, act, 1)

    def depthwise(self, x, weights, bias, stride, act):
        return self.convolve(x, weights, bias, stride, act, weights.shape[3])

    def max_pool(self, x, k, stride):
        side = math.ceil(x.shape[2] / stride)
        return self.node("MaxPool", [x], [*x.shape[:2], side, side], kernel_shape=[k, k],
                         strides=[stride, stride], pads=same_pads(x.shape[2], k, stride))

    def average(self, x):
        y = self.node("GlobalAveragePool", [x], [*x.shape[:2], 1, 1])
        return self.node("Flatten", [y], x.shape[:2], axis=1)

    def add(self, x, y, act):
        return self.act(self.node("Add", [x, y], x.shape), act)

    def dense(self, x, weights, bias, act):
        shape = [*x.shape[:-1], weights.shape[1]]
        self.macs += weights.size * math.prod(x.shape[:-1])
        if len(x.shape) == 2:
            y = self.node("Gemm", [x, weights.T, bias], shape, transB=1)
        else:
            y = self.node("Add", [self.node("MatMul", [x, weights], shape), bias], shape)
        return self.act(y, act)

    def matmul(self, x, y):
        self.macs += math.prod(x.shape) * y.shape[-1]
        return self.node("MatMul", [x, y], [*x.shape[:-1], y.shape[-1]])

    def transpose(self, x, order):
        return self.node("Transpose", [x], [x.shape[i] for i in order], perm=order)

    def reshape(self, x, shape):
        return self.node("Reshape", [x, np.array(shape, np.int64)], shape)

    def heads(self, x, count):
        _, tokens, width = x.shape
        return self.transpose(self.reshape(x, [1, tokens, count, width // count]), [0, 2, 1, 3])

    def join(self, x):
        _, count, tokens, size = x.shape
        return self.reshape(self.transpose(x, [0, 2, 1, 3]), [1, tokens, count * size])

    def swap(self, x):
        return self.transpose(x, [0, 1, 3, 2])

    def scale(self, x, factor):
        return self.node("Mul", [x, np.float32(factor)], x.shape)

    def softmax(self, x):
        return self.node("Softmax", [x], x.shape, axis=-1)

    def norm(self, x, scale, bias):
        return self.node("LayerNormalization", [x, scale, bias], x.shape, axis=-1, epsilon=1e-5)

    def output(self, x):
        self.nodes[-1].output[0] = "output"
        self.result = Value("output", x.shape)

    def save(self, path):
        port = lambda v: helper.make_tensor_value_info(v.name, TensorProto.FLOAT, v.shape)
        graph = helper.make_graph(self.nodes, path.stem, [port(self.input)], [port(self.result)], self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
        onnx.checker.check_model(model)
        onnx.save(model, path)


def kept_weights(path):
    """Weights and biases of an ONNX file's convolutions and dense layers, in its order."""
    graph = onnx.load(path).graph
    arrays = {c.name: c for c in graph.initializer}
    for node in graph.node:
        if node.op_type in ("Conv", "Gemm"):
            yield from (numpy_helper.to_array(arrays[name]) for name in node.input[1:3])
