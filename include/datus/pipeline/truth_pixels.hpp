// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/image.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace datus {

/// How many pixels of ground truth each class has: what tells whether it was read as it was meant.
struct TruthPixels {
  std::vector<std::int64_t> of_class;  ///< [classes]
  std::int64_t void_pixels = 0;

  /// Adds those of one image, [height, width] of classes or `no_label`, with room for all of its classes.
  void add(const LabelMap& truth);
  [[nodiscard]] std::int64_t total() const;
};

/// "2 of 6 classes (sea, sky), 12.3 % void". Without `class_names` classes are numbers.
[[nodiscard]] std::string truth_text(const TruthPixels& truth, const std::vector<std::string>& class_names);

/// A warning that names the settings, where scores against such ground truth say little: it has less than two classes,
/// or most of its pixels are void. Empty otherwise.
[[nodiscard]] std::string truth_warning(const TruthPixels& truth, const std::vector<std::string>& class_names,
                                        int void_value);

}  // namespace datus
