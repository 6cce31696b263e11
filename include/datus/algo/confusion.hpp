// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/hungarian.hpp"
#include "datus/algo/image_counts.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <Eigen/Core>

namespace datus {

/// How many pixels each cluster shares with each class, over any number of images: all that the scores need.
///
/// Pixels whose truth is void are counted apart, whatever their prediction; the others have a class and either a
/// cluster or none (unassigned). Integer counts, so that the sum over images does not depend on the order or on the
/// ranks.
class ConfusionMatrix {
 public:
  /// All counts 0. Throws `UsageError` without at least one cluster and one class.
  ConfusionMatrix(int clusters, int classes);

  /// Of `values`: (clusters + 1) * classes + 1. Throws as the constructor does.
  [[nodiscard]] static std::size_t value_count(int clusters, int classes);

  /// Adds one image. Throws `UsageError`, and adds nothing, for a cluster or a class that is none of the matrix.
  void add(const ImageCounts& image);

  [[nodiscard]] int clusters() const noexcept { return clusters_; }
  [[nodiscard]] int classes() const noexcept { return classes_; }

  /// Non-void pixels by cluster and class [clusters, classes].
  [[nodiscard]] Eigen::Map<const CountMatrix> counts() const noexcept { return {values_.data(), clusters_, classes_}; }
  /// The same with one more row [clusters + 1, classes]: the unassigned pixels of each class.
  [[nodiscard]] Eigen::Map<const CountMatrix> counts_and_unassigned() const noexcept {
    return {values_.data(), clusters_ + 1, classes_};
  }
  /// Unassigned non-void pixels by class [1, classes].
  [[nodiscard]] Eigen::Map<const CountMatrix> unassigned() const noexcept {
    return {values_.data() + std::ptrdiff_t{clusters_} * classes_, 1, classes_};
  }
  [[nodiscard]] std::int64_t void_pixels() const noexcept { return values_.back(); }

  /// Everything above as one flat array [(clusters + 1) * classes + 1]: sum it over the ranks in one allreduce, and the
  /// matrix is that of all ranks' images.
  [[nodiscard]] std::span<std::int64_t> values() noexcept { return values_; }
  [[nodiscard]] std::span<const std::int64_t> values() const noexcept { return values_; }

 private:
  int clusters_;
  int classes_;
  std::vector<std::int64_t> values_;  ///< counts_and_unassigned, then void_pixels
};

}  // namespace datus
