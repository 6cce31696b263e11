# SPDX-License-Identifier: Apache-2.0
"""What share of pairs of patches changes the sign of its product of keys when another device or precision computes them."""
import os

from .common import Skipped, module, run


def keys_of(options, h5py, images, weights, name, settings):
    out = os.path.join(options.work, f"keys_{name}.h5")
    command = [*options.program("datus"), "extract", "--images", images, "--weights", weights, "--out", out,
               "--set", "model.input_size=448", "--set", "storage.embeddings=float32"]
    for setting in settings:
        command += ["--set", setting]
    run(command)
    with h5py.File(out) as file:
        return file["keys"][:].astype("float64")


def share(numpy, keys, others):
    """Over all ordered pairs of patches of an image, the ones with themselves included."""
    changed = pairs = 0
    for mine, other in zip(keys, others):
        signs = mine @ mine.T > 0
        changed += int(numpy.count_nonzero(signs != (other @ other.T > 0)))
        pairs += signs.size
    return changed, pairs


def part(_torch, options, _limits):
    h5py, numpy = module("h5py"), module("numpy")
    images = os.path.join(options.root, "data/suim8/images")
    weights = os.path.join(options.root, "data/weights/demo_vit_tiny_patch16.safetensors")
    if not os.path.isdir(images):
        raise Skipped(f"'{images}' is not there")
    exact = keys_of(options, h5py, images, weights, "cpu", ["model.device=cpu", "model.precision=float32"])
    rows, data = [], {}
    for precision in ("float32", "float16", "bfloat16"):
        found = keys_of(options, h5py, images, weights, precision, ["model.device=cuda", f"model.precision={precision}"])
        changed, pairs = share(numpy, exact, found)
        largest = float(numpy.abs(found - exact).max() / numpy.abs(exact).max())
        rows.append([precision, f"{changed / pairs:.2e}", f"{largest:.1e}"])
        data[precision] = {"changed": changed, "pairs": pairs, "largest_difference": largest}
    return {"data": data, "tables": [
        (f"Keys of the demonstration backbone on {len(exact)} photos at 448 x 448, against float32 on the CPU",
         ["on the GPU in", "share of pairs whose sign differs", "largest difference of a key, by the largest key"], rows)]}
