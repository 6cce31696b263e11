// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/dense_crf.hpp"

#include "algo/refine/gaussian_filter.hpp"
#include "algo/refine/groups.hpp"
#include "algo/refine/kernels.hpp"
#include "algo/refine/mean_field.hpp"
#include "algo/refine/pixel_checks.hpp"
#include "algo/refine/row_filter.hpp"
#include "datus/algo/aligned_vector.hpp"
#include "datus/core/error.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace datus {
namespace {

using refine_detail::GaussianFilter;
using refine_detail::Kernel;
using refine_detail::RowFilter;

void check_at_least(const char* name, float value, float least) {
  if (std::isfinite(value) && value >= least) return;
  throw UsageError("Cannot make a dense CRF", std::string(name) + " is " + std::to_string(value),
                   "Give a finite number of at least " + std::to_string(least) + ".");
}

void check(const DenseCrfOptions& options) {
  // Places on the lattice are 21-bit integers: see Lattice::largest_coordinate.
  constexpr float smallest_std = 0.5F;
  check_at_least("iterations", static_cast<float>(options.iterations), 0.0F);
  check_at_least("position_weight", options.position_weight, 0.0F);
  check_at_least("position_std", options.position_std, smallest_std);
  check_at_least("bilateral_weight", options.bilateral_weight, 0.0F);
  check_at_least("bilateral_position_std", options.bilateral_position_std, smallest_std);
  check_at_least("bilateral_colour_std", options.bilateral_colour_std, smallest_std);
}

/// Both kernels, for one size of images and one image.
class Kernels final : public refine_detail::Messages {
 public:
  Kernels(const DenseCrfOptions& options, const Kernel& kernel)
      : options_(options), position_(kernel), bilateral_(kernel) {}

  void look_at(const Image& image) {
    if (has_position()) build_position(image);
    if (has_bilateral()) build_bilateral(image);
    height_ = image.height;
    width_ = image.width;
  }
  [[nodiscard]] int height() const { return height_; }
  [[nodiscard]] int width() const { return width_; }
  /// Without a kernel nothing is added.
  [[nodiscard]] bool are_some() const { return has_position() || has_bilateral(); }

  void take(const float* unary, float* values) override {
    if (has_bilateral()) bilateral_.clear();
    // Scores come in the place of probabilities, of rows that both kernels have taken.
    for (int y = 0; y < height_; ++y) {
      if (has_bilateral()) bilateral_.spread(std::int64_t{y} * width_, width_, values);
      if (has_position()) position_.step(y, values, options_.position_weight, unary, values);
    }
    if (has_bilateral()) bilateral_.blur();
  }

  void give(std::int64_t first, std::int64_t count, const float* unary, float* values) override {
    const float* const base = has_position() ? values : unary;
    if (has_bilateral()) bilateral_.gather(first, count, options_.bilateral_weight, base, values);
  }

 private:
  [[nodiscard]] bool has_position() const { return options_.position_weight > 0.0F; }
  [[nodiscard]] bool has_bilateral() const { return options_.bilateral_weight > 0.0F; }
  void build_position(const Image& image);
  void build_bilateral(const Image& image);

  DenseCrfOptions options_;
  RowFilter position_;
  GaussianFilter bilateral_;
  int height_ = 0;
  int width_ = 0;
  std::vector<float> places_;
};

void Kernels::build_position(const Image& image) {
  if (image.height == height_ && image.width == width_) return;
  places_.clear();
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      places_.push_back(static_cast<float>(x) / options_.position_std);
      places_.push_back(static_cast<float>(y) / options_.position_std);
    }
  }
  position_.build(places_, image.width);
}

void Kernels::build_bilateral(const Image& image) {
  places_.resize(image.pixels.size() / 3 * 5);
  float* place = places_.data();
  const std::uint8_t* colour = image.pixels.data();
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      *place++ = static_cast<float>(x) / options_.bilateral_position_std;
      *place++ = static_cast<float>(y) / options_.bilateral_position_std;
      for (int channel = 0; channel < 3; ++channel) {
        *place++ = static_cast<float>(*colour++) / options_.bilateral_colour_std;
      }
    }
  }
  bilateral_.build<5>(places_);
}

}  // namespace

struct DenseCrf::State {
  int iterations;
  Kernel kernel;
  Kernels kernels;
  AlignedVector<float> unary;
  AlignedVector<float> values;

  State(const DenseCrfOptions& options, const Kernel& path)
      : iterations(options.iterations), kernel(path), kernels(options, path) {}
};

DenseCrf::DenseCrf(const DenseCrfOptions& options, SimdPath path) {
  check(options);
  state_ = std::make_unique<State>(options, refine_detail::kernel_for(path));
}

DenseCrf::~DenseCrf() = default;
DenseCrf::DenseCrf(DenseCrf&&) noexcept = default;
DenseCrf& DenseCrf::operator=(DenseCrf&&) noexcept = default;

void DenseCrf::look_at(const Image& image) {
  refine_detail::check_image(image);
  state_->kernels.look_at(image);
}

void DenseCrf::refine(int classes, const GiveClasses& give, const TakeClasses& take) {
  State& s = *state_;
  const std::int64_t pixels = std::int64_t{s.kernels.height()} * s.kernels.width();
  refine_detail::check_sizes(s.kernels.height(), s.kernels.width(), static_cast<std::size_t>(pixels * classes),
                             classes);
  const auto group = static_cast<std::size_t>(pixels) * class_group_size;
  const std::size_t size = group * static_cast<std::size_t>(refine_detail::groups_of(classes));
  s.unary.resize(size);
  s.values.resize(size);
  refine_detail::for_each_group(classes, [&](int first, int count) {
    const auto lanes = std::span(s.unary).subspan(first * static_cast<std::size_t>(pixels), group);
    if (count < class_group_size) std::ranges::fill(lanes, refine_detail::no_class);
    give(first, count, 0, lanes);
    refine_detail::check_finite(lanes, first, count, "pixel", 0);
  });
  refine_detail::mean_field(s.kernel, s.unary, pixels, s.kernels.are_some() ? s.iterations : 0, s.kernels, s.values);
  refine_detail::for_each_group(classes, [&](int first, int count) {
    take(first, count, 0, std::span<const float>(s.values).subspan(first * static_cast<std::size_t>(pixels), group));
  });
}

void DenseCrf::refine(const Image& image, std::span<float> values, int classes) {
  refine_detail::check_sizes(image.height, image.width, values.size(), classes);
  look_at(image);
  refine(classes, refine_detail::give_from(values, classes), refine_detail::take_to(values, classes));
}

}  // namespace datus
