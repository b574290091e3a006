# SPDX-License-Identifier: Apache-2.0
# Makes fused.pack for models.c: operators of com.microsoft, which ONNX Runtime's tools put in the place of
# several others, in the forms that its documentation has.
from onnx_build import *

rng = np.random.default_rng(12)
f = lambda *s: (rng.standard_normal(s) * 0.5).astype(np.float32)

# --- Masks of attention: 2 sequences of 4, the second padded at its end or its beginning ----------------------
i32 = lambda *v: np.array(v, np.int32)
masks = {"lengths": i32(4, 2), "ends and beginnings": i32(4, 4, 0, 2), "keys": i32([1, 1, 1, 1], [1, 0, 1, 1]), "keys by query": np.tril(np.ones((2, 4, 4), np.int32)) * i32(1, 0, 1, 1)}
for name, mask in masks.items():
    for one_way in (0, 1):
        case(f"mask of {name}, {one_way}", [ms("Attention", ["x", "w", "b", "m"], num_heads=2, unidirectional=one_way, mask_filter_value=-50.0)],
             {"x": f(2, 4, 8), "m": mask}, {"w": f(8, 24), "b": f(24)}, tolerance=1e-4)
longer = np.concatenate([np.ones((2, 3), np.int32), masks["keys"]], 1)
case("mask of past and present keys", [ms("Attention", ["x", "w", "b", "m", "p"], ["y", "q"], num_heads=2, unidirectional=1)], {"x": f(2, 4, 8), "m": longer, "p": f(2, 2, 2, 3, 4)}, {"w": f(8, 24), "b": f(24)},
     outputs=[("y", T.FLOAT), ("q", T.FLOAT)], tolerance=1e-4)
heads = {"x": f(2, 4, 8), "k": f(2, 4, 8), "v": f(2, 4, 8)}
attend = lambda mask, **a: ms("MultiHeadAttention", ["x", "k", "v", "", mask, "", "p", "q"], ["y", "pk", "pv"], num_heads=2, **a)
past = {"p": f(2, 2, 3, 4), "q": f(2, 2, 3, 4)}
kept = [(k, T.FLOAT) for k in ("y", "pk", "pv")]
case("mask of lengths that begins with them", [attend("m")], {**heads, "m": i32(7, 5, 0, 4, 8, 0, 7, 14)}, past, outputs=kept, tolerance=1e-4,
     like=([attend("keys")], {**past, "keys": i32([1] * 7, [1] * 5 + [0] * 2)}))
case("mask of all positions", [attend("m")], {**heads, "m": np.tril(np.ones((2, 1, 9, 9), np.int32))}, past, outputs=kept, tolerance=1e-4,
     like=([attend("", unidirectional=1)], past))

# --- End -------------------------------------------------------------------------------------------------
write("tests/convert/fused.pack")
