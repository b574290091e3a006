# SPDX-License-Identifier: Apache-2.0
"""Writes tests/ort/models: two small transformers with random weights, in ONNX as exporters write them
(open dimensions by name, shapes computed in the graph), with the files that transformers.js wants beside
them, and one network whose weights lie in a file of their own.

    pip install numpy onnx
    python3 tests/ort/make_models.py
"""
import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = Path(__file__).parent / "models"
HIDDEN, HEADS, LAYERS, INNER = 32, 4, 2, 64
WORDS = "a the cat dog sat ran on mat park in red small large and happy sad man woman child house".split()
LABELS = ["cup", "cat", "tree", "house", "person"]
SIDE, PATCH = 32, 8


class Graph:
    """Nodes and weights under growing numbers."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.nodes, self.weights, self.count = [], [], 0

    def __call__(self, op, *inputs, **attributes):
        self.count += 1
        name = f"{op}_{self.count}"
        self.nodes.append(helper.make_node(op, inputs, [name], name=f"/{name}", **attributes))
        return name

    def constant(self, values, dtype=np.float32):
        self.count += 1
        name = f"weight_{self.count}"
        self.weights.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def normal(self, *shape):
        return self.constant(self.random.normal(0, 0.3, shape))

    def ints(self, *values):
        return self.constant(values, np.int64)

    def size(self, tensor, axis):
        """One dimension of a tensor, as [n]."""
        return self("Gather", self("Shape", tensor), self.ints(axis), axis=0)

    def linear(self, x, size_in, size_out):
        return self("Add", self("MatMul", x, self.normal(size_in, size_out)), self.normal(size_out))

    def norm(self, x):
        scale = self.constant(1 + self.random.normal(0, 0.1, HIDDEN))
        return self("LayerNormalization", x, scale, self.normal(HIDDEN), axis=-1, epsilon=1e-6)

    def heads(self, x):
        shape = self("Concat", self.size(x, 0), self.size(x, 1), self.ints(HEADS, HIDDEN // HEADS), axis=0)
        return self("Reshape", x, shape)

    def attention(self, x, mask=None):
        q, k, v = (self.heads(self.linear(x, HIDDEN, HIDDEN)) for _ in range(3))
        q, v = (self("Transpose", t, perm=[0, 2, 1, 3]) for t in (q, v))
        scores = self("MatMul", q, self("Transpose", k, perm=[0, 2, 3, 1]))
        scores = self("Div", scores, self.constant(np.sqrt(HIDDEN / HEADS)))
        if mask:
            scores = self("Add", scores, mask)
        mixed = self("MatMul", self("Softmax", scores, axis=-1), v)
        mixed = self("Transpose", mixed, perm=[0, 2, 1, 3])
        shape = self("Concat", self.size(x, 0), self.size(x, 1), self.ints(HIDDEN), axis=0)
        return self.linear(self("Reshape", mixed, shape), HIDDEN, HIDDEN)

    def gelu(self, x):
        erf = self("Erf", self("Div", x, self.constant(np.sqrt(2))))
        return self("Mul", self("Mul", x, self("Add", erf, self.constant(1))), self.constant(0.5))

    def inner(self, x):
        return self.linear(self.gelu(self.linear(x, HIDDEN, INNER)), INNER, HIDDEN)

    def model(self, inputs, result, output):
        self.nodes.append(helper.make_node("Identity", [result], [output.name]))
        graph = helper.make_graph(self.nodes, "main_graph", inputs, [output], self.weights)
        opset = [helper.make_opsetid("", 17)]
        model = helper.make_model(graph, opset_imports=opset, ir_version=8, producer_name="tests/ort")
        onnx.checker.check_model(model, full_check=True)
        return model


def value(name, dtype, *shape):
    return helper.make_tensor_value_info(name, dtype, shape)


def write_json(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n")


def save(model, *place):
    path = HERE.joinpath(*place)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)


def bert(vocabulary, by_length=False):
    g = Graph(1)
    ids, mask, types = "input_ids", "attention_mask", "token_type_ids"
    positions = g("Slice", g.normal(256, HIDDEN), g.ints(0), g.size(ids, 1), g.ints(0))
    x = g("Add", g("Gather", g.normal(vocabulary, HIDDEN), ids), g("Gather", g.normal(2, HIDDEN), types))
    x = g.norm(g("Add", x, positions))
    if by_length:  # the second from a length of 150 on: which one must be known when it is converted
        place = g("Squeeze", g("Div", g.size(ids, 1), g.ints(150)))
        x = g("SequenceAt", g("SequenceConstruct", x, g("Neg", x)), place)
    seen = g("Cast", g("Unsqueeze", mask, g.ints(1, 2)), to=TensorProto.FLOAT)
    hidden = g("Mul", g("Sub", g.constant(1), seen), g.constant(np.finfo(np.float32).min))
    for _ in range(LAYERS):
        x = g.norm(g("Add", x, g.attention(x, hidden)))
        x = g.norm(g("Add", x, g.inner(x)))
    dims = "batch_size", "sequence_length"
    inputs = [value(name, TensorProto.INT64, *dims) for name in (ids, mask, types)]
    return g.model(inputs, x, value("last_hidden_state", TensorProto.FLOAT, *dims, HIDDEN))


def vit():
    g = Graph(2)
    patches = (SIDE // PATCH) ** 2
    x = g("Conv", "pixel_values", g.normal(HIDDEN, 3, PATCH, PATCH), g.normal(HIDDEN),
          kernel_shape=[PATCH, PATCH], strides=[PATCH, PATCH])
    batch = g.size("pixel_values", 0)
    x = g("Transpose", g("Reshape", x, g("Concat", batch, g.ints(HIDDEN, -1), axis=0)), perm=[0, 2, 1])
    first = g("Expand", g.normal(1, 1, HIDDEN), g("Concat", batch, g.ints(1, HIDDEN), axis=0))
    x = g("Add", g("Concat", first, x, axis=1), g.normal(1, patches + 1, HIDDEN))
    for _ in range(LAYERS):
        x = g("Add", x, g.attention(g.norm(x)))
        x = g("Add", x, g.inner(g.norm(x)))
    x = g("Gather", g.norm(x), g.constant(0, np.int64), axis=1)
    x = g("Gemm", x, g.normal(len(LABELS), HIDDEN), g.normal(len(LABELS)), transB=1)
    pixels = value("pixel_values", TensorProto.FLOAT, "batch_size", 3, SIDE, SIDE)
    return g.model([pixels], x, value("logits", TensorProto.FLOAT, "batch_size", len(LABELS)))


def write_bert():
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces = [*special, *WORDS, *"bcdefghijklmnopqrstuvwxyz", *(f"##{c}" for c in "abcdefghijklmnopqrstuvwxyz"), ".", ","]
    vocabulary = {piece: i for i, piece in enumerate(pieces)}
    save(bert(len(pieces)), "tiny-bert", "onnx", "model.onnx")
    save(bert(len(pieces), by_length=True), "by-length-bert.onnx")
    folder = HERE / "tiny-bert"
    write_json(folder / "config.json", {
        "architectures": ["BertModel"], "model_type": "bert", "hidden_size": HIDDEN,
        "intermediate_size": INNER, "num_attention_heads": HEADS, "num_hidden_layers": LAYERS,
        "max_position_embeddings": 256, "type_vocab_size": 2, "vocab_size": len(pieces), "pad_token_id": 0,
    })
    write_json(folder / "tokenizer_config.json", {
        "tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 256,
        **{f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")},
    })
    added = [{"id": i, "content": token, "single_word": False, "lstrip": False, "rstrip": False,
              "normalized": False, "special": True} for i, token in enumerate(special)]
    cls, sep = ({"SpecialToken": {"id": token, "type_id": 0}} for token in ("[CLS]", "[SEP]"))
    text = [{"Sequence": {"id": name, "type_id": i}} for i, name in enumerate("AB")]
    sep_b = {"SpecialToken": {"id": "[SEP]", "type_id": 1}}
    write_json(folder / "tokenizer.json", {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added,
        "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
                       "strip_accents": None, "lowercase": True},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing", "single": [cls, text[0], sep],
            "pair": [cls, text[0], sep, text[1], sep_b],
            "special_tokens": {token: {"id": token, "ids": [vocabulary[token]], "tokens": [token]}
                               for token in ("[CLS]", "[SEP]")}},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100, "vocab": vocabulary},
    })


def write_vit():
    save(vit(), "tiny-vit", "onnx", "model.onnx")
    folder = HERE / "tiny-vit"
    names = {str(i): label for i, label in enumerate(LABELS)}
    write_json(folder / "config.json", {
        "architectures": ["ViTForImageClassification"], "model_type": "vit", "hidden_size": HIDDEN,
        "image_size": SIDE, "patch_size": PATCH, "num_channels": 3, "num_attention_heads": HEADS,
        "num_hidden_layers": LAYERS, "intermediate_size": INNER, "id2label": names,
        "label2id": {label: int(i) for i, label in names.items()},
    })
    write_json(folder / "preprocessor_config.json", {
        "image_processor_type": "ViTImageProcessor", "do_resize": True, "do_rescale": True,
        "do_normalize": True, "size": {"height": SIDE, "width": SIDE}, "resample": 2,
        "rescale_factor": 1 / 255, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5],
    })


def write_matmul():
    """c = a · b of the quick start, and y = x · W + k with W and k in weights.bin."""
    a, b = (value(name, TensorProto.FLOAT, *shape) for name, shape in (("a", (3, 4)), ("b", (4, 3))))
    graph = helper.make_graph([helper.make_node("MatMul", ["a", "b"], ["c"])], "matmul", [a, b],
                              [value("c", TensorProto.FLOAT, 3, 3)])
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), HERE / "matmul.onnx")
    random = np.random.default_rng(3)
    weights = [numpy_helper.from_array(random.normal(size=shape).astype(np.float32), name)
               for name, shape in (("W", (4, 512)), ("k", (512,)))]
    nodes = [helper.make_node("MatMul", ["x", "W"], ["xW"]), helper.make_node("Add", ["xW", "k"], ["y"])]
    graph = helper.make_graph(nodes, "beside", [value("x", TensorProto.FLOAT, None, 4)],
                              [value("y", TensorProto.FLOAT, None, 512)], weights)
    (HERE / "beside").mkdir(parents=True, exist_ok=True)
    (HERE / "beside" / "weights.bin").unlink(missing_ok=True)
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), HERE / "beside" / "model.onnx",
              save_as_external_data=True, location="weights.bin", size_threshold=0)


def write_types():
    """Every element type passed through, one input and output each."""
    names = "FLOAT UINT8 INT8 UINT16 INT16 INT32 INT64 BOOL FLOAT16 DOUBLE UINT32 UINT64".split()
    types = {name.lower(): getattr(TensorProto, name) for name in names}
    nodes = [helper.make_node("Transpose", [name], [f"{name}_t"], perm=[1, 0]) for name in types]
    inputs = [value(name, dtype, "rows", "columns") for name, dtype in types.items()]
    outputs = [value(f"{name}_t", dtype, "columns", "rows") for name, dtype in types.items()]
    graph = helper.make_graph(nodes, "types", inputs, outputs)
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), HERE / "types.onnx")


HERE.mkdir(exist_ok=True)
write_bert()
write_vit()
write_matmul()
write_types()
