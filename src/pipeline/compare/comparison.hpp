// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/bootstrap.hpp"
#include "datus/algo/partition_agreement.hpp"
#include "datus/algo/scores.hpp"
#include "datus/core/dataset_description.hpp"
#include "pipeline/compare/run_pair.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace datus {

/// Two masks of one image.
struct ImageComparison {
  PartitionAgreement agreement;  ///< by the partners of all images
  /// Of each run, by the classes of all images; null without ground truth.
  std::array<std::optional<double>, 2> accuracy;
  std::array<std::optional<double>, 2> miou;

  /// Accuracy of the second minus that of the first.
  [[nodiscard]] std::optional<double> gain() const;
};

/// Numbers of two runs side by side.
struct RunComparison {
  std::string protocol;
  int classes = 0;  ///< 0 without ground truth
  std::vector<std::string> class_names;
  std::vector<DatasetDescription::Colour> class_colours;  ///< [classes], or empty
  std::array<std::vector<int>, 2> mapping;                ///< [K] class of each cluster, or -1; empty without classes
  std::array<Scores, 2> scores;                           ///< over all images with ground truth
  DifferenceIntervals intervals;                          ///< of the second's minus the first's
  std::vector<std::int64_t> class_pixels;                 ///< [classes]
  std::int64_t scored = 0;                                ///< images with ground truth
  std::vector<int> partners;                              ///< [K of the first] label of the second, or -1
  PartitionAgreement agreement;                           ///< over all images
  std::vector<ImageComparison> images;                    ///< as those of the pair
  std::vector<std::string> notes;                         ///< sentences

  [[nodiscard]] bool is_scored() const { return scored > 0; }
  [[nodiscard]] std::string class_name(std::size_t index) const;
};

/// Reads the masks of all images and compares them. Each run's clusters have the classes that its own scores gave them
/// by this protocol, where these were given for the same classes; else they are matched with the ground truth here,
/// which is said. COLLECTIVE, for one rank. Throws `InputError` naming the file for masks and ground truth that cannot
/// be read.
[[nodiscard]] RunComparison compare_masks(const RunPair& pair, EvaluateConfig::Protocol protocol, int threads,
                                          Communicator& comm);

/// Places of the images in the pair: first the largest gain of the second run, last its largest loss; without ground
/// truth first those whose masks agree least.
[[nodiscard]] std::vector<std::size_t> by_difference(const RunComparison& comparison);

}  // namespace datus
