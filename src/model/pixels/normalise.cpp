// SPDX-License-Identifier: Apache-2.0
#include "datus/model/normalise.hpp"

#include "datus/core/error.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

namespace datus {

void normalise(const Image& image, const std::array<float, 3>& mean, const std::array<float, 3>& stddev, bool bgr,
               std::span<float> out) {
  const std::size_t pixels = image.pixels.size() / 3;
  if (out.size() != 3 * pixels) {
    throw InputError("Cannot normalise an image of " + std::to_string(pixels) + " pixels",
                     "there is room for " + std::to_string(out.size()) + " values", "Provide 3 values per pixel.");
  }
  for (std::size_t plane = 0; plane < 3; ++plane) {
    if (!(stddev[plane] > 0.0F)) {
      throw UsageError("Cannot divide by a standard deviation of " + std::to_string(stddev[plane]),
                       "it must be above 0", "Correct model.std.");
    }
    // There are only 256 different values, and a look-up is quicker than two divisions.
    std::array<float, 256> table{};
    for (std::size_t value = 0; value < table.size(); ++value) {
      table[value] = (static_cast<float>(value) / 255.0F - mean[plane]) / stddev[plane];
    }
    const std::uint8_t* from = image.pixels.data() + (bgr ? 2 - plane : plane);
    float* to = out.data() + plane * pixels;
    for (std::size_t i = 0; i < pixels; ++i) to[i] = table[from[3 * i]];
  }
}

}  // namespace datus
