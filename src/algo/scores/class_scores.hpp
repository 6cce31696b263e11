// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/image_counts.hpp"
#include "datus/algo/protocol.hpp"
#include "datus/algo/scores.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace datus {

/// Pixels of each class, [classes] each.
struct ClassPixels {
  std::vector<std::int64_t> hit;        ///< of the class and predicted so (TP)
  std::vector<std::int64_t> predicted;  ///< predicted to be of the class (TP + FP)
  std::vector<std::int64_t> truth;      ///< of the class (TP + FN)

  explicit ClassPixels(int classes)
      : hit(static_cast<std::size_t>(classes)), predicted(hit.size()), truth(hit.size()) {}

  /// `mapping` has a class or -1 for each cluster.
  void add(const CellCount& cell, std::span<const int> mapping, bool drops_unscored);
};

/// Fills in what follows from the pixels of each class.
void set_class_scores(Scores& scores, const ClassPixels& pixels, const ProtocolRules& rules);

}  // namespace datus
