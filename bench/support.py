# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks share: data, processes on the same cores, statistics, Markdown."""
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PROGRAM = os.path.join(ROOT, "build", "release", "bench", "bench_kmeans")


def write_rows(path, rows, dim, seed=1):
    """Unit-length f32 rows between pairs of 100 random directions, with noise, as raw values: k-means takes many
    iterations to settle on them, as it does on descriptors."""
    directions = 100
    centres = np.random.default_rng([seed, 0]).standard_normal((directions, dim), dtype=np.float32)
    with open(path, "wb") as file:
        for begin in range(0, rows, 20000):
            random = np.random.default_rng([seed, 1, begin])
            count = min(20000, rows - begin)
            values = 1.5 * random.standard_normal((count, dim), dtype=np.float32)
            values += centres[random.integers(directions, size=count)]
            values += centres[random.integers(directions, size=count)] * random.random((count, 1), dtype=np.float32)
            values /= np.linalg.norm(values, axis=1, keepdims=True)
            values.tofile(file)


def read_rows(path, rows, dim):
    return np.fromfile(path, dtype=np.float32, count=rows * dim).reshape(rows, dim)


def write_first_centroids(path, rows_path, rows, dim, clusters, seed=2):
    """For each K that many different rows, all one after the other."""
    values = np.memmap(rows_path, dtype=np.float32, mode="r", shape=(rows, dim))
    with open(path, "wb") as file:
        for k in clusters:
            values[np.random.default_rng([seed, k]).choice(rows, k, replace=False)].tofile(file)


def split_by_clusters(values, clusters, dim):
    """[sum of K, D] -> one [K, D] for each K."""
    return np.split(values.reshape(-1, dim), np.cumsum(clusters)[:-1])


def first_cores(count):
    """The first cores that this process may use, as taskset wants them."""
    cores = sorted(os.sched_getaffinity(0))
    if count > len(cores):
        sys.exit(f"{count} threads were asked for, and {len(cores)} cores are there. Lower --threads.")
    return ",".join(map(str, cores[:count]))


def run_json(command, environment=None):
    """Runs a command that writes JSON to the file which is put in the place of {json}."""
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "out.json")
        command = [part.replace("{json}", out) for part in command]
        done = subprocess.run(command, env={**os.environ, **(environment or {})}, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{' '.join(command)}\nfailed with code {done.returncode}:\n{done.stdout}{done.stderr}")
        with open(out) as file:
            return json.load(file)


def median(values):
    return statistics.median(values)


def case_name(rows, dim, clusters):
    return f"{rows}x{dim}x{'+'.join(map(str, clusters))}"


def case_title(rows, dim, clusters):
    return f"{rows:,} x {dim}, {clusters_title(clusters)}"


def clusters_title(clusters):
    if len(clusters) <= 3:
        return f"K = {', '.join(map(str, clusters))}"
    return f"K = {clusters[0]}, {clusters[1]}, …, {clusters[-1]}"


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows]) + "\n"


def machine():
    """One line on the machine."""
    with open("/proc/cpuinfo") as file:
        text = file.read()
    model = re.search(r"model name\s*: (.*)", text)
    flags = re.search(r"flags\s*: (.*)", text)
    flags = flags.group(1).split() if flags else []
    sets = [name for name in ("avx2", "avx512f") if name in flags]
    return (f"{model.group(1) if model else platform.processor()}, {len(os.sched_getaffinity(0))} cores, "
            f"{' '.join(sets)}, Linux {platform.release()}")


def busy():
    """A warning where other work would disturb the figures, or an empty text."""
    load = os.getloadavg()[0]
    return f"WARNING: the load average was {load:.1f} at the start: other work disturbs these figures.\n" if load > 0.5 else ""


def splice(path, name, text):
    """Puts text between the lines '<!-- begin NAME -->' and '<!-- end NAME -->' of a Markdown file."""
    begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->"
    with open(path) as file:
        page = file.read()
    if begin not in page or end not in page:
        sys.exit(f"'{path}' has no place for '{name}' (the lines {begin.strip()} and {end} mark it). Put them in.")
    head, rest = page.split(begin, 1)
    with open(path, "w") as file:
        file.write(head + begin + text + end + rest.split(end, 1)[1])


if __name__ == "__main__":
    # support.py PAGE.md NAME=FRAGMENT.md …
    for argument in sys.argv[2:]:
        place, fragment = argument.split("=", 1)
        with open(fragment) as source:
            splice(sys.argv[1], place, source.read())
