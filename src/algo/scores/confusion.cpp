// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/confusion.hpp"

#include "datus/core/error.hpp"

#include <cstddef>
#include <string>

namespace datus {
std::size_t ConfusionMatrix::value_count(int clusters, int classes) {
  if (clusters < 1 || classes < 1) {
    throw UsageError(
        "Cannot compare " + std::to_string(clusters) + " clusters with " + std::to_string(classes) + " classes",
        "at least one of each is needed", "Check the number of clusters and the list of classes.");
  }
  return (static_cast<std::size_t>(clusters) + 1) * static_cast<std::size_t>(classes) + 1;
}

ConfusionMatrix::ConfusionMatrix(int clusters, int classes)
    : clusters_(clusters), classes_(classes), values_(value_count(clusters, classes)) {}

void ConfusionMatrix::add(const ImageCounts& image) {
  for (const CellCount& cell : image.cells) {
    if (cell.cluster >= no_label && cell.cluster < clusters_ && cell.label >= 0 && cell.label < classes_) continue;
    throw UsageError("A confusion matrix of " + std::to_string(clusters_) + " clusters and " +
                         std::to_string(classes_) + " classes has no place for an image",
                     "it has cluster " + std::to_string(cell.cluster) + " in class " + std::to_string(cell.label),
                     "Make it as large as the largest labels say.");
  }
  for (const CellCount& cell : image.cells) {
    const int row = cell.cluster == no_label ? clusters_ : cell.cluster;
    values_[static_cast<std::size_t>(row) * static_cast<std::size_t>(classes_) +
            static_cast<std::size_t>(cell.label)] += cell.pixels;
  }
  values_.back() += image.void_pixels;
}

}  // namespace datus
