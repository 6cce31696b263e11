#pragma once

#include "datus/config/config.hpp"
#include "datus/core/image.hpp"
#include "datus/core/types.hpp"
#include "datus/io/hdf5_reader.hpp"
#include "datus/model/input_geometry.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace datus {

/// What pixels are compared with: clusters, each of one centroid or of the fine ones that were joined in it.
struct DenseClusters {
  std::vector<double> centroids;      ///< [F, dim]
  std::vector<std::int32_t> cluster;  ///< [F]
  int dim = 0;
  int clusters = 0;
};

/// Of RUN/clusters/kK/centroids.h5, or of a clusters file's group, for K clusters. Whoever opened the file has verified
/// it. Throws `InputError` naming the file.
[[nodiscard]] DenseClusters read_dense_clusters(const Hdf5Reader& reader, const std::string& group);

/// The similarity [P, clusters] of an image's patches to the clusters: the cosine of the embedding, smoothed where
/// `smoothing` (descriptor.smoothing) is set. `embeddings` [P, dim], `valid` [P] or empty. Throws `InputError` when the
/// clusters have another width.
[[nodiscard]] std::vector<float> dense_similarities(const DenseClusters& clusters, std::span<const float> embeddings,
                                                    std::optional<double> smoothing,
                                                    std::span<const std::uint8_t> valid);

/// Each pixel's most similar cluster, of similarities [P, clusters] that are interpolated between patches; the lowest
/// on ties; -1 for a pixel that no patch shows. Plain f32 arithmetic, one pixel by itself: the same everywhere.
[[nodiscard]] LabelMap most_similar(std::span<const float> similarities, GridSize grid, int clusters,
                                    const PatchBlends& blends);

/// The same similarities of every pixel, times `scale`, [pixels, clusters]: zeros where no patch shows the pixel.
[[nodiscard]] std::vector<float> pixel_values(std::span<const float> similarities, GridSize grid, int clusters,
                                              const PatchBlends& blends, float scale);

}  // namespace datus
