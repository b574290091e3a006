# SPDX-License-Identifier: Apache-2.0
"""Networks as TensorFlow.js graph models, with the fused operators that its converter would write.

The format is that of `tensorflowjs_converter`: model.json holds a GraphDef in JSON and names the
weights, which lie one after the other in weights.bin. Written here by hand, since that converter's
Python package wants a TensorFlow of its own.
"""

import base64
import json

import numpy as np

FUSED = {None: ["BiasAdd"], "relu": ["BiasAdd", "Relu"], "relu6": ["BiasAdd", "Relu6"]}
DTYPES = {"float32": "DT_FLOAT", "int32": "DT_INT32"}


class Value:
    def __init__(self, name, shape):
        self.name, self.shape = name, list(shape)


def shape_of(shape):
    return {"shape": {"dim": [{"size": str(n)} for n in shape]}}


def numbers(*values):
    return {"list": {"i": [str(v) for v in values]}}


class TfjsBuilder:
    def __init__(self):
        self.nodes, self.specs, self.data = [], [], bytearray()

    def node(self, op, inputs, shape, **attributes):
        name = f"{op}_{len(self.nodes)}"
        names = [i.name if isinstance(i, Value) else self.constant(i) for i in inputs]
        attributes.setdefault("T", {"type": "DT_FLOAT"})
        self.nodes.append({"name": name, "op": op, "input": names, "attr": attributes})
        return Value(name, shape)

    def constant(self, array):
        array = np.ascontiguousarray(array)
        name, dtype = f"c{len(self.specs)}", str(array.dtype)
        self.specs.append({"name": name, "shape": list(array.shape), "dtype": dtype})
        self.data += array.tobytes()
        value = {"tensor": {"dtype": DTYPES[dtype], "tensorShape": shape_of(array.shape)["shape"]}}
        self.nodes.append({"name": name, "op": "Const", "attr": {"dtype": {"type": DTYPES[dtype]}, "value": value}})
        return name

    def placeholder(self, shape):
        self.nodes.append({"name": "input", "op": "Placeholder",
                           "attr": {"dtype": {"type": "DT_FLOAT"}, "shape": shape_of(shape)}})
        self.shape = shape
        return Value("input", shape)

    def picture(self, side):
        return self.placeholder([1, side, side, 3])

    def tokens(self, count, width):
        return self.placeholder([1, count, width])

    def fused(self, op, inputs, shape, act, **attributes):
        ops = {"list": {"s": [encode(name) for name in FUSED[act]]}}
        return self.node(op, inputs, shape, fused_ops=ops, num_args={"i": "1"}, epsilon={"f": 0}, **attributes)

    def window(self, stride):
        return {"strides": numbers(1, stride, stride, 1), "padding": {"s": encode("SAME")},
                "data_format": {"s": encode("NHWC")}, "dilations": numbers(1, 1, 1, 1)}

    def spatial(self, x, stride, channels):
        return [1, -(-x.shape[1] // stride), -(-x.shape[2] // stride), channels]

    def conv(self, x, weights, bias, stride, act):
        shape = self.spatial(x, stride, weights.shape[3])
        return self.fused("_FusedConv2D", [x, weights, bias], shape, act, **self.window(stride))

    def depthwise(self, x, weights, bias, stride, act):
        filters = weights.transpose(0, 1, 3, 2)
        shape = self.spatial(x, stride, weights.shape[3])
        return self.fused("FusedDepthwiseConv2dNative", [x, filters, bias], shape, act, **self.window(stride))

    def max_pool(self, x, k, stride):
        shape = self.spatial(x, stride, x.shape[3])
        return self.node("MaxPool", [x], shape, ksize=numbers(1, k, k, 1), **self.window(stride))

    def reduce_mean(self, x, axes, keep):
        shape = [1 if i in axes else n for i, n in enumerate(x.shape) if keep or i not in axes]
        return self.node("Mean", [x, np.array(axes, np.int32)], shape, keep_dims={"b": keep},
                         Tidx={"type": "DT_INT32"})

    def average(self, x):
        return self.reduce_mean(x, [1, 2], False)

    def add(self, x, y, act):
        x = self.node("AddV2", [x, y], x.shape)
        return self.node("Relu", [x], x.shape) if act == "relu" else x

    def dense(self, x, weights, bias, act):
        flat = x if len(x.shape) == 2 else self.reshape(x, [x.shape[1], x.shape[2]])
        shape = [flat.shape[0], weights.shape[1]]
        flags = {"transpose_a": {"b": False}, "transpose_b": {"b": False}}
        y = self.fused("_FusedMatMul", [flat, weights, bias], shape, None if act == "gelu" else act, **flags)
        if act == "gelu":
            erf = self.node("Erf", [self.scale(y, np.sqrt(0.5))], shape)
            y = self.node("Mul", [self.scale(y, 0.5), self.node("AddV2", [erf, np.float32(1)], shape)], shape)
        return y if len(x.shape) == 2 else self.reshape(y, [1, *shape])

    def matmul(self, x, y):
        flags = {"adj_x": {"b": False}, "adj_y": {"b": False}}
        return self.node("BatchMatMulV2", [x, y], [*x.shape[:-1], y.shape[-1]], **flags)

    def reshape(self, x, shape):
        return self.node("Reshape", [x, np.array(shape, np.int32)], shape, Tshape={"type": "DT_INT32"})

    def transpose(self, x, order):
        shape = [x.shape[i] for i in order]
        return self.node("Transpose", [x, np.array(order, np.int32)], shape, Tperm={"type": "DT_INT32"})

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
        return self.node("Softmax", [x], x.shape)

    def norm(self, x, scale, bias):
        mean = self.reduce_mean(x, [2], True)
        square = self.node("SquaredDifference", [x, mean], x.shape)
        variance = self.node("AddV2", [self.reduce_mean(square, [2], True), np.float32(1e-5)], mean.shape)
        y = self.node("Mul", [self.node("Sub", [x, mean], x.shape), self.node("Rsqrt", [variance], mean.shape)], x.shape)
        return self.node("AddV2", [self.node("Mul", [y, scale], x.shape), bias], x.shape)

    def output(self, x):
        self.nodes.append({"name": "output", "op": "Identity", "input": [x.name], "attr": {"T": {"type": "DT_FLOAT"}}})
        self.result = x.shape

    def save(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        tensor = lambda name, shape: {"name": f"{name}:0", "dtype": "DT_FLOAT", "tensorShape": shape_of(shape)["shape"]}
        model = {
            "format": "graph-model",
            "signature": {"inputs": {"input": tensor("input", self.shape)},
                          "outputs": {"output": tensor("output", self.result)}},
            "modelTopology": {"node": self.nodes, "library": {}, "versions": {"producer": 1}},
            "weightsManifest": [{"paths": ["weights.bin"], "weights": self.specs}],
        }
        (folder / "model.json").write_text(json.dumps(model))
        (folder / "weights.bin").write_bytes(self.data)


def encode(text):
    """Strings of a GraphDef are bytes, which JSON holds in base64."""
    return base64.b64encode(text.encode()).decode()
