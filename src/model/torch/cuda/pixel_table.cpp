// SPDX-License-Identifier: Apache-2.0
#include "model/torch/cuda/pixel_table.hpp"

#include "datus/core/image.hpp"

#include <cstdint>
#include <utility>

namespace datus {
namespace {

std::vector<float> scaled_bytes(const PixelScaling& scaling) {
  std::vector<float> table;
  for (std::size_t plane = 0; plane < 3; ++plane) {
    Image bytes(1, 256);
    for (std::size_t i = 0; i < bytes.pixels.size(); ++i) bytes.pixels[i] = static_cast<std::uint8_t>(i / 3);
    std::vector<float> planes(bytes.pixels.size());
    normalise(bytes, scaling.mean, scaling.standard_deviation, false, planes);
    const auto begin = planes.begin() + static_cast<std::ptrdiff_t>(plane * 256);
    table.insert(table.end(), begin, begin + 256);
  }
  return table;
}

}  // namespace

void PixelTable::use(const PixelScaling& scaling, const cuda::Stream& stream) {
  std::vector<float> table = scaled_bytes(scaling);
  if (table == host_) return;
  cuda::copy(device_.data(), table.data(), table.size(), stream);
  stream.wait();
  host_ = std::move(table);
}

}  // namespace datus
