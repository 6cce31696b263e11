// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/types.hpp"

#include <cstdint>
#include <span>
#include <vector>

#include <ATen/core/Tensor.h>

namespace datus {

/// Rotary positions of a patch grid (DINOv3): each head's vector is turned, pair by pair, by angles that depend on
/// where its patch lies. The first quarter of a head's values belongs to the rows, the next to the columns, with their
/// partners half a head further on; the angle is 2π coordinate / period, coordinates from -1 to 1 along each axis.
class RotaryPositions {
 public:
  /// `periods` holds one value for every four of a head.
  RotaryPositions(GridSize grid, std::span<const double> periods);

  /// Turns queries or keys of the patches, [P, heads · head width] with contiguous values in a row, in place.
  void rotate(const at::Tensor& patches, std::int64_t heads) const;

  /// [P, half of a head's width]: of the angles.
  [[nodiscard]] std::span<const float> cosine() const noexcept { return cosine_; }
  [[nodiscard]] std::span<const float> sine() const noexcept { return sine_; }

 private:
  std::size_t half_;           ///< of a head's width
  std::vector<float> cosine_;  ///< [P, half]
  std::vector<float> sine_;
};

}  // namespace datus
