# SPDX-License-Identifier: Apache-2.0
# Makes products.pack: f32 convolutions that are computed by Winograd's algorithm, and what
# transformers are made of. Results come from ONNX Runtime, else from numpy in f64.
#   python3 tests/ops/make_products.py [tests/ops/products.pack]
import sys

import numpy as np

from steps_pack import Tensor, case, run, write

rng = np.random.default_rng(21)
f32 = np.float32
real = lambda *s: rng.standard_normal(s).astype(f32)
nchw = lambda a: np.ascontiguousarray(a.transpose(0, 3, 1, 2))
nhwc = lambda a: np.ascontiguousarray(a.transpose(0, 2, 3, 1))

# --- 3x3 convolutions, stride 1 -------------------------------------------------------------------

# Few tiles are split by columns, many by tiles; sizes that are no multiples of a tile's.
for n, height, width, c, columns, pads, residual, clamp in [
        (1, 13, 9, 32, 36, (1, 1, 1, 1), True, None),
        (1, 17, 21, 36, 32, (1, 1, 1, 1), False, (0.0, 0.5)),
        (2, 15, 13, 32, 32, (0, 1, 0, 0), False, None)]:
    x, w, b = real(n, height, width, c), real(columns, 3, 3, c) / 60, real(columns) / 4
    y = nhwc(run("Conv", [nchw(x), nchw(w), b], pads=pads))
    extra = [Tensor(np.zeros(0, f32), "constant"), Tensor(real(*y.shape))] if residual else []
    if residual:
        y = y + extra[1].data
    attrs = dict(zip(("pad_top", "pad_left", "pad_bottom", "pad_right"), pads))
    if clamp:
        y = y.clip(*clamp)
        attrs.update(clamp_lo=clamp[0], clamp_hi=clamp[1])
    case(f"3x3 {height}x{width} {c} to {columns}", "conv2d",
         [Tensor(x), Tensor(w, "conv"), Tensor(b, "columns")] + extra, Tensor(y), **attrs)

write(sys.argv[1] if len(sys.argv) > 1 else "tests/ops/products.pack")
