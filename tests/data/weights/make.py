#!/usr/bin/env python3
"""Makes the checkpoints of this folder and what they hold. Needs PyTorch >= 1.13; the tests need none.

types.pth             a nested checkpoint of torch.save today: types, strides, offsets, shared storages, a parameter, a tensor
                      with an attribute, and a Namespace, numbers and an optimizer's state beside them
types_legacy.pth      the same as torch.save wrote it before version 1.6
old.pth               what only older versions wrote: views into storages, _rebuild_tensor, Python 2's OrderedDict
NAME.expected.safetensors   the tensors of floating-point types as float32, in row-major order
"""
import argparse
import collections
import json
import pathlib
import pickle
import struct
import warnings

import torch

warnings.filterwarnings("ignore")
FOLDER = pathlib.Path(__file__).resolve().parent


def write_expected(name, tensors):
    header, data = {}, b""
    for key, tensor in sorted(tensors.items()):
        values = tensor.detach().to(torch.float32).contiguous()
        raw = struct.pack(f"<{values.numel()}f", *values.flatten().tolist())
        header[key] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    (FOLDER / f"{name}.expected.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)


def make_types():
    generator = torch.Generator().manual_seed(1)
    base = torch.randn(6, 5, generator=generator)
    with_attribute = torch.randn(3, generator=generator)
    with_attribute.note = "an attribute"
    floats = collections.OrderedDict(
        f64=torch.randn(4, generator=generator, dtype=torch.float64),
        f32=base,
        f16=torch.randn(2, 3, generator=generator).half(),
        bf16=torch.randn(3, 2, generator=generator).bfloat16(),
        transposed=base.t(),
        slice=base[2:4, 1:4],
        every_second=base.flatten()[1::2],
        expanded=base[:, 0],
        scalar=torch.tensor(2.5),
        empty=torch.zeros(0, 7),
        parameter=torch.nn.Parameter(torch.randn(2, 2, generator=generator)),
        attribute=with_attribute,
    )
    others = dict(i64=torch.arange(3), i32=torch.arange(3, dtype=torch.int32), u8=torch.arange(3, dtype=torch.uint8),
                  boolean=torch.tensor([True, False]), complex=torch.ones(2, dtype=torch.complex64))
    checkpoint = {
        "teacher": floats,
        "others": others,
        "args": argparse.Namespace(lr=0.1, names=["a", "b"]),
        "epoch": 3,
        "optimizer": {"state": {0: {"exp_avg": torch.ones(2, 2), "step": 7}}, "param_groups": [{"params": [0]}]},
    }
    torch.save(checkpoint, FOLDER / "types.pth")
    torch.save(checkpoint, FOLDER / "types_legacy.pth", _use_new_zipfile_serialization=False)
    write_expected("types", {f"teacher.{key}": value for key, value in floats.items()} |
                   {"optimizer.state.0.exp_avg": torch.ones(2, 2)})


class Storage:
    """Pickled as a persistent id, like torch's own storages."""

    def __init__(self, key, numel, view=None):
        self.id = ("storage", torch.FloatStorage, key, "cpu", numel, view)


class Call:
    """Pickled as the call of a function."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


class OldPickler(pickle.Pickler):
    def persistent_id(self, value):
        return value.id if isinstance(value, Storage) else None


def make_old():
    values = [float(i) / 4 for i in range(10)]
    rebuild, hooks = torch._utils._rebuild_tensor, collections.OrderedDict()
    checkpoint = Call(collections.OrderedDict, [
        ["whole", Call(rebuild, Storage("root", 10), 0, (2, 5), (5, 1))],
        ["view", Call(torch._utils._rebuild_tensor_v2, Storage("root", 10, ("v1", 3, 6)), 1, (2, 2), (2, 1), False, hooks)],
        ["transposed", Call(rebuild, Storage("root", 10, ("v2", 2, 8)), 0, (2, 3), (1, 2))],
    ])
    with open(FOLDER / "old.pth", "wb") as file:
        for value in (0x1950A86A20F9469CFC6C, 1001, dict(protocol_version=1001, little_endian=True,
                                                       type_sizes=dict(short=2, int=4, long=4))):
            pickle.dump(value, file, protocol=2)
        OldPickler(file, protocol=2).dump(checkpoint)
        pickle.dump(["root"], file, protocol=2)
        file.write(struct.pack("<q10f", 10, *values))
    tensors = torch.load(FOLDER / "old.pth")
    assert list(tensors) == ["whole", "view", "transposed"]
    assert tensors["view"].tolist() == [[1.0, 1.25], [1.5, 1.75]], tensors["view"]
    write_expected("old", tensors)


make_types()
make_old()
