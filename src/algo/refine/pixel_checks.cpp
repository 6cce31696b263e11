// SPDX-License-Identifier: Apache-2.0
#include "algo/refine/pixel_checks.hpp"

#include "datus/core/error.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>

namespace datus::refine_detail {
namespace {

[[noreturn]] void refuse(int height, int width, const std::string& why) {
  throw InputError(
      "Cannot use the classes of an image of " + std::to_string(height) + " x " + std::to_string(width) + " pixels",
      why, "Give a value for each class of each pixel.");
}

}  // namespace

void check_sizes(int height, int width, std::size_t values, int classes) {
  constexpr int largest_side = 65'535;
  if (std::min(height, width) < 1 || std::max(height, width) > largest_side) {
    refuse(height, width, "sides are from 1 to " + std::to_string(largest_side));
  }
  if (classes < 1 || static_cast<std::int64_t>(values) != std::int64_t{height} * width * classes) {
    refuse(height, width,
           "there are " + std::to_string(values) + " values for " + std::to_string(classes) + " classes");
  }
}

void check_image(const Image& image) {
  check_sizes(image.height, image.width, static_cast<std::size_t>(image.height) * image.width, 1);
  if (static_cast<std::int64_t>(image.pixels.size()) != std::int64_t{3} * image.height * image.width) {
    refuse(image.height, image.width, "its pixels have " + std::to_string(image.pixels.size()) + " bytes");
  }
}

void check_finite(std::span<const float> values, int first, int count, const char* what, std::size_t place) {
  // Products with 0 are 0 unless a value is infinite or no number; several sums, which a compiler can keep side by
  // side.
  float sum[group_size] = {};
  for (std::size_t i = 0; i < values.size(); i += group_size) {
    for (std::size_t k = 0; k < group_size; ++k) sum[k] += values[i + k] * 0.0F;
  }
  if (std::none_of(sum, sum + count, [](float value) { return std::isnan(value); })) return;
  std::size_t at = 0;
  while (std::isfinite(values[at]) || at % group_size >= static_cast<std::size_t>(count)) ++at;
  throw InputError("Cannot use the classes of an image's pixels",
                   std::string(what) + " " + std::to_string(place + at / group_size) + ", class " +
                       std::to_string(static_cast<std::size_t>(first) + at % group_size) + " is " +
                       std::to_string(values[at]),
                   "Give finite values.");
}

Kernel kernel_for(SimdPath path) {
  return for_path(path, scalar_kernel, avx2_kernel, avx512_kernel)();
}

GuidedKernel guided_kernel_for(SimdPath path) {
  return for_path(path, scalar_guided_kernel, avx2_guided_kernel, avx512_guided_kernel)();
}

}  // namespace datus::refine_detail
