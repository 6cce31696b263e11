// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/labels.hpp"
#include "datus/core/simd_path.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace datus {

/// A bit for each pixel; rows begin with a word, and end with bits that are no pixels.
class PixelBits {
 public:
  static constexpr std::size_t word_bits = 64;

  PixelBits(int height, int width)
      : words_((static_cast<std::size_t>(width) + word_bits - 1) / word_bits),
        bits_(static_cast<std::size_t>(height) * words_) {}

  /// Of a row.
  [[nodiscard]] std::size_t words() const { return words_; }
  [[nodiscard]] std::uint64_t* row(int y) { return bits_.data() + static_cast<std::size_t>(y) * words_; }
  [[nodiscard]] const std::uint64_t* row(int y) const { return bits_.data() + static_cast<std::size_t>(y) * words_; }
  /// Of all rows.
  [[nodiscard]] const std::vector<std::uint64_t>& all() const { return bits_; }

 private:
  std::size_t words_;
  std::vector<std::uint64_t> bits_;
};

/// Where a prediction and its ground truth, maps of one size, change.
struct PixelScan {
  int height = 0;
  int width = 0;
  PixelBits predicted;  ///< boundary pixels of the prediction, as `BoundaryCounts` says
  PixelBits real;       ///< those of the ground truth
  PixelBits ends;       ///< the right neighbour has another label in one of the maps, or there is none
};

/// In one pass over both maps. The same bits on each path.
[[nodiscard]] PixelScan scan_pixels(const LabelMap& prediction, const LabelMap& truth,
                                    SimdPath path = best_simd_path());
[[nodiscard]] PixelScan scan_pixels(const ByteLabelMap& prediction, const ByteLabelMap& truth,
                                    SimdPath path = best_simd_path());

}  // namespace datus
