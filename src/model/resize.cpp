#include "datus/model/resize.hpp"

#include "datus/core/error.hpp"
#include "model/resize_kernels.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace datus {
namespace {

using resize_kernels::WidePixel;
using resize_kernels::Window;

struct Kernels {
  resize_kernels::HorizontalPass* horizontal;
  resize_kernels::VerticalPass* vertical;
};

Kernels best_kernels() {
  if (__builtin_cpu_supports("avx2")) return {resize_kernels::horizontal_avx2, resize_kernels::vertical_avx2};
  return {resize_kernels::horizontal_baseline, resize_kernels::vertical_baseline};
}

double support_of(Resample resample) {
  return resample == Resample::bicubic ? 2.0 : 1.0;
}

double kernel(Resample resample, double x) {
  x = std::abs(x);
  if (resample == Resample::bilinear) return x < 1.0 ? 1.0 - x : 0.0;
  constexpr double a = -0.5;
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
  if (x < 2.0) return (((x - 5.0) * x + 8.0) * x - 4.0) * a;
  return 0.0;
}

std::int32_t to_fixed_point(double weight) {
  const double scaled = weight * (std::int32_t{1} << resize_kernels::weight_bits);
  return static_cast<std::int32_t>(scaled < 0.0 ? scaled - 0.5 : scaled + 0.5);
}

/// The windows of the outputs [begin, begin + count) of a pass from `in` to `out` pixels.
class AxisTable {
 public:
  AxisTable(int in, int out, int begin, int count, Resample resample);
  AxisTable(const AxisTable&) = delete;  // the windows point into weights_
  AxisTable& operator=(const AxisTable&) = delete;

  [[nodiscard]] const std::vector<Window>& windows() const { return windows_; }
  /// The source range that the windows need: both ends of the windows rise with the output index.
  [[nodiscard]] int begin() const { return static_cast<int>(windows_.front().first); }
  [[nodiscard]] int end() const { return static_cast<int>(windows_.back().first) + windows_.back().count; }

 private:
  std::vector<Window> windows_;
  std::vector<std::int32_t> weights_;
};

AxisTable::AxisTable(int in, int out, int begin, int count, Resample resample) {
  const double scale = static_cast<double>(in) / out;
  const double widening = std::max(scale, 1.0);
  const double support = support_of(resample) * widening;
  const double inverse = 1.0 / widening;
  const std::size_t most = static_cast<std::size_t>(std::ceil(support)) * 2 + 1;
  windows_.resize(static_cast<std::size_t>(count));
  weights_.resize(windows_.size() * most);
  std::vector<double> exact(most);
  for (int i = 0; i < count; ++i) {
    const double centre = (begin + i + 0.5) * scale;
    const int low = std::max(0, static_cast<int>(centre - support + 0.5));
    const int high = std::min(in, static_cast<int>(centre + support + 0.5));
    double sum = 0.0;
    for (int x = low; x < high; ++x) {
      const double weight = kernel(resample, (x - centre + 0.5) * inverse);
      exact[static_cast<std::size_t>(x - low)] = weight;
      sum += weight;
    }
    std::int32_t* weights = weights_.data() + static_cast<std::size_t>(i) * most;
    for (int tap = 0; tap < high - low; ++tap) {
      weights[tap] = to_fixed_point(exact[static_cast<std::size_t>(tap)] / sum);
    }
    windows_[static_cast<std::size_t>(i)] = {low, high - low, weights};
  }
}

/// The horizontal pass: the pixels `box` of `image` resized to `width` columns and its own height.
Image resize_columns(const Image& image, int width, Resample resample, const PixelBox& box) {
  Image result(box.height, box.width);
  if (image.width == width) {
    for (int y = 0; y < box.height; ++y) {
      const auto from = image.row(box.top + y).subspan(static_cast<std::size_t>(box.left) * 3, result.row(y).size());
      std::copy(from.begin(), from.end(), result.row(y).begin());
    }
    return result;
  }
  const AxisTable table(image.width, width, box.left, box.width, resample);
  const Kernels kernels = best_kernels();
  std::vector<WidePixel> wide(static_cast<std::size_t>(image.width));
  for (int y = 0; y < box.height; ++y) {
    const auto from = image.row(box.top + y);
    for (auto x = static_cast<std::size_t>(table.begin()); x < static_cast<std::size_t>(table.end()); ++x) {
      wide[x] = {{from[3 * x], from[3 * x + 1], from[3 * x + 2], 0}};
    }
    kernels.horizontal(wide.data(), table.windows().data(), table.windows().size(), result.row(y).data());
  }
  return result;
}

std::string size_text(int height, int width) {
  return std::to_string(height) + " x " + std::to_string(width);
}

void check_window(const Image& image, int height, int width, const PixelBox& window) {
  if (image.height < 1 || image.width < 1 || height < 1 || width < 1) {
    throw InputError(
        "Cannot resize an image of " + size_text(image.height, image.width) + " pixels to " + size_text(height, width),
        "a side has no pixel", "Use sizes of at least 1 x 1.");
  }
  const bool inside = window.top >= 0 && window.height >= 1 && window.top <= height - window.height &&
                      window.left >= 0 && window.width >= 1 && window.left <= width - window.width;
  if (!inside) {
    throw InputError("Cannot cut " + size_text(window.height, window.width) + " pixels at row " +
                         std::to_string(window.top) + ", column " + std::to_string(window.left),
                     "the resized image has " + size_text(height, width) + " pixels",
                     "Use a window that is not empty and lies inside.");
  }
}

}  // namespace

Image resize_window(const Image& image, int height, int width, Resample resample, const PixelBox& window) {
  check_window(image, height, width, window);
  if (image.height == height) return resize_columns(image, width, resample, window);
  const AxisTable table(image.height, height, window.top, window.height, resample);
  const Image middle =
      resize_columns(image, width, resample, {table.begin(), window.left, table.end() - table.begin(), window.width});
  Image result(window.height, window.width);
  const std::size_t stride = static_cast<std::size_t>(window.width) * 3;
  const Kernels kernels = best_kernels();
  for (int y = 0; y < window.height; ++y) {
    Window rows = table.windows()[static_cast<std::size_t>(y)];
    rows.first -= table.begin();  // `middle` starts at the first row that is needed
    kernels.vertical(middle.pixels.data(), stride, rows, stride, result.row(y).data());
  }
  return result;
}

Image resize_image(const Image& image, int height, int width, Resample resample) {
  return resize_window(image, height, width, resample, {0, 0, height, width});
}

}  // namespace datus
