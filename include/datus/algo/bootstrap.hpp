// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/image_counts.hpp"
#include "datus/algo/protocol.hpp"
#include "datus/comm/communicator.hpp"

#include <cstdint>
#include <optional>
#include <span>

namespace datus {

/// From the 2.5 % to the 97.5 % quantile, both interpolated between neighbours as NumPy does.
struct Interval {
  double low = 0.0;
  double high = 0.0;
  friend bool operator==(const Interval&, const Interval&) = default;
};

/// How far scores depend on which images there happen to be; null where less than two images have pixels to score, and
/// where a score has no value.
struct Intervals {
  static constexpr double level = 0.95;

  int replicates = 0;       ///< data sets drawn
  std::int64_t images = 0;  ///< from how many
  std::optional<Interval> miou;
  std::optional<Interval> fwiou;
  std::optional<Interval> pixel_accuracy;
  std::optional<Interval> macro_f1;
  std::optional<Interval> nmi;
  std::optional<Interval> ari;
  std::optional<Interval> boundary_f;
};

struct BootstrapOptions {
  int replicates = 1000;
  std::uint64_t seed = 0;
  int threads = 1;
};

/// How often an image (its position in the data set) is in a replicate: a Poisson number of mean 1, from word
/// replicate mod 4 of Philox4x32-10 with the counter {low and high half of the image, replicate / 4, 0xB0075} and the
/// key {low and high half of the seed}. So no rank needs to know how many images others have.
[[nodiscard]] int bootstrap_weight(std::uint64_t seed, std::int64_t image, int replicate) noexcept;

/// COLLECTIVE. Intervals of the scores over images drawn with replacement: each replicate scores every image as often
/// as `bootstrap_weight` says, with the same `mapping` of clusters to classes. `images` are this rank's. All sums are
/// integers, so the result is the same on any ranks and threads. Memory: 64 MiB, or 512 bytes for each pair of a
/// cluster and a class where that is more. Source: the bootstrap of Efron 1979, with Poisson weights as Chamandy et
/// al., "Estimating uncertainty for massive data streams", 2012.
[[nodiscard]] Intervals bootstrap(std::span<const ImageCounts* const> images, Protocol protocol,
                                  std::span<const int> mapping, int classes, const BootstrapOptions& options,
                                  Communicator& comm);

/// How far the difference of two segmentations' scores depends on which images there happen to be.
struct DifferenceIntervals {
  std::optional<Interval> miou;
  std::optional<Interval> pixel_accuracy;
};

/// What is compared with what: images and the class of each cluster.
struct BootstrapSide {
  std::span<const ImageCounts* const> images;
  std::span<const int> mapping;
};

/// COLLECTIVE. Intervals of the second side's scores minus the first's, both over the same draws of images: the sides
/// have the same images at the same positions. So what makes an image hard for both does not count. As `bootstrap`
/// otherwise.
[[nodiscard]] DifferenceIntervals bootstrap_difference(const BootstrapSide& first, const BootstrapSide& second,
                                                       Protocol protocol, int classes, const BootstrapOptions& options,
                                                       Communicator& comm);

}  // namespace datus
