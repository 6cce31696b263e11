// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/simd_path.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace datus {

/// Embeddings averaged over their image by affinity: the affinity graph with its strengths kept.
///
/// With c_i the embedding minus the image's mean over the valid patches, at unit length (both as `AffinityOptions` say
/// of `image` and `cosine`), w_ij = exp((c_i c_j - 1) / temperature), 0 where the exponent is below -16, and w_ii = 1.
/// The result is sum_j w_ij embedding_j over the valid patches, at unit length. Products and sums are sequential f32
/// chains of fused multiply-adds in index order, exp is a fixed polynomial: the same bits on every path and machine.
///
/// `embeddings` [nodes, dim] f32, row-major, finite; `valid` [nodes] (0 = padding, empty = all valid): padding stays as
/// it is, at unit length. Returns [nodes, dim]. A patch whose sum is zero stays zero.
///
/// Not collective, one thread; memory for half of the graph in f32 and two copies of the embeddings. Throws
/// `InputError` when the sizes do not agree or there are more than 32,767 patches; `UsageError` for a temperature that
/// is not above 0, or a path that this CPU lacks.
[[nodiscard]] std::vector<float> smooth_embeddings(std::span<const float> embeddings, int nodes, int dim,
                                                   double temperature, std::span<const std::uint8_t> valid = {},
                                                   SimdPath path = best_simd_path());

}  // namespace datus
