# SPDX-License-Identifier: Apache-2.0
"""Times iterations of datus' k-means on 1 and 2 MPI ranks with one thread each, checks what goes through the allreduce
against the formula, fits the model of docs/performance.md, checks it on sizes that were not used for the fit, and prints
what it predicts for more ranks. bench/run_kmeans is the usual way to call this."""
import argparse
import json
import math
import os
import tempfile

import numpy as np

import support
from support import case_name, case_title, clusters_title, median, run_json, table

SWEEP = list(range(27, 68, 4))
# D, values of K, rows of the fit, rows of the check, iterations. The last rows are those of the predictions too.
PROBLEMS = [(384, [27], (50000, 100000), (150000, 200000), 10),
            (384, [512], (25000, 50000), (100000, 200000), 5),
            (768, [27], (50000, 100000), (200000, 354000), 10),
            (768, SWEEP, (25000, 50000), (100000, 354000), 4)]
QUICK_PROBLEMS = [(96, [27], (5000, 10000), (15000, 20000), 4), (128, [7, 11], (3000, 6000), (9000, 12000), 3)]
RANKS = (1, 2)
PREDICTED_RANKS = (1, 2, 8, 64)


def bytes_per_iteration(dim, clusters):
    """A stop flag; for each K two counters, K x D sums, K counts and K inertias; int64."""
    return 8 * (1 + sum(2 + k * dim + 2 * k for k in clusters))


def mpirun(ranks, options):
    bind = ["--bind-to", "core"] if ranks <= options.cores else ["--oversubscribe", "--bind-to", "none"]
    return [options.mpirun, "-n", str(ranks)] + bind + [options.program]


class Collective:
    """Seconds of an allreduce of B bytes on P ranks: steps(P) * latency + volume(P) * B * seconds_per_byte, as a
    reduce-scatter and an allgather take (Rabenseifner's algorithm): 2 log2 P steps, 2 (P - 1) / P B bytes each way."""

    def __init__(self, latency, seconds_per_byte):
        self.latency, self.seconds_per_byte = latency, seconds_per_byte

    @staticmethod
    def steps(ranks):
        return 2 * math.ceil(math.log2(ranks))

    @staticmethod
    def volume(ranks):
        return 2 * (ranks - 1) / ranks

    def seconds(self, ranks, size):
        return self.steps(ranks) * self.latency + self.volume(ranks) * size * self.seconds_per_byte

    @staticmethod
    def fit(measured):
        """Relative least squares over measurements of the microbenchmark on this machine."""
        a = np.array([[Collective.steps(m["ranks"]), Collective.volume(m["ranks"]) * m["bytes"]] for m in measured])
        t = np.array([m["median_seconds"] for m in measured])
        solution, *_ = np.linalg.lstsq(a / t[:, None], np.ones(len(t)), rcond=None)
        return Collective(*np.maximum(solution, 0.0))


class Problem:
    """A length of rows and values of K, with the times of an iteration by (rows, ranks)."""

    def __init__(self, dim, clusters, fit_rows, check_rows, iterations):
        self.dim, self.clusters, self.iterations = dim, clusters, iterations
        self.fit_rows, self.check_rows = fit_rows, check_rows
        self.bytes = bytes_per_iteration(dim, clusters)
        self.seconds, self.share, self.sent = {}, {}, set()

    def measure(self, folder, options):
        data, first = os.path.join(folder, "rows.f32"), os.path.join(folder, "first.f32")
        support.write_rows(data, self.check_rows[-1], self.dim)
        # From the rows that all sizes have.
        support.write_first_centroids(first, data, self.fit_rows[0], self.dim, self.clusters)
        found = {}
        for r in range(options.rounds):
            for rows in self.fit_rows + self.check_rows:
                for ranks in RANKS:
                    case = run_json(mpirun(ranks, options) + [
                        "--threads", "1", "--case", case_name(rows, self.dim, self.clusters), "--data", data,
                        "--centroids", first, "--iterations", str(self.iterations), "--no-limits", "--json",
                        "{json}"])["cases"][0]
                    # The mean over the iterations, as more rows move in the first ones.
                    found.setdefault((rows, ranks), []).append(
                        (case["mean_seconds"], sum(case["allreduce"]["seconds"]) / sum(case["seconds"])))
                    self.sent.update(case["allreduce"]["bytes"])
            print(f"  {case_title(rows, self.dim, self.clusters)}: round {r + 1} of {options.rounds}", flush=True)
        self.seconds = {key: median([seconds for seconds, _ in values]) for key, values in found.items()}
        self.share = {key: median([share for _, share in values]) for key, values in found.items()}

    def fit(self, collective):
        """Seconds per row and seconds per iteration that do not shrink with the ranks: relative least squares over the
        sizes of the fit on 1 and 2 ranks."""
        keys = [(rows, ranks) for rows in self.fit_rows for ranks in RANKS]
        t = np.array([self.seconds[key] for key in keys])
        own = t - np.array([self.reduce_seconds(ranks, collective) for _, ranks in keys])
        a = np.array([[rows / ranks, 1.0] for rows, ranks in keys])
        solution, *_ = np.linalg.lstsq(a / t[:, None], own / t, rcond=None)
        if solution[1] < 0.0:
            solution = [float(np.sum(a[:, 0] * own / t**2) / np.sum((a[:, 0] / t) ** 2)), 0.0]
        self.per_row, self.serial = map(float, solution)

    def reduce_seconds(self, ranks, collective):
        return collective.seconds(ranks, self.bytes) if ranks > 1 else 0.0

    def predict(self, rows, ranks, collective):
        return rows / ranks * self.per_row + self.serial + self.reduce_seconds(ranks, collective)


def time_allreduce(problems, options):
    """On as many ranks as there are cores: more would measure the scheduler."""
    sizes = sorted({8, 16384, 262144} | {problem.bytes for problem in problems})
    measured = []
    for ranks in (2, 4, 8):
        if ranks <= options.cores:
            measured += run_json(mpirun(ranks, options) + [
                "--allreduce", *map(str, sizes), "--allreduce-repeats", str(options.allreduce_repeats), "--json",
                "{json}"])["allreduce"]
    return measured


def speedups(problems):
    rows = []
    for p in problems:
        for n in p.fit_rows + p.check_rows:
            one, two = (p.seconds[(n, ranks)] for ranks in RANKS)
            rows.append([case_title(n, p.dim, p.clusters), f"{one * 1e3:.2f}", f"{two * 1e3:.2f}", f"{one / two:.2f}",
                         f"{p.share[(n, 2)] * 100:.1f} %"])
    return table(["rows, K", "1 rank, ms", "2 ranks, ms", "speed-up", "of 2 ranks' time in the allreduce (with waits)"],
                 rows)


def bytes_table(problems):
    rows = []
    for p in problems:
        sent = "the same" if p.sent == {p.bytes} else f"MISMATCH: {sorted(p.sent)}"
        rows.append([", ".join(map(str, p.clusters)), p.dim, f"{p.bytes:,}", sent])
    measured = {(tuple(p.clusters), p.dim) for p in problems}
    for clusters, dim in [((k,), dim) for k in (27, 512) for dim in (384, 768)] + [(tuple(SWEEP), 384)]:
        if (clusters, dim) not in measured:
            rows.append([", ".join(map(str, clusters)), dim, f"{bytes_per_iteration(dim, clusters):,}", "not run"])
    return table(["K", "D", "bytes per iteration and rank, by the formula", "counted"], rows)


def fitted(problems, collective, allreduces):
    rows = [[f"{clusters_title(p.clusters)}, D = {p.dim}",
             f"{p.per_row * 1e9:.1f}", f"{p.serial * 1e6:.0f}"] for p in problems]
    text = table(["", "w, ns per row and rank", "s, µs per iteration"], rows)
    text += (f"\nAllreduce on this machine: a = {collective.latency * 1e6:.2f} µs per step, "
             f"b = {collective.seconds_per_byte * 1e9:.4f} ns per byte.\n\n")
    return text + table(["ranks", "bytes", "median, µs", "by the fit, µs"],
                        [[m["ranks"], f"{m['bytes']:,}", f"{m['median_seconds'] * 1e6:.1f}",
                          f"{collective.seconds(m['ranks'], m['bytes']) * 1e6:.1f}"] for m in allreduces])


def check(problems, collective):
    rows, errors = [], []
    for p in problems:
        for n in p.check_rows:
            for ranks in RANKS:
                measured, predicted = p.seconds[(n, ranks)], p.predict(n, ranks, collective)
                errors.append((predicted / measured - 1) * 100)
                rows.append([case_title(n, p.dim, p.clusters), ranks, f"{measured * 1e3:.2f}",
                             f"{predicted * 1e3:.2f}", f"{errors[-1]:+.1f} %"])
    return (table(["not used for the fit", "ranks", "measured, ms", "model, ms", "error"], rows) +
            f"\nLargest error {max(map(abs, errors)):.1f} %, median {median(list(map(abs, errors))):.1f} %.\n")


def prediction(problems, here, options):
    """For ranks on a network; adding up the halves costs what it costs on this machine."""
    network = Collective(options.latency * 1e-6,
                         8e-9 / options.bandwidth + here.seconds_per_byte / 2)
    rows = []
    for p in problems:
        n = p.check_rows[-1]
        times = [p.predict(n, ranks, network) for ranks in PREDICTED_RANKS]
        reduces = [p.reduce_seconds(ranks, network) for ranks in PREDICTED_RANKS]
        for ranks, t, reduce in zip(PREDICTED_RANKS, times, reduces):
            rows.append([case_title(n, p.dim, p.clusters), ranks, f"{t * 1e3:.2f}", f"{reduce * 1e3:.2f}",
                         f"{times[0] / t:.1f}", f"{times[0] / t / ranks * 100:.0f} %"])
    return table(["", "ranks", "iteration, ms", "of it allreduce, ms", "speed-up", "efficiency"], rows)


def fragment(problems, collective, allreduces, options):
    return "\n".join([
        f"{support.machine()}; one thread per rank, {options.rounds} rounds.\n" + options.busy,
        speedups(problems), bytes_table(problems), fitted(problems, collective, allreduces),
        check(problems, collective),
        f"Predicted for one rank per core of this kind, memory bandwidth growing with the ranks, a network of "
        f"{options.bandwidth:g} Gbit/s and {options.latency:g} µs:\n",
        prediction(problems, collective, options)])


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", default=support.PROGRAM, help="bench_kmeans")
    parser.add_argument("--mpirun", default="mpirun")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--allreduce-repeats", type=int, default=500)
    parser.add_argument("--bandwidth", type=float, default=100.0, help="assumed, of the network, Gbit/s per rank")
    parser.add_argument("--latency", type=float, default=2.0, help="assumed, of a message, µs")
    parser.add_argument("--quick", action="store_true", help="small problems, one round: to see that it works")
    parser.add_argument("--work", help="folder for the data, about 1.1 GB (default: a temporary one)")
    parser.add_argument("--json", help="write all figures to this file")
    parser.add_argument("--markdown", help="write the tables to this file")
    options = parser.parse_args()
    options.cores, options.busy = len(os.sched_getaffinity(0)), support.busy()
    if options.quick:
        options.rounds, options.allreduce_repeats = 1, 20
    return options


def main():
    options = parse()
    print(support.machine() + "\n" + options.busy, end="")
    problems = [Problem(*problem) for problem in (QUICK_PROBLEMS if options.quick else PROBLEMS)]
    for problem in problems:
        with tempfile.TemporaryDirectory(dir=options.work) as folder:
            problem.measure(folder, options)
    allreduces = time_allreduce(problems, options)
    collective = Collective.fit(allreduces) if allreduces else Collective(0.0, 0.0)
    for problem in problems:
        problem.fit(collective)
    text = fragment(problems, collective, allreduces, options)
    print("\n" + text)
    if options.markdown:
        with open(options.markdown, "w") as file:
            file.write(text)
    if options.json:
        with open(options.json, "w") as file:
            json.dump({"allreduce": allreduces, "problems": [
                {"dim": p.dim, "clusters": p.clusters, "bytes": p.bytes, "sent": sorted(p.sent),
                 "seconds": [[*key, value] for key, value in p.seconds.items()]} for p in problems]}, file, indent=1)


if __name__ == "__main__":
    main()
