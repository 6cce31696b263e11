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

void check_sizes(const Image& image, std::size_t values, int classes) {
  check_sizes(image.height, image.width, values, classes);
  if (static_cast<std::int64_t>(image.pixels.size()) != std::int64_t{3} * image.height * image.width) {
    refuse(image.height, image.width, "its pixels have " + std::to_string(image.pixels.size()) + " bytes");
  }
}

void check_finite(std::span<const float> values, int classes) {
  // Products with 0 are 0 unless a value is infinite or no number; several sums, which a compiler can keep side by
  // side.
  constexpr std::size_t sums = 16;
  float sum[sums] = {};
  const std::size_t whole = values.size() / sums * sums;
  for (std::size_t i = 0; i < whole; i += sums) {
    for (std::size_t k = 0; k < sums; ++k) sum[k] += values[i + k] * 0.0F;
  }
  for (std::size_t i = whole; i < values.size(); ++i) sum[0] += values[i] * 0.0F;
  if (std::none_of(sum, sum + sums, [](float value) { return std::isnan(value); })) return;
  const auto found = std::find_if(values.begin(), values.end(), [](float value) { return !std::isfinite(value); });
  const auto at = found - values.begin();
  throw InputError("Cannot use the classes of an image's pixels",
                   "pixel " + std::to_string(at / classes) + ", class " + std::to_string(at % classes) + " is " +
                       std::to_string(*found),
                   "Give finite values.");
}

Kernel kernel_for(SimdPath path) {
  require_simd_path(path);
  switch (path) {
    case SimdPath::scalar:
      return scalar_kernel();
    case SimdPath::avx2:
      return avx2_kernel();
    case SimdPath::avx512:
      return avx512_kernel();
  }
  throw UsageError("There is no such SIMD path", "its number is " + std::to_string(static_cast<int>(path)),
                   "Choose one of supported_simd_paths().");
}

}  // namespace datus::refine_detail
