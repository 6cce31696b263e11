#include "datus/algo/dense_crf.hpp"

#include "algo/refine/gaussian_filter.hpp"
#include "algo/refine/groups.hpp"
#include "algo/refine/kernels.hpp"
#include "algo/refine/mean_field.hpp"
#include "algo/refine/pixel_checks.hpp"
#include "datus/algo/aligned_vector.hpp"
#include "datus/core/error.hpp"

#include <cmath>
#include <string>
#include <vector>

namespace datus {
namespace {

using refine_detail::GaussianFilter;
using refine_detail::Kernel;

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

}  // namespace

struct DenseCrf::State {
  DenseCrfOptions options;
  Kernel kernel;
  GaussianFilter position;
  GaussianFilter bilateral;
  /// The size that `position` was built for.
  int height = 0;
  int width = 0;
  std::vector<float> places;
  AlignedVector<float> unary;
  AlignedVector<float> scores;
  AlignedVector<float> probabilities;

  State(const DenseCrfOptions& given, const Kernel& path)
      : options(given), kernel(path), position(path), bilateral(path) {}

  void build_position(const Image& image);
  void build_bilateral(const Image& image);
};

void DenseCrf::State::build_position(const Image& image) {
  if (image.height == height && image.width == width) return;
  places.clear();
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      places.push_back(static_cast<float>(x) / options.position_std);
      places.push_back(static_cast<float>(y) / options.position_std);
    }
  }
  position.build<2>(places);
  height = image.height;
  width = image.width;
}

void DenseCrf::State::build_bilateral(const Image& image) {
  places.resize(image.pixels.size() / 3 * 5);
  float* place = places.data();
  const std::uint8_t* colour = image.pixels.data();
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      *place++ = static_cast<float>(x) / options.bilateral_position_std;
      *place++ = static_cast<float>(y) / options.bilateral_position_std;
      for (int channel = 0; channel < 3; ++channel) {
        *place++ = static_cast<float>(*colour++) / options.bilateral_colour_std;
      }
    }
  }
  bilateral.build<5>(places);
}

DenseCrf::DenseCrf(const DenseCrfOptions& options, SimdPath path) {
  check(options);
  state_ = std::make_unique<State>(options, refine_detail::kernel_for(path));
}

DenseCrf::~DenseCrf() = default;
DenseCrf::DenseCrf(DenseCrf&&) noexcept = default;
DenseCrf& DenseCrf::operator=(DenseCrf&&) noexcept = default;

void DenseCrf::refine(const Image& image, std::span<float> values, int classes) {
  refine_detail::check_sizes(image, values.size(), classes);
  refine_detail::check_finite(values, classes);
  State& s = *state_;
  const std::int64_t pixels = std::int64_t{image.height} * image.width;
  const std::size_t size =
      static_cast<std::size_t>(pixels * refine_detail::groups_of(classes)) * refine_detail::group_size;
  s.unary.resize(size);
  s.scores.resize(size);
  s.probabilities.resize(size);
  refine_detail::to_groups(values, classes, refine_detail::no_class, s.unary);
  const bool has_position = s.options.position_weight > 0.0F;
  const bool has_bilateral = s.options.bilateral_weight > 0.0F;
  if (has_position) s.build_position(image);
  if (has_bilateral) s.build_bilateral(image);
  const auto add_messages = [&](const float* probabilities, const float* unary, float* scores) {
    if (has_position) s.position.add(probabilities, s.options.position_weight, unary, scores);
    const float* const base = has_position ? scores : unary;
    if (has_bilateral) s.bilateral.add(probabilities, s.options.bilateral_weight, base, scores);
  };
  // Without a kernel nothing is added.
  const int iterations = has_position || has_bilateral ? s.options.iterations : 0;
  refine_detail::mean_field(s.kernel, s.unary, pixels, iterations, add_messages, s.scores, s.probabilities);
  refine_detail::from_groups(s.probabilities, classes, values);
}

}  // namespace datus
