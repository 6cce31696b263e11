# SPDX-License-Identifier: Apache-2.0
"""Lloyd iterations in plain PyTorch, the peer that is always there."""
import torch


def step(rows, centroids, chunk=1 << 18):
    """One iteration: labels by |c|^2 - 2 x.c, then the means; a cluster without rows keeps its centroid."""
    norms = centroids.square().sum(1)
    sums = torch.zeros_like(centroids)
    counts = torch.zeros(len(centroids), device=rows.device)
    labels = torch.empty(len(rows), dtype=torch.long, device=rows.device)
    for begin in range(0, len(rows), chunk):
        part = rows[begin:begin + chunk]
        found = torch.addmm(norms, part, centroids.T, alpha=-2.0).argmin(1)
        sums.index_add_(0, found, part)
        counts.index_add_(0, found, torch.ones(len(part), device=rows.device))
        labels[begin:begin + chunk] = found
    means = torch.where(counts[:, None] > 0, sums / counts.clamp(min=1)[:, None], centroids)
    return labels, means


def iterate(rows, centroids, count):
    for _ in range(count):
        labels, centroids = step(rows, centroids)
    return labels, centroids
