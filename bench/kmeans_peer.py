# SPDX-License-Identifier: Apache-2.0
"""Times iterations of another program's k-means: FAISS or scikit-learn, whichever Python's packages this runs with.
bench/kmeans.py calls it, once for each measurement."""
import argparse
import json
import time

import numpy as np

import support


def blas():
    """The BLAS libraries in use and what CPU they take this one for."""
    try:
        from threadpoolctl import threadpool_info
    except ImportError:
        return ""
    infos = [info for info in threadpool_info() if info["user_api"] == "blas"]
    return "; ".join(f"{i['internal_api']} {i['version']} ({i.get('architecture', '?')})" for i in infos)


def faiss_iterations(rows, first, iterations, threads):
    """Seconds of one iteration, from the time stamps that FAISS takes itself, and the centroids after the last one."""
    import faiss
    faiss.omp_set_num_threads(threads)
    # No sampling: all points are used.
    kmeans = faiss.Kmeans(rows.shape[1], len(first), niter=iterations, nredo=1, max_points_per_centroid=len(rows),
                          min_points_per_centroid=1)
    kmeans.train(rows, init_centroids=first)
    stamps = [of_iteration["time"] for of_iteration in kmeans.iteration_stats]
    if len(stamps) != iterations:
        raise SystemExit(f"FAISS made {len(stamps)} iterations instead of {iterations}")
    return (stamps[-1] - stamps[0]) / (iterations - 1), kmeans.centroids, faiss.__version__


def sklearn_iterations(rows, first, iterations, threads):
    """Seconds of one iteration, from one call of the function that does an iteration to the next, and the centroids
    after the last one. (Runs of 1 and of n iterations differ by the same, but by the noise of two set-ups too.)"""
    import sklearn
    from sklearn.cluster import KMeans, _kmeans
    stamps, iterate = [], _kmeans.lloyd_iter_chunked_dense

    def stamped(*arguments, **named):
        stamps.append(time.perf_counter())
        return iterate(*arguments, **named)

    _kmeans.lloyd_iter_chunked_dense = stamped
    kmeans = KMeans(n_clusters=len(first), init=first, n_init=1, max_iter=iterations, tol=0, algorithm="lloyd")
    kmeans.fit(rows)
    _kmeans.lloyd_iter_chunked_dense = iterate
    # One more call at the end assigns the rows to the final centroids.
    if len(stamps) != iterations + 1:
        raise SystemExit(f"scikit-learn made {len(stamps) - 1} iterations instead of {iterations}")
    return (stamps[-1] - stamps[0]) / iterations, kmeans.cluster_centers_, sklearn.__version__


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", choices=["faiss", "sklearn"])
    parser.add_argument("--data", required=True, help="raw f32 rows")
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--dim", type=int, required=True)
    parser.add_argument("--clusters", required=True, help="values of K, separated by commas: one after the other")
    parser.add_argument("--centroids", required=True, help="raw f32 first centroids of all K in turn")
    parser.add_argument("--iterations", type=int, required=True, help="at least 2")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--final", help="write the centroids of all K to this file")
    parser.add_argument("--json", required=True)
    options = parser.parse_args()

    clusters = [int(k) for k in options.clusters.split(",")]
    rows = support.read_rows(options.data, options.rows, options.dim)
    firsts = np.fromfile(options.centroids, dtype=np.float32, count=sum(clusters) * options.dim)
    iterate = faiss_iterations if options.program == "faiss" else sklearn_iterations
    seconds, final = [], []
    for first in support.split_by_clusters(firsts, clusters, options.dim):
        of_k, centroids, version = iterate(rows, np.ascontiguousarray(first), options.iterations, options.threads)
        seconds.append(of_k)
        final.append(centroids)
    if options.final:
        np.concatenate(final).astype(np.float32).tofile(options.final)
    with open(options.json, "w") as file:
        json.dump({"seconds": seconds, "version": version, "blas": blas()}, file)


if __name__ == "__main__":
    main()
