# SPDX-License-Identifier: Apache-2.0
# Makes open_strides.onnx and open_windows.onnx for open.test.mjs. Needs numpy and onnx.
import os

import numpy as np, onnx
from onnx import TensorProto as T, helper as h, numpy_helper as nh

rng = np.random.default_rng(1)
here = os.path.dirname(os.path.abspath(__file__))
reals = lambda *shape: rng.standard_normal(shape).astype(np.float32)
integers = lambda *values: np.array(values, np.int64)


def save(name, shape, nodes, constants):
    graph = h.make_graph(nodes, name, [h.make_tensor_value_info("x", T.FLOAT, shape)], [h.make_tensor_value_info("y", T.FLOAT, None)],
                         [nh.from_array(np.asarray(v), k) for k, v in constants.items()])
    onnx.save(h.make_model(graph, opset_imports=[h.make_opsetid("", 18)], ir_version=8), os.path.join(here, name))


# As speech networks begin: of a short signal one step is left, of a long one many.
save("open_strides.onnx", ["batch", 1, "time"], [
    h.make_node("Conv", ["x", "w"], ["a"], strides=[20]), h.make_node("Conv", ["a", "v"], ["b"], strides=[4], pads=[2, 2]),
    h.make_node("MaxPool", ["b"], ["p"], kernel_shape=[3], strides=[3], pads=[1, 1]), h.make_node("Transpose", ["p"], ["t"], perm=[0, 2, 1]),
    h.make_node("MatMul", ["t", "m"], ["y"])], {"w": reals(4, 1, 10), "v": reals(4, 4, 4), "m": reals(4, 3)})

# As window attention begins: padded to a multiple of 8, then cut into windows of 8.
save("open_windows.onnx", ["batch", "length"], [
    h.make_node("Shape", ["x"], ["s"]), h.make_node("Gather", ["s", "one"], ["n"]), h.make_node("Mod", ["n", "eight"], ["r"]),
    h.make_node("Sub", ["eight", "r"], ["d"]), h.make_node("Mod", ["d", "eight"], ["q"]), h.make_node("Unsqueeze", ["q", "zero"], ["u"]),
    h.make_node("Concat", ["zeros", "u"], ["pads"], axis=0), h.make_node("Pad", ["x", "pads"], ["p"]), h.make_node("Reshape", ["p", "windows"], ["y"])],
    {"one": np.int64(1), "eight": np.int64(8), "zero": integers(0), "zeros": integers(0, 0, 0), "windows": integers(0, -1, 8)})
