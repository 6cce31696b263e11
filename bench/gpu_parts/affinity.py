# SPDX-License-Identifier: Apache-2.0
"""Affinity graphs: bench_gpu_affinity, which measures in turns with cuBLAS by itself; smoothing: bench_gpu_smoothing."""
from .common import json_lines, run


def part(_torch, options, limits):
    rounds = 5 if options.quick else 31
    lines = json_lines(run([*options.program("bench_gpu_affinity"), "--json", "--rounds", rounds]).stdout)
    rows = []
    for line in lines:
        flops = 2.0 * line["nodes"] ** 2 * line["dim"] / (line["graphs_us"] * 1e-6)
        key_bytes = 2.0 * line["nodes"] * line["dim"] / (line["graphs_us"] * 1e-6)
        shares = [f"{key_bytes / limits['copy_bytes_per_second']:.0%}", f"{flops / limits['bf16_flops_per_second']:.0%}"] if limits else ["", ""]
        rows.append([f"{line['nodes']} x {line['dim']} ({line['model']})", f"{line['graphs_us']:.2f}", f"{line['sgemm_us']:.2f}",
                     f"{line['sgemm_us'] / line['graphs_us']:.2f}", f"{line['whole_way_us']:.2f}", *shares])
    smoothing = json_lines(run([*options.program("bench_gpu_smoothing"), "--json", "--rounds", rounds]).stdout)
    smoothed = [[f"{line['nodes']} x {line['dim']} ({line['model']})", f"{line['smoothing_us']:.2f}", f"{line['smoothing_whole_way_us']:.2f}",
                 f"{line['smoothing_cpu_us']:.0f}"] for line in smoothing]
    return {"data": lines + smoothing, "tables": [
        ("Affinity graphs of one image; SGEMM is cuBLAS computing the same full product in float32, which the shares count too",
         ["keys", "graphs, µs", "SGEMM, µs", "datus is faster by", "keys in memory to graphs in memory, µs",
          "copy bandwidth", "bf16 rate"], rows),
        ("Smoothing of one image, with the bits of the CPU",
         ["embeddings", "kernels, µs", "embeddings in memory to smoothed ones in memory, µs", "a thread of the CPU, µs"], smoothed)]}
