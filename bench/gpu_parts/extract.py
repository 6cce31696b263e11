# SPDX-License-Identifier: Apache-2.0
"""What of the forward pass's speed is left in a whole `datus extract`, from JPEG files to shards of keys."""
import os
import random
import shutil
import time

from . import vit
from .common import Skipped, median, module, run, spread

WIDTH, HEIGHT = 500, 375
DIFFERENT = 256
SHARD = 64


def write_images(folder, count):
    """Smooth random JPEGs with a little noise; from `DIFFERENT` on the same ones again under other names."""
    image_module, numpy = module("PIL.Image"), module("numpy")
    os.makedirs(folder)
    noise = numpy.random.default_rng(1)
    for i in range(min(count, DIFFERENT)):
        small = image_module.fromarray(noise.integers(0, 256, (6, 8, 3), dtype=numpy.uint8))
        smooth = numpy.asarray(small.resize((WIDTH, HEIGHT), image_module.BICUBIC), numpy.int16)
        grain = noise.integers(-12, 13, (HEIGHT, WIDTH, 1), dtype=numpy.int16)
        pixels = numpy.clip(smooth + grain, 0, 255).astype(numpy.uint8)
        image_module.fromarray(pixels).save(os.path.join(folder, f"{i:06d}.jpg"), quality=90)
    for i in range(DIFFERENT, count):
        os.link(os.path.join(folder, f"{i % DIFFERENT:06d}.jpg"), os.path.join(folder, f"{i:06d}.jpg"))


def extract(options, shape, images, batch, count):
    """Seconds of a run that is made for the first time."""
    folder = os.path.join(options.work, "run")
    shutil.rmtree(folder, ignore_errors=True)
    names = sorted(os.listdir(images))[:count]
    listing = os.path.join(options.work, "images.txt")
    with open(listing, "w") as file:
        file.writelines(os.path.join(images, name) + "\n" for name in names)
    config = os.path.join(options.work, "extract.yaml")
    with open(config, "w") as file:
        file.write(f"run: {{directory: {folder}}}\n"
                   f"dataset: {{kind: list, images: {listing}, shard_size: {SHARD}}}\n"
                   f"model: {{weights: {vit.weights_file(options, shape)}, heads: {shape.heads}, "
                   f"input_size: {shape.side}, batch_size: {batch}, device: cuda, precision: bfloat16}}\n")
    begin = time.perf_counter()
    run([*options.program("datus"), "extract", config])
    seconds = time.perf_counter() - begin
    shutil.rmtree(folder)
    return seconds


def part(torch, options, limits):
    from . import vit_model
    shape = vit_model.SHAPES["S/8"]
    many = 1024 if options.quick else 8192
    few = many // 4
    row_bytes = 2 * shape.patches * shape.dim
    if shutil.disk_usage(options.work).free < 2 * many * row_bytes:
        raise Skipped(f"{options.work} has no room for twice {many * row_bytes >> 20} MiB of keys: name another folder by --work")
    images = os.path.join(options.work, "jpeg")
    write_images(images, many)
    batch = SHARD if SHARD in options.batches else max(options.batches)
    seconds = {few: [], many: []}
    alone = []
    with vit.server(options, shape) as datus:
        extract(options, shape, images, batch, few)  # reads all programs and libraries from disk, once
        for _ in range(options.rounds):
            alone.append(datus.ask(str(batch))["images_per_second"]["forward alone, keys"])
            for count in random.sample([few, many], 2):
                seconds[count].append(extract(options, shape, images, batch, count))
    shutil.rmtree(images)
    rate = (many - few) / (median(seconds[many]) - median(seconds[few]))
    whole = many / median(seconds[many])
    rows = [["forward pass alone, images on the card", spread(alone), ""],
            ["datus extract, start and end left out", f"{rate:,.0f}", f"{rate / median(alone):.0%}"],
            [f"datus extract, all of {many:,} images", f"{whole:,.0f}", f"{whole / median(alone):.0%}"]]
    text = (f"Whole extract of S/8 in bf16, batches of {batch}: {WIDTH} x {HEIGHT} JPEGs to shards of float16 keys in {options.storage}, "
            f"{options.cores} cores")
    return {"data": {"seconds": seconds, "forward_alone": alone, "batch": batch},
            "tables": [(text, ["what", "images/s", "of the forward pass"], rows)]}
