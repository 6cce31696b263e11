# SPDX-License-Identifier: Apache-2.0
"""Lloyd iterations: datus in exact and fast mode against plain PyTorch, and flash-kmeans and cuVS where they are."""
import os

from .common import Requests, Skipped, card_milliseconds, median, module, spread

ITERATIONS = 20


def write_rows(torch, path, count, dim):
    """Unit-length rows between pairs of 100 random directions, with noise: k-means takes many iterations to settle."""
    generator = torch.Generator("cuda").manual_seed(1)
    draw = lambda *shape: torch.randn(*shape, device="cuda", generator=generator)
    directions = draw(100, dim)
    pick = lambda: directions[torch.randint(100, (count,), device="cuda", generator=generator)]
    rows = 1.5 * draw(count, dim) + pick() + pick() * draw(count, 1).abs().clamp(max=1)
    rows /= rows.norm(dim=1, keepdim=True)
    rows.cpu().numpy().tofile(path)
    return rows


def first_centroids(torch, rows, clusters):
    """The ones that bench_gpu_kmeans takes."""
    return rows[torch.arange(clusters, device=rows.device) * len(rows) // clusters].clone()


class PlainTorch:
    def __init__(self, torch, rows, tf32):
        from . import lloyd
        self.torch, self.rows, self.tf32, self.lloyd = torch, rows, tf32, lloyd
        self.name = "PyTorch, products in " + ("TF32" if tf32 else "float32")

    def milliseconds(self, first):
        torch = self.torch
        before = torch.backends.cuda.matmul.allow_tf32
        torch.backends.cuda.matmul.allow_tf32 = self.tf32
        try:
            self.lloyd.step(self.rows, first)
            return card_milliseconds(torch, lambda: self.lloyd.iterate(self.rows, first, ITERATIONS)) / ITERATIONS
        finally:
            torch.backends.cuda.matmul.allow_tf32 = before


class FlashKMeans:
    def __init__(self, torch, rows, half):
        self.package = module("flash_kmeans")
        self.torch, self.rows = torch, (rows.half() if half else rows)[None]
        self.name = f"flash-kmeans {self.package.__version__}, rows in {'float16' if half else 'float32'}"

    def milliseconds(self, first):
        def run(iterations):
            # A negative tolerance: it never stops before the last iteration.
            self.package.batch_kmeans_Euclid(self.rows, len(first), max_iters=iterations, tol=-1.0,
                                             init_centroids=first.to(self.rows.dtype)[None])
        run(2)
        few = card_milliseconds(self.torch, lambda: run(5))
        many = card_milliseconds(self.torch, lambda: run(5 + ITERATIONS))
        return (many - few) / ITERATIONS


class CuVS:
    def __init__(self, torch, rows):
        self.package, self.torch, self.rows = module("cuvs.cluster.kmeans"), torch, rows
        self.name = f"cuVS {getattr(module('cuvs'), '__version__', '')}"

    def milliseconds(self, first):
        def run(iterations):
            settings = self.package.KMeansParams(n_clusters=len(first), max_iter=iterations, tol=0.0, init_method="Array", n_init=1)
            self.package.fit(settings, self.rows, first.clone())
        run(2)
        # On streams of its own: the host's clock would do as well, the events wait for the whole device.
        few = card_milliseconds(self.torch, lambda: (run(5), self.torch.cuda.synchronize()))
        many = card_milliseconds(self.torch, lambda: (run(5 + ITERATIONS), self.torch.cuda.synchronize()))
        return (many - few) / ITERATIONS


def make_peers(torch, rows):
    makers = [lambda: PlainTorch(torch, rows, False), lambda: PlainTorch(torch, rows, True),
              lambda: FlashKMeans(torch, rows, False), lambda: FlashKMeans(torch, rows, True), lambda: CuVS(torch, rows)]
    peers, left_out = [], []
    for make in makers:
        try:
            peers.append(make())
        except Skipped as reason:
            left_out.append(str(reason))
    return peers, sorted(set(left_out))


def measure(torch, options, datus, peers, rows, clusters, left_out):
    """Milliseconds per iteration by name, over rounds; and what datus said of its first round."""
    first = first_centroids(torch, rows, clusters)
    found, facts = {}, {}
    for _ in range(options.rounds):
        for mode in ("exact", "fast"):
            answer = datus.ask(f"{clusters} {mode}")
            facts.setdefault(mode, answer)
            found.setdefault(f"datus, {mode}", []).append(answer["ms_per_iteration"])
        for peer in list(peers):
            try:
                found.setdefault(peer.name, []).append(peer.milliseconds(first))
            except Exception as error:  # another version's interface, or a want of memory: the others go on
                left_out.append(f"{peer.name} failed: {type(error).__name__}: {error}")
                peers.remove(peer)
                found.pop(peer.name, None)
    return found, facts


def table_rows(title, found, shape, limits):
    count, dim, clusters = shape
    ours = median(found["datus, exact"])
    rows = []
    for name, times in found.items():
        seconds = median(times) * 1e-3
        copy = 4.0 * count * dim / seconds / limits["copy_bytes_per_second"] if seconds > 0 else 0.0
        product = 2.0 * count * dim * clusters / seconds / limits["bf16_flops_per_second"] if seconds > 0 else 0.0
        ratio = "" if name == "datus, exact" else f"{median(times) / ours:.2f}"
        rows.append([title, name, spread(times, 3), ratio, f"{copy:.0%}", f"{product:.0%}"])
    return rows


def part(torch, options, limits):
    count, dim = (100_000 if options.quick else 1_000_000), 384
    path = os.path.join(options.work, "rows.f32")
    rows = write_rows(torch, path, count, dim)
    peers, left_out = make_peers(torch, rows)
    lines, data = [], {}
    with Requests([*options.program("bench_gpu_kmeans"), "--data", path, "--dim", dim, "--requests"]) as datus:
        for clusters in (27, 512):
            print(f"  K = {clusters}", flush=True)
            found, facts = measure(torch, options, datus, peers, rows, clusters, left_out)
            lines += table_rows(f"{count:,} x {dim}, K = {clusters}", found, (count, dim, clusters), limits)
            data[clusters] = {"ms_per_iteration": found, "datus": facts}
    os.remove(path)
    same = all(facts[mode].get("same_bits_as_cpu") for facts in (data[k]["datus"] for k in data) for mode in facts)
    notes = ["Labels and centroids of datus were those of the CPU, bit by bit." if same else
             "Labels and centroids were NOT compared with those of the CPU."]
    notes += [f"Left out: {reason}" for reason in left_out]
    return {"data": {**data, "left_out": left_out}, "notes": notes, "tables": [
        ("k-means, one Lloyd iteration (start-up left out); the shares are those of reading the rows once at the copy "
         "bandwidth, and of the products at the bf16 rate",
         ["case", "program", "ms per iteration", "datus exact is faster by", "copy bandwidth", "bf16 rate"], lines)]}
