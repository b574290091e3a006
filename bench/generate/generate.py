# SPDX-License-Identifier: Apache-2.0
"""Writes a network in every engine's format: generate.py NETWORK FOLDER [SHARED].

    f32.onnx int8.onnx f32.tflite int8.tflite tfjs/model.json   the same weights in all
    calibrate/                examples that all int8 forms are calibrated by
    input.f32                 what the engines are run on, in ONNX's order of dimensions
    info.json                 its shape, the output's length, multiply-adds

EfficientNet-Lite0 is a published one, so that its ONNX and TFLite files are those of SHARED/models and
only its TensorFlow.js form is written. The int8 forms are static (calibrated), but the transformer's is
dynamic: weights in int8, activations quantized as they come.
"""

import json
import os
import sys
from pathlib import Path

import numpy as np
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static

import networks
from to_onnx import OnnxBuilder, kept_weights
from to_tfjs import TfjsBuilder

EXAMPLES = 8


def pictures(count, side, rng):
    """Soft blots of colour with some grain, NCHW, about -1…1."""
    blots = rng.uniform(-1, 1, (count, 3, 8, 8)).repeat(side // 8, 2).repeat(side // 8, 3)
    return (blots + rng.normal(0, 0.1, blots.shape)).astype(np.float32)


def tokens(count, _, rng):
    return rng.standard_normal((count, networks.TOKENS, networks.WIDTH)).astype(np.float32)


NETWORKS = {  # name: network, seed, its inputs, kind of int8
    "tiny": (networks.tiny, 1, pictures, "static"),
    "mobilenet-v2": (networks.mobilenet_v2, 2, pictures, "static"),
    "resnet-50": (networks.resnet50, 3, pictures, None),
    "transformer": (networks.transformer, 4, tokens, "dynamic"),
    "efficientnet-lite0": (networks.efficientnet_lite0, None, None, None),
}


class Examples(CalibrationDataReader):
    def __init__(self, examples):
        self.rows = iter([{"input": example[None]} for example in examples])

    def get_next(self):
        return next(self.rows, None)


def write_tfjs(network, weights, folder):
    builder = TfjsBuilder()
    network(builder, weights)
    builder.save(folder / "tfjs")


def write_info(folder, builder):
    info = {"input": builder.input.shape, "output": builder.result.shape, "macs": builder.macs}
    (folder / "info.json").write_text(json.dumps(info) + "\n")


def drawn(folder, network, seed, inputs, kind):
    """A network of random weights, in all formats."""
    from to_tensorflow import to_tflite  # takes seconds to import

    builder = OnnxBuilder()
    network(builder, networks.Random(seed))
    builder.save(folder / "f32.onnx")
    write_info(folder, builder)
    write_tfjs(network, networks.Random(seed), folder)

    values = inputs(EXAMPLES + 1, builder.input.shape[-1], np.random.default_rng(1000 + seed))
    values[-1].tofile(folder / "input.f32")
    (folder / "calibrate").mkdir(exist_ok=True)
    np.save(folder / "calibrate/examples.npy", values[:-1])

    channels_last = [v.transpose(1, 2, 0)[None] if v.ndim == 3 else v[None] for v in values[:-1]]
    weights = lambda: networks.Random(seed)
    tflite = lambda kind: to_tflite(network, weights, channels_last[0].shape, kind, channels_last)
    (folder / "f32.tflite").write_bytes(tflite(None))
    if not kind:
        return
    (folder / "int8.tflite").write_bytes(tflite(kind))
    source, target = folder / "f32.onnx", folder / "int8.onnx"
    if kind == "static":
        quantize_static(source, target, Examples(values[:-1]), QuantFormat.QDQ, per_channel=True,
                        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)
    else:
        quantize_dynamic(source, target, weight_type=QuantType.QInt8)


def published(folder, network, shared):
    """EfficientNet-Lite0, with a photo to run on and the photos that mite's own int8 form is calibrated by."""
    import tensorflow as tf

    models = shared / "models"
    files = {"f32.onnx": "efficientnet_lite0.onnx", "int8.onnx": "efficientnet_lite0_int8.onnx",
             "f32.tflite": "tf/efficientnet_lite0_f32.tflite",
             "int8.tflite": "tf/efficientnet_lite0_int8_float_io.tflite"}
    links = {folder / name: models / file for name, file in files.items()}
    (folder / "calibrate").mkdir(exist_ok=True)
    links |= {folder / "calibrate" / photo.name: photo for photo in sorted(models.glob("photos/*.jpg"))}
    for link, target in links.items():
        link.unlink(missing_ok=True)
        os.symlink(target.resolve(), link)

    weights = list(kept_weights(folder / "f32.onnx"))
    builder = OnnxBuilder()
    network(builder, networks.Kept(weights))
    write_info(folder, builder)
    write_tfjs(network, networks.Kept(weights), folder)
    pixels = tf.io.decode_png((models / "photos/coffee.crop224.png").read_bytes(), 3).numpy()
    ((pixels.astype(np.float32) - 127) / 128).transpose(2, 0, 1).tofile(folder / "input.f32")


def main(name, folder, shared=None):
    network, seed, inputs, kind = NETWORKS[name]
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if inputs:
        drawn(folder, network, seed, inputs, kind)
    else:
        published(folder, network, Path(shared))


main(*sys.argv[1:])
