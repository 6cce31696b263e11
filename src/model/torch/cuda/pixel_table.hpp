// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/cuda/memory.hpp"
#include "datus/core/cuda/stream.hpp"
#include "datus/model/normalise.hpp"

#include <vector>

namespace datus {

/// The value that each byte of each plane becomes, float32 [3, 256] on the GPU: the table of `normalise`.
class PixelTable {
 public:
  /// From now on that of `scaling`. Waits for the stream where it is another one than before.
  void use(const PixelScaling& scaling, const cuda::Stream& stream);
  [[nodiscard]] const float* data() const noexcept { return device_.data(); }

 private:
  std::vector<float> host_;
  cuda::DeviceArray<float> device_{3 * std::size_t{256}, "memory for the scale of pixels"};
};

}  // namespace datus
