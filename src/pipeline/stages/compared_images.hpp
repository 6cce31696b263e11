// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/image_counts.hpp"
#include "datus/config/config.hpp"
#include "datus/core/labels.hpp"
#include "datus/io/dataset.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace datus {

/// Ground truth that masks are compared with.
struct ImageTruth {
  std::int64_t image = 0;  ///< its position in the data set
  DatasetItem truth;
};

/// Where the masks of an image are, one for each K.
struct MaskSource {
  /// From any thread. `k`: which of the values of K, by its place. Throws `InputError` naming the file.
  std::function<Labels(const ImageTruth& image, std::size_t k)> read;
  /// Its file, for messages.
  std::function<std::string(const ImageTruth& image, std::size_t k)> name_of;
};

/// The images of a data set of predictions, which are masks themselves.
[[nodiscard]] MaskSource masks_of_items();

/// An image for one K.
struct ComparedImage {
  bool is_learned_from = false;     ///< by protocols that learn on one half of the images
  ImageCounts all;                  ///< of all its pixels
  std::optional<ImageCounts> crop;  ///< of those of `evaluation_crop`, where a protocol counts them
};

/// How many labels there are; 0: as many as occur.
struct LabelSizes {
  std::vector<int> clusters;  ///< one for each K
  int classes = 0;
};

struct Comparison {
  const Dataset& dataset;
  MaskSource masks;
  LabelSizes sizes;
  std::vector<EvaluateConfig::Protocol> protocols;
  int threads = 1;
  /// Asked before each image; gives up by throwing.
  std::function<void()> may_go_on = [] {};
  /// Masks of which nobody knows whether the model has seen STEGO's crop alone: they must be that crop.
  bool masks_are_from_elsewhere = false;
};

/// Compares masks with ground truth, each file decoded once, and returns for each K the images in the order of
/// `pairs`. Not collective. `tell` is called after each image, from any thread. Throws `InputError` naming the files.
[[nodiscard]] std::vector<std::vector<ComparedImage>> compare_images(const std::vector<ImageTruth>& pairs,
                                                                     const Comparison& comparison,
                                                                     const std::function<void()>& tell);

/// Whether an image is one of those that classes are learned from: half of all, by a hash of its name without the
/// extension, so that an image stays where it is when others come.
[[nodiscard]] bool is_learned_from(const std::string& name);

}  // namespace datus
