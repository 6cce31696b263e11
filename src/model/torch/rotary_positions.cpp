// SPDX-License-Identifier: Apache-2.0
#include "model/torch/rotary_positions.hpp"

#include <cmath>
#include <cstddef>
#include <numbers>

namespace datus {
namespace {

/// Centres of `count` cells between -1 and 1.
double coordinate(int index, int count) {
  return (index + 0.5) / count * 2 - 1;
}

}  // namespace

RotaryPositions::RotaryPositions(GridSize grid, std::span<const double> periods) : half_(2 * periods.size()) {
  const auto size = static_cast<std::size_t>(grid.patches()) * half_;
  cosine_.reserve(size);
  sine_.reserve(size);
  for (int row = 0; row < grid.rows; ++row) {
    for (int col = 0; col < grid.cols; ++col) {
      for (const double place : {coordinate(row, grid.rows), coordinate(col, grid.cols)}) {
        for (const double period : periods) {
          const double angle = 2 * std::numbers::pi * place / period;
          cosine_.push_back(static_cast<float>(std::cos(angle)));
          sine_.push_back(static_cast<float>(std::sin(angle)));
        }
      }
    }
  }
}

void RotaryPositions::rotate(const at::Tensor& patches, std::int64_t heads) const {
  for (std::int64_t p = 0; p < patches.size(0); ++p) {
    const float* cosine = cosine_.data() + static_cast<std::size_t>(p) * half_;
    const float* sine = sine_.data() + static_cast<std::size_t>(p) * half_;
    float* row = patches.data_ptr<float>() + p * patches.stride(0);
    for (std::int64_t h = 0; h < heads; ++h) {
      float* first = row + static_cast<std::size_t>(h) * 2 * half_;
      float* second = first + half_;
      for (std::size_t i = 0; i < half_; ++i) {
        const float a = first[i];
        const float b = second[i];
        first[i] = a * cosine[i] - b * sine[i];
        second[i] = b * cosine[i] + a * sine[i];
      }
    }
  }
}

}  // namespace datus
