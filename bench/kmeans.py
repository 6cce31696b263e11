# SPDX-License-Identifier: Apache-2.0
"""Compares an iteration of datus' k-means with FAISS' and scikit-learn's: same rows, same first centroids, same threads
on the same cores, in turns. Prints times, ratios, how near the machine's limits datus comes, and the proof that all
programs did the same work. docs/performance.md explains the figures; bench/run_kmeans is the usual way to call this."""
import argparse
import itertools
import json
import os
import sys
import tempfile

import numpy as np

import support
from support import case_name, case_title, first_cores, median, run_json, table

SWEEP = list(range(27, 68, 4))
# Rows, D, values of K, iterations.
CASES = [(200000, 384, [27], 30), (200000, 384, [512], 8), (354000, 768, SWEEP, 4)]
QUICK_CASES = [(20000, 96, [27], 4), (10000, 128, [7, 11, 13], 3)]
# Rows and iterations on which the candidates for a program's best build and settings are tried.
TRIAL = (100000, 4)
# Largest relative difference of the inertia: rounding differs, a program that did other work differs far more.
AGREEMENT = 1e-4


class Case:
    """One problem: files of rows and first centroids, and the commands that time its iterations."""

    def __init__(self, rows, dim, clusters, iterations, folder, options):
        self.rows, self.dim, self.clusters, self.iterations = rows, dim, clusters, iterations
        self.options, self.folder = options, folder
        self.data, self.first = os.path.join(folder, "rows.f32"), os.path.join(folder, "first.f32")
        support.write_rows(self.data, rows, dim)
        support.write_first_centroids(self.first, self.data, rows, dim, clusters)

    def pinned(self, command):
        return ["taskset", "-c", first_cores(self.options.threads)] + command

    def time_datus(self):
        return run_json(self.pinned([
            self.options.program, "--case", case_name(self.rows, self.dim, self.clusters), "--data", self.data,
            "--centroids", self.first, "--iterations", str(self.iterations), "--threads", str(self.options.threads),
            "--json", "{json}"]))["cases"][0]

    def time_peer(self, program, candidate, trial=False, final=None):
        """A trial: fewer rows and iterations, and the first K only."""
        rows = min(self.rows, TRIAL[0]) if trial else self.rows
        iterations = min(self.iterations, TRIAL[1]) if trial else self.iterations
        clusters = self.clusters[:1] if trial else self.clusters
        command = [candidate["python"], os.path.join(support.ROOT, "bench", "kmeans_peer.py"), program,
                   "--data", self.data, "--rows", str(rows), "--dim", str(self.dim),
                   "--clusters", ",".join(map(str, clusters)), "--centroids", self.first,
                   "--iterations", str(iterations), "--threads", str(self.options.threads),
                   "--json", "{json}"]
        environment = {name: str(self.options.threads)
                       for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
        return run_json(self.pinned(command + (["--final", final] if final else [])),
                        {**environment, **candidate["environment"]})

    def inertia(self, centroids_path):
        """Of the nearest centroids, in f64, for each K."""
        rows = support.read_rows(self.data, self.rows, self.dim)
        of_all = np.fromfile(centroids_path, dtype=np.float32)
        sums = []
        for centroids in support.split_by_clusters(of_all, self.clusters, self.dim):
            norms, total = np.square(centroids, dtype=np.float64).sum(axis=1), 0.0
            for begin in range(0, self.rows, 8192):
                block = rows[begin:begin + 8192]
                scores = norms - 2.0 * (block @ centroids.T).astype(np.float64)
                total += float(scores.min(axis=1).sum() + np.square(block, dtype=np.float64).sum())
            sums.append(total)
        return sums


def candidates(program, options):
    """Builds and settings of a program. OpenBLAS chooses its kernels by a list of CPU models and takes those of a 2004
    Pentium for a CPU that it does not know; and its threads and OpenMP's, which spin, get into each other's way."""
    pythons = {"": options.python}
    if program == "faiss":
        pythons = {"Debian": options.python}
        if options.faiss_python:
            pythons["pip"] = options.faiss_python
    with open("/proc/cpuinfo") as file:
        flags = file.read()
    best_core = "SkylakeX" if "avx512bw" in flags else "Haswell" if "avx2" in flags else "Nehalem"
    for (build, python), core, wait in itertools.product(pythons.items(), ("", best_core), ("", "passive")):
        environment = {}
        if core:
            environment["OPENBLAS_CORETYPE"] = core
        if wait:
            environment["OMP_WAIT_POLICY"] = wait
        name = " ".join([build] * bool(build) + [f"{key}={value}" for key, value in environment.items()])
        yield {"name": name or "defaults", "python": python, "environment": environment}


def fastest(case, program, options):
    """Of the candidates on a part of the rows: the build that does best as it comes, the best of all, and million rows/s
    of each."""
    trials = []
    for candidate in candidates(program, options):
        seconds = min(case.time_peer(program, candidate, trial=True)["seconds"][0] for _ in range(2))
        trials.append({"name": candidate["name"], "rate": min(case.rows, TRIAL[0]) / seconds * 1e-6})
        print(f"  {program}, {candidate['name']}: {trials[-1]['rate']:.3f} Mrows/s", flush=True)
    of_name = {candidate["name"]: candidate for candidate in candidates(program, options)}
    ranking = [of_name[trial["name"]] for trial in sorted(trials, key=lambda trial: -trial["rate"])]
    chosen = {program: next(candidate for candidate in ranking if not candidate["environment"])}
    if ranking[0]["environment"]:
        chosen[program + ", tuned"] = ranking[0]
    return chosen, trials


def check_agreement(case, program, datus, final):
    """The largest relative difference between the programs' inertia after the last iteration."""
    inertia = case.inertia(final)
    worst = max(abs(theirs - ours) / ours for theirs, ours in zip(inertia, datus["final_inertia"]))
    if worst > AGREEMENT:
        print(f"WARNING: after {case.iterations} iterations {program} has inertia {inertia}, datus "
              f"{datus['final_inertia']}: not the same work.", file=sys.stderr)
    return worst


def measure(case, options):
    print(f"\n{case_title(case.rows, case.dim, case.clusters)}, {case.iterations} iterations, "
          f"{options.threads} threads", flush=True)
    chosen, trials, agreement, versions = {}, {}, {}, {}
    for program in ("faiss", "sklearn"):
        if options.quick:
            chosen[program], trials[program] = list(candidates(program, options))[-1], []
        else:
            of_program, trials[program] = fastest(case, program, options)
            chosen.update(of_program)
    rounds = []
    for r in range(options.rounds):
        datus = case.time_datus()
        times = {"datus": datus["mean_seconds"], "datus_later": datus["later_seconds"]}
        for peer_name, candidate in chosen.items():
            program = peer_name.split(",")[0]
            final = os.path.join(case.folder, "final.f32")
            peer = case.time_peer(program, candidate, final=final)
            times[peer_name] = sum(peer["seconds"])
            if r == 0:
                agreement[peer_name] = check_agreement(case, program, datus, final)
                versions[peer_name] = f"{peer['version']}, {candidate['name']}, {peer['blas']}"
        rounds.append({"seconds": times, "datus": datus})
        print("  round " + str(r + 1) + ": " + ", ".join(f"{name} {t:.5f} s" for name, t in times.items()), flush=True)
    return {"rows": case.rows, "dim": case.dim, "clusters": case.clusters, "iterations": case.iterations,
            "rounds": rounds, "trials": trials, "agreement": agreement, "versions": versions}


def milliseconds(result, program):
    values = [of_round["seconds"][program] * 1e3 for of_round in result["rounds"]]
    return f"{min(values):.1f} / {median(values):.1f}"


def ratio(result, program):
    """Of the minima and of the medians, how many times as fast datus is; and over the rounds, each by itself."""
    ours = [of_round["seconds"]["datus"] for of_round in result["rounds"]]
    theirs = [of_round["seconds"][program] for of_round in result["rounds"]]
    return f"{min(theirs) / min(ours):.2f} / {median(theirs) / median(ours):.2f}"


def comparison(results):
    rows = []
    for result in results:
        title = case_title(result["rows"], result["dim"], result["clusters"])
        rows.append([title, "datus", milliseconds(result, "datus"), ""])
        rows.append([title, "datus without iteration 1", milliseconds(result, "datus_later"), ""])
        rows += [[title, peer, milliseconds(result, peer), ratio(result, peer)] for peer in result["versions"]]
    return table(["minimum / median over the rounds", "program", "ms per iteration", "datus is faster by"], rows)


def roofline(results):
    rows = []
    for result in results:
        of = [of_round["datus"] for of_round in result["rounds"]]
        middle = sorted(of, key=lambda datus: datus["mean_seconds"])[len(of) // 2]
        mean, limits = middle["mean"], middle["limits"]
        rows.append([case_title(result["rows"], result["dim"], result["clusters"]),
                     f"{mean['rows_per_second'] * 1e-6:.2f}", f"{mean['multiply_adds_per_second'] * 1e-9:.1f}",
                     f"{mean['read_bytes_per_second'] * 1e-9:.2f}", f"{limits['multiply_adds'] * 1e-9:.1f}",
                     f"{limits['memory_read'] * 1e-9:.1f} / {limits['rows_read'] * 1e-9:.1f}", mean["limit"],
                     f"{median([d['mean']['share'] for d in of]) * 100:.0f} %",
                     f"{median([d['later']['share'] for d in of]) * 100:.0f} %"])
    return table(["round of the median", "Mrows/s", "GFMA/s", "GB/s", "peak GFMA/s", "read GB/s: buffer / rows",
                  "lower limit", "share of it", "without iteration 1"], rows)


def proof(results):
    rows = [[case_title(r["rows"], r["dim"], r["clusters"]), r["iterations"], peer, f"{r['agreement'][peer]:.1e}",
             version] for r in results for peer, version in r["versions"].items()]
    return table(["", "iterations", "program", "its inertia is off by", "version, build, settings, BLAS"], rows)


def other_builds(results):
    rows = []
    for result in results:
        for program, trials in result["trials"].items():
            rows += [[f"{result['dim']} values, K = {result['clusters'][0]}", program, trial["name"],
                      f"{trial['rate']:.3f}"] for trial in trials]
    return table(["trial on the first rows", "program", "build and settings", "Mrows/s"], rows)


def fragment(results, options):
    datus = results[0]["rounds"][0]["datus"]
    return "\n".join([
        f"{support.machine()}; {options.threads} threads, path {datus['path']}, {options.rounds} rounds.\n" + options.busy,
        comparison(results), roofline(results), proof(results)] + ([] if options.quick else [other_builds(results)]))


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", default=support.PROGRAM, help="bench_kmeans")
    parser.add_argument("--python", default="/usr/bin/python3", help="has faiss and sklearn (Debian's packages)")
    parser.add_argument("--faiss-python", help="another Python with faiss, for example of a venv with faiss-cpu")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="small cases, two rounds: to see that it works")
    parser.add_argument("--case", action="append", type=int, choices=range(len(CASES)),
                        help="only this one of the cases (again for more)")
    parser.add_argument("--work", help="folder for the data, about 1.1 GB (default: a temporary one)")
    parser.add_argument("--json", help="write all figures to this file")
    parser.add_argument("--markdown", help="write the tables to this file")
    options = parser.parse_args()
    options.busy = support.busy()
    if options.quick:
        options.rounds, options.case = 2, None
    return options


def main():
    options = parse()
    print(support.machine() + "\n" + options.busy, end="")
    cases, results = QUICK_CASES if options.quick else CASES, []
    for index in options.case or range(len(cases)):
        with tempfile.TemporaryDirectory(dir=options.work) as folder:
            results.append(measure(Case(*cases[index], folder, options), options))
    text = fragment(results, options)
    print("\n" + text)
    if options.markdown:
        with open(options.markdown, "w") as file:
            file.write(text)
    if options.json:
        with open(options.json, "w") as file:
            json.dump(results, file, indent=1)


if __name__ == "__main__":
    main()
