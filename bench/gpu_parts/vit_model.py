# SPDX-License-Identifier: Apache-2.0
"""A plain Vision Transformer in PyTorch, the peer that is always there; random weights; their file for datus."""
import dataclasses
import json
import math
import struct

import torch
from torch import nn
from torch.nn import functional


@dataclasses.dataclass(frozen=True)
class Shape:
    name: str
    patch: int
    dim: int
    heads: int
    depth: int = 12
    side: int = 224

    @property
    def patches(self):
        return (self.side // self.patch) ** 2

    def flops(self, what):
        """Of the products of one image; "keys": of the last block the key projection alone; "tokens": of all blocks."""
        tokens, dim = self.patches + 1, self.dim
        block = 2 * tokens * dim * 12 * dim + 4 * tokens * tokens * dim
        embedding = 2 * self.patches * 3 * self.patch**2 * dim
        if what == "tokens":
            return embedding + self.depth * block
        return embedding + (self.depth - 1) * block + 2 * self.patches * dim * dim


SHAPES = {shape.name: shape for shape in (Shape("S/16", 16, 384, 6), Shape("S/8", 8, 384, 6), Shape("B/8", 8, 768, 12))}


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x):
        batch, tokens, dim = x.shape
        q, k, v = self.qkv(x).reshape(batch, tokens, 3, self.heads, dim // self.heads).permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(q, k, v)
        return self.proj(mixed.transpose(1, 2).reshape(batch, tokens, dim))


class Mlp(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.fc1 = nn.Linear(dim, 4 * dim)
        self.fc2 = nn.Linear(4 * dim, dim)

    def forward(self, x):
        return self.fc2(functional.gelu(self.fc1(x)))


class Block(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.attn = Attention(dim, heads)
        self.norm2 = nn.LayerNorm(dim, eps=1e-6)
        self.mlp = Mlp(dim)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class PatchEmbedding(nn.Module):
    def __init__(self, patch, dim):
        super().__init__()
        self.proj = nn.Conv2d(3, dim, patch, patch)

    def forward(self, images):
        return self.proj(images).flatten(2).transpose(1, 2)


class PlainViT(nn.Module):
    """With the names of DINO, which are timm's as well."""

    def __init__(self, shape):
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, shape.dim))
        self.pos_embed = nn.Parameter(torch.zeros(1, shape.patches + 1, shape.dim))
        self.patch_embed = PatchEmbedding(shape.patch, shape.dim)
        self.blocks = nn.ModuleList(Block(shape.dim, shape.heads) for _ in range(shape.depth))
        self.norm = nn.LayerNorm(shape.dim, eps=1e-6)

    def embed(self, images):
        patches = self.patch_embed(images)
        return torch.cat([self.cls_token.expand(len(patches), -1, -1), patches], 1) + self.pos_embed


class Reader(nn.Module):
    """Of a ViT, ours or timm's: "tokens" after all blocks and the norm, or the last block's "keys" of the patches."""

    def __init__(self, vit, what):
        super().__init__()
        self.vit, self.what = vit, what

    def forward(self, images):
        vit = self.vit
        x = vit.embed(images) if isinstance(vit, PlainViT) else vit.norm_pre(vit._pos_embed(vit.patch_embed(images)))
        if self.what == "tokens":
            for block in vit.blocks:
                x = block(x)
            return vit.norm(x)
        for block in vit.blocks[:-1]:
            x = block(x)
        last, dim = vit.blocks[-1], x.shape[-1]
        qkv = last.attn.qkv
        return functional.linear(last.norm1(x)[:, 1:], qkv.weight[dim:2 * dim], qkv.bias[dim:2 * dim])


def random_weights(shape, seed=1):
    """Float32 by name; activations stay in the range of a trained model's."""
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for name, tensor in PlainViT(shape).state_dict().items():
        values = torch.randn(tensor.shape, generator=generator)
        if name in ("cls_token", "pos_embed"):
            weights[name] = values * 0.5
        elif name.endswith("bias"):
            weights[name] = values * 0.05
        elif "norm" in name:
            weights[name] = 1 + 0.05 * values
        else:
            weights[name] = values / math.sqrt(tensor[0].numel())
    return weights


def write_safetensors(path, tensors):
    """float32 tensors by name. Eight bytes with the length of a JSON header, the header, the values."""
    header, offset = {}, 0
    for name, tensor in tensors.items():
        size = 4 * tensor.numel()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors.values():
            file.write(tensor.contiguous().numpy().astype("<f4").tobytes())


def plain_model(shape, weights):
    vit = PlainViT(shape)
    vit.load_state_dict(weights)
    return vit.eval()


def timm_model(timm, shape, weights):
    vit = timm.models.vision_transformer.VisionTransformer(
        img_size=shape.side, patch_size=shape.patch, embed_dim=shape.dim, depth=shape.depth, num_heads=shape.heads,
        num_classes=0)
    vit.load_state_dict(weights)
    return vit.eval()
