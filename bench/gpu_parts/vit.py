# SPDX-License-Identifier: Apache-2.0
"""Forward passes: datus against timm's model, or a plain one, under torch.compile, with the same weights on the same card."""
import os

from .common import Requests, Skipped, card_milliseconds, median, module, spread

# Forward passes of one measurement.
PASSES = 8


def weights_file(options, shape):
    """Made once per run."""
    from . import vit_model
    path = os.path.join(options.work, f"vit_{shape.name.replace('/', '')}.safetensors")
    if not os.path.exists(path):
        vit_model.write_safetensors(path, vit_model.random_weights(shape))
    return path


def server(options, shape, batches_per_round=PASSES):
    return Requests([*options.program("bench_gpu_vit"), "--weights", weights_file(options, shape), "--heads", shape.heads,
                     "--input-size", shape.side, "--batches-per-round", batches_per_round, "--requests"])


class Peer:
    """A model of PyTorch in bf16 under torch.compile; images are on the card, normalised."""

    def __init__(self, torch, vit, what, mode):
        from . import vit_model
        reader = vit_model.Reader(vit, what)
        self.torch = torch
        # One graph for each batch size: one for all is slower.
        self.compiled = torch.compile(reader, dynamic=False, mode=mode)

    def rate(self, batch, side):
        torch = self.torch
        images = torch.randn(batch, 3, side, side, device="cuda", dtype=torch.bfloat16)
        with torch.inference_mode():
            for _ in range(3):
                self.compiled(images)
            milliseconds = card_milliseconds(torch, lambda: self.compiled(images), PASSES)
        return 1e3 * batch / milliseconds


def make_peer_model(torch, shape):
    from . import vit_model
    weights = vit_model.random_weights(shape)
    try:
        timm = module("timm")
        vit, name = vit_model.timm_model(timm, shape, weights), f"timm {timm.__version__}"
    except Exception as error:  # absent, or of a version with another interface
        print(f"  timm is left out ({error}); a plain PyTorch ViT takes its place", flush=True)
        vit, name = vit_model.plain_model(shape, weights), "plain PyTorch ViT"
    return vit.to("cuda", torch.bfloat16), name


def measure(torch, options, datus, peer, shape, batch, ours, theirs, what):
    """Rounds of one batch size in turns. False where the peer's memory does not suffice."""
    try:
        for _ in range(options.rounds):
            for name, rate in datus.ask(str(batch))["images_per_second"].items():
                ours.setdefault(batch, {}).setdefault(name, []).append(rate)
            theirs.setdefault(batch, {}).setdefault(what, []).append(peer.rate(batch, shape.side))
        return True
    except torch.cuda.OutOfMemoryError:
        print(f"  {shape.name}: a batch of {batch} is too large for the peer", flush=True)
        theirs.get(batch, {}).pop(what, None)
        return False
    finally:
        torch._dynamo.reset()
        torch.cuda.empty_cache()


def sweep(torch, options, shape):
    """Rates of datus and of the peer, batch -> what -> list over rounds. Compiling takes longer than measuring: the peer's
    complete pass is timed with its best batch alone."""
    vit, name = make_peer_model(torch, shape)
    mode = "max-autotune" if options.max_autotune else None
    ours, theirs = {}, {}
    with server(options, shape) as datus:
        keys = Peer(torch, vit, "keys", mode)
        for batch in options.batches:
            if not measure(torch, options, datus, keys, shape, batch, ours, theirs, "keys"):
                break
        batch, _ = best(theirs, "keys")
        measure(torch, options, datus, Peer(torch, vit, "tokens", mode), shape, batch, ours, theirs, "tokens")
    return name, ours, theirs


def best(rates, what):
    """The batch size with the highest median, and the rates with it."""
    candidates = {batch: found[what] for batch, found in rates.items() if found.get(what)}
    if not candidates:
        raise Skipped(f"no batch size could be measured ({what})")
    batch = max(candidates, key=lambda b: median(candidates[b]))
    return batch, candidates[batch]


def rows_of(shape, peer, ours, theirs, limits):
    rows = []
    for what in ("keys", "tokens"):
        our_batch, our_rates = best(ours, f"forward alone, {what}")
        their_batch, their_rates = best(theirs, what)
        share = median(our_rates) * shape.flops(what) / limits["bf16_flops_per_second"]
        rows.append([shape.name, what, f"{our_batch}", spread(our_rates), f"{peer}, {their_batch}", spread(their_rates),
                     f"{median(our_rates) / median(their_rates):.2f}", f"{share:.0%}"])
    return rows


def fed_rows(shape, ours):
    """Images of the host against images on the card."""
    rows = []
    for what in ("keys", "keys and cls"):
        batch, rates = best(ours, f"images, {what}")
        alone = median(ours[batch]["forward alone, keys"])
        share = f"{median(rates) / alone:.0%}" if what == "keys" else ""
        rows.append([shape.name, what, batch, spread(rates), share])
    return rows


def part(torch, options, limits):
    from . import vit_model
    rows, fed, data = [], [], {}
    for name in options.models:
        shape = vit_model.SHAPES[name]
        print(f"  {name}", flush=True)
        peer, ours, theirs = sweep(torch, options, shape)
        rows += rows_of(shape, peer, ours, theirs, limits)
        fed += fed_rows(shape, ours)
        data[name] = {"peer": peer, "datus": ours, "peers": theirs}
    compiled = "torch.compile" + (", max-autotune" if options.max_autotune else "")
    return {"data": data, "tables": [
        (f"Forward pass at 224 x 224 in bf16, images on the card; the other under {compiled}",
         ["model", "gives", "batch", "datus, images/s", "other, batch", "images/s", "datus is faster by", "share of the bf16 rate"], rows),
        ("Fed with images of the host (bytes in, keys as float32 out), against images on the card",
         ["model", "gives", "batch", "images/s", "of the forward pass alone"], fed)]}
