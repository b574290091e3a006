#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes class_maps.json: class-activation maps (Zhou et al. 2016) computed by PyTorch, which tests/js/explain.test.mjs
compares with. The features before the pooling times the weights of the last layer, plus its bias.

Needs torch, numpy and Pillow, and the shared models:  python3 make_class_maps.py ../../../shared/models
"""

import json
import pathlib
import sys

import numpy as np
import torch
from PIL import Image

HERE = pathlib.Path(__file__).parent
SAMPLES = HERE / "../../web/demo/samples"


def class_maps(features, layer):
    """[classes, height, width] from [1, channels, height, width]."""
    return torch.einsum("kc,chw->khw", layer.weight, features[0]) + layer.bias[:, None, None]


def digits(models):
    net = torch.jit.load(models / "tiny/digits_cnn_scripted.pt").eval()
    x = torch.from_numpy(np.load(HERE / "digits_input.npy").reshape(-1)[:64].reshape(1, 1, 8, 8).astype(np.float32))
    maps = class_maps(digit_features(net, x), net.fc)
    assert torch.allclose(maps.mean((1, 2)), net(x)[0], atol=1e-4)
    return maps.reshape(10, -1)


def digit_features(net, x):
    """What the network pools, by the steps of its own forward()."""
    relu, relu6 = torch.nn.functional.relu, torch.nn.functional.relu6
    x = relu6(net.b1(net.c1(x)))
    x = relu6(net.b2(net.dw(x)))
    x = torch.nn.functional.max_pool2d(relu(net.b3(net.pw(x))), 2)
    return x + relu(net.b4(net.c4(x)))


def photo(name):
    """As models/README.md of the shared models says, with Pillow."""
    image = Image.open(SAMPLES / name).convert("RGB")
    width, height = image.size
    side = int(224 / 256 * min(width, height))
    left, top = (width - side + 1) // 2, (height - side + 1) // 2
    crop = image.crop((left, top, left + side, top + side)).resize((224, 224), Image.Resampling.BICUBIC)
    x = (np.asarray(crop, np.float32) - 127) / 128
    return torch.from_numpy(x.transpose(2, 0, 1)[None].copy())


def photos(models):
    net = torch.jit.load(models / "formats/efficientnet_lite0_scripted.pt").eval()
    out = {}
    for name in ("cat.jpg", "coffee.jpg", "cameraman.jpg"):
        x = photo(name)
        logits = net(x)[0]
        features = net.stem(x)
        for block in net.blocks.children():
            features = block(features)
        maps = class_maps(net.head(features), net.fc)
        assert torch.allclose(maps.mean((1, 2)), logits, atol=1e-3)
        index = int(logits.argmax())
        out[name] = {"index": index, "values": rounded(maps[index])}
    return out


def rounded(values):
    return [float(f"{v:.7g}") for v in values.reshape(-1).tolist()]


def main():
    models = pathlib.Path(sys.argv[1])
    with torch.no_grad():
        maps = {"digits": [rounded(m) for m in digits(models)], "photos": photos(models)}
    (HERE / "class_maps.json").write_text(json.dumps(maps, separators=(",", ":")) + "\n")


main()
