#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How many edges of the affinity graph change when a backbone computes in bfloat16 or float16 instead of float32.

Runs a plain ViT (the original naming, .safetensors) in PyTorch on the CPU, every stored value rounded to the type in question, on photos of
a folder, and compares the signs of all dot products between keys, taken in float64. Needs python3-torch, python3-numpy, python3-pil.
"""
import argparse
import json
import math
import pathlib
import struct

import numpy
import torch
from PIL import Image

MEAN = numpy.array([0.485, 0.456, 0.406], numpy.float32)
DEVIATION = numpy.array([0.229, 0.224, 0.225], numpy.float32)


def read_safetensors(path):
    data = pathlib.Path(path).read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    types = {"F32": numpy.float32, "F16": numpy.float16}
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        values = numpy.frombuffer(data[8 + size + begin : 8 + size + end], types[entry["dtype"]])
        tensors[name] = torch.from_numpy(values.astype(numpy.float32)).reshape(entry["shape"])
    return tensors


def positions(stored, grid):
    side = int(math.isqrt(stored.shape[1] - 1))
    rest = stored[:, 1:].reshape(1, side, side, -1).permute(0, 3, 1, 2)
    scale = (grid + 0.1) / side
    rest = torch.nn.functional.interpolate(rest, scale_factor=(scale, scale), mode="bicubic")
    return torch.cat([stored[:, :1], rest.permute(0, 2, 3, 1).flatten(1, 2)], 1)


def keys(weights, image, heads, kind):
    """Keys of the last block, [P, D] float64. Every stored value is rounded to `kind`; products add up in float32, as matrix units do."""
    rounded = lambda x: x.to(kind).float()
    w = {name: rounded(tensor) for name, tensor in weights.items()}
    linear = lambda x, name: rounded(torch.nn.functional.linear(x, w[name + ".weight"], w[name + ".bias"]))
    norm = lambda x, name: rounded(torch.nn.functional.layer_norm(x, x.shape[-1:], w[name + ".weight"], w[name + ".bias"], 1e-6))
    patch = w["patch_embed.proj.weight"].shape[-1]
    grid = image.shape[-1] // patch
    pixels = rounded(image.reshape(3, grid, patch, grid, patch).permute(1, 3, 0, 2, 4).reshape(grid * grid, -1))
    x = rounded(torch.nn.functional.linear(pixels, w["patch_embed.proj.weight"].flatten(1), w["patch_embed.proj.bias"]))
    x = rounded(torch.cat([w["cls_token"][0], x]) + rounded(positions(weights["pos_embed"], grid)[0]))
    depth = 1 + max(int(name.split(".")[1]) for name in weights if name.startswith("blocks."))
    for b in range(depth):
        qkv = linear(norm(x, f"blocks.{b}.norm1"), f"blocks.{b}.attn.qkv")
        q, k, v = qkv.reshape(len(x), 3, heads, -1).permute(1, 2, 0, 3)
        if b == depth - 1:
            return k.permute(1, 0, 2).flatten(1)[1:].double()
        shares = rounded((q @ k.transpose(1, 2) / math.sqrt(q.shape[-1])).softmax(-1))
        attended = rounded(shares @ v).permute(1, 0, 2).flatten(1)
        x = rounded(x + linear(attended, f"blocks.{b}.attn.proj"))
        hidden = rounded(torch.nn.functional.gelu(linear(norm(x, f"blocks.{b}.norm2"), f"blocks.{b}.mlp.fc1")))
        x = rounded(x + linear(hidden, f"blocks.{b}.mlp.fc2"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    root = pathlib.Path(__file__).resolve().parent.parent
    parser.add_argument("--weights", default=root / "data/weights/demo_vit_tiny_patch16.safetensors")
    parser.add_argument("--images", default=root / "data/suim8/images", type=pathlib.Path)
    parser.add_argument("--heads", type=int, default=3)
    parser.add_argument("--size", type=int, default=480)
    arguments = parser.parse_args()
    weights = read_safetensors(arguments.weights)
    kinds = {"float16": torch.float16, "bfloat16": torch.bfloat16}
    changed = dict.fromkeys(["float32 keys stored as float16", *kinds], 0)
    pairs = 0
    for path in sorted(arguments.images.iterdir()):
        photo = Image.open(path).convert("RGB").resize((arguments.size, arguments.size), Image.BICUBIC)
        image = torch.from_numpy(((numpy.asarray(photo, numpy.float32) / 255 - MEAN) / DEVIATION).transpose(2, 0, 1).copy())
        exact = keys(weights, image, arguments.heads, torch.float32)
        signs = exact @ exact.T > 0
        pairs += signs.numel()
        stored = exact.half().double()
        changed["float32 keys stored as float16"] += int((signs != (stored @ stored.T > 0)).sum())
        for name, kind in kinds.items():
            found = keys(weights, image, arguments.heads, kind)
            changed[name] += int((signs != (found @ found.T > 0)).sum())
    for name, count in changed.items():
        print(f"{name}: {count / pairs:.2e} of {pairs} pairs change their sign")


if __name__ == "__main__":
    with torch.no_grad():
        main()
