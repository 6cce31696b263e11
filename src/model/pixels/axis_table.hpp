// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/model/resize.hpp"
#include "model/pixels/resize_kernels.hpp"

#include <cstdint>
#include <vector>

namespace datus {

/// The windows of the outputs [begin, begin + count) of a pass of `resize_image` from `in` to `out` pixels. A pass that
/// does not change the size has windows too, which copy.
class AxisTable {
 public:
  AxisTable(int in, int out, int begin, int count, Resample resample);
  AxisTable(const AxisTable&) = delete;  // the windows point into weights_
  AxisTable& operator=(const AxisTable&) = delete;

  [[nodiscard]] const std::vector<resize_kernels::Window>& windows() const { return windows_; }
  /// The source range that the windows need: both ends of the windows rise with the output index.
  [[nodiscard]] int begin() const { return static_cast<int>(windows_.front().first); }
  [[nodiscard]] int end() const { return static_cast<int>(windows_.back().first) + windows_.back().count; }

 private:
  std::vector<resize_kernels::Window> windows_;
  std::vector<std::int32_t> weights_;
};

}  // namespace datus
