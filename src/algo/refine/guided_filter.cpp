// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/guided_filter.hpp"

#include "algo/refine/groups.hpp"
#include "algo/refine/guide.hpp"
#include "algo/refine/guided_kernels.hpp"
#include "algo/refine/pixel_checks.hpp"
#include "datus/algo/aligned_vector.hpp"
#include "datus/core/error.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace datus {
namespace {

using refine_detail::Between;
using refine_detail::CellGrid;
using refine_detail::Guide;
using refine_detail::GuidedKernel;
using refine_detail::model_size;

constexpr int lanes = class_group_size;

void check(const GuidedFilterOptions& options) {
  const auto refuse = [](const std::string& what, const std::string& least) {
    throw UsageError("Cannot make a guided filter", what, "Give at least " + least + ".");
  };
  if (options.step < 1) refuse("step is " + std::to_string(options.step), "1");
  if (options.radius < 1) refuse("radius is " + std::to_string(options.radius), "1");
  if (!(options.epsilon >= 1e-6F) || std::isinf(options.epsilon)) {
    refuse("epsilon is " + std::to_string(options.epsilon), "1e-6, and a finite number");
  }
}

/// Between which cells, and how far, the middle of each pixel is.
std::vector<Between> between_cells(int pixels, int step, int cells) {
  std::vector<Between> result;
  for (int pixel = 0; pixel < pixels; ++pixel) {
    const float at = std::clamp((static_cast<float>(pixel) + 0.5F) / static_cast<float>(step) - 0.5F, 0.0F,
                                static_cast<float>(cells - 1));
    const int before = static_cast<int>(at);
    result.push_back({before, std::min(before + 1, cells - 1), at - static_cast<float>(before)});
  }
  return result;
}

}  // namespace

struct GuidedFilter::State {
  GuidedFilterOptions options;
  GuidedKernel kernel;
  Image image;
  CellGrid grid;
  Guide guide;
  std::vector<Between> rows;
  std::vector<Between> columns;
  AlignedVector<float> values;
  /// [cells][model_size]: sums, then models.
  AlignedVector<double> models;
  AlignedVector<double> memory;
  AlignedVector<float> mixed;

  /// The mean model of all windows that a cell is in, for one group of classes.
  void fit_models();
  void apply_models();

 private:
  void take_cells();
  void take_window_means();
  void solve(std::size_t cell);
};

/// For each cell the mean value, and its products with the cell's colour.
void GuidedFilter::State::take_cells() {
  models.assign(grid.cells() * model_size, 0.0);
  for_each_cell(image.height, image.width, grid, [&](std::size_t cell, int y0, int x0, int y1, int x1) {
    double* const of_cell = models.data() + cell * model_size;
    double* const sum = of_cell + 3 * lanes;
    for (int y = y0; y < y1; ++y) {
      kernel.add_pixels(values.data() + (std::size_t(y) * image.width + x0) * lanes, x1 - x0, sum);
    }
    const double share = 1.0 / ((y1 - y0) * (x1 - x0));
    for (int k = 0; k < lanes; ++k) sum[k] *= share;
    for (int c = 0; c < 3; ++c) {
      for (int k = 0; k < lanes; ++k) of_cell[c * lanes + k] = guide.colours[cell][c] * sum[k];
    }
  });
}

/// What cells hold becomes its mean over the windows around each cell, cut off at the edges.
void GuidedFilter::State::take_window_means() {
  const std::size_t row = std::size_t(grid.width) * model_size;
  memory.resize(models.size());
  for (int y = 0; y < grid.height; ++y) {
    kernel.add_windows(models.data() + y * row, grid.width, grid.radius, model_size, model_size,
                       memory.data() + y * row);
  }
  // A whole row is what a column of the grid adds up.
  kernel.add_windows(memory.data(), grid.height, grid.radius, row, row, models.data());
  double* value = models.data();
  for (int y = 0; y < grid.height; ++y) {
    for (int x = 0; x < grid.width; ++x) {
      const double share = grid.share(y, x);
      for (int i = 0; i < model_size; ++i) *value++ *= share;
    }
  }
}

/// Mean products and mean values of a window become its model: equations 14 and 15.
void GuidedFilter::State::solve(std::size_t cell) {
  double* const red = models.data() + cell * model_size;
  double* const green = red + lanes;
  double* const blue = green + lanes;
  double* const mean = blue + lanes;
  const auto [r, g, b] = guide.means[cell];
  const auto [rr, rg, rb, gg, gb, bb] = guide.inverses[cell];
  for (int k = 0; k < lanes; ++k) {
    const double of_red = red[k] - r * mean[k];
    const double of_green = green[k] - g * mean[k];
    const double of_blue = blue[k] - b * mean[k];
    red[k] = rr * of_red + rg * of_green + rb * of_blue;
    green[k] = rg * of_red + gg * of_green + gb * of_blue;
    blue[k] = rb * of_red + gb * of_green + bb * of_blue;
    mean[k] -= red[k] * r + green[k] * g + blue[k] * b;
  }
}

void GuidedFilter::State::fit_models() {
  take_cells();
  take_window_means();
  for (std::size_t cell = 0; cell < grid.cells(); ++cell) solve(cell);
  take_window_means();
}

/// Equation 16, with models interpolated between cells: first in columns, for a row of pixels.
void GuidedFilter::State::apply_models() {
  const std::size_t size = std::size_t(grid.width) * model_size;
  mixed.resize(size);
  for (int y = 0; y < image.height; ++y) {
    const Between& row = rows[y];
    kernel.mix(models.data() + row.before * size, models.data() + row.after * size, double{row.share}, size,
               mixed.data());
    kernel.apply(mixed.data(), columns.data(), image.row(y).data(), image.width,
                 values.data() + std::size_t(y) * image.width * lanes);
  }
}

GuidedFilter::GuidedFilter(const GuidedFilterOptions& options, SimdPath path) {
  check(options);
  state_ = std::make_unique<State>();
  state_->options = options;
  state_->kernel = refine_detail::guided_kernel_for(path);
}

GuidedFilter::~GuidedFilter() = default;
GuidedFilter::GuidedFilter(GuidedFilter&&) noexcept = default;
GuidedFilter& GuidedFilter::operator=(GuidedFilter&&) noexcept = default;

void GuidedFilter::look_at(const Image& image) {
  refine_detail::check_image(image);
  State& s = *state_;
  const auto cells = [&](int pixels) { return (pixels - 1) / s.options.step + 1; };
  s.image = image;
  s.grid = {cells(image.height), cells(image.width), s.options.step, s.options.radius};
  s.guide = guide_of(image, s.grid, double{s.options.epsilon});
  s.rows = between_cells(image.height, s.grid.step, s.grid.height);
  s.columns = between_cells(image.width, s.grid.step, s.grid.width);
}

void GuidedFilter::refine(int classes, const GiveClasses& give, const TakeClasses& take) {
  State& s = *state_;
  const std::size_t pixels = std::size_t(s.image.height) * s.image.width;
  refine_detail::check_sizes(s.image.height, s.image.width, pixels * classes, classes);
  s.values.assign(pixels * lanes, 0.0F);
  refine_detail::for_each_group(classes, [&](int first, int count) {
    give(first, count, s.values);
    refine_detail::check_finite(s.values, first);
    s.fit_models();
    s.apply_models();
    take(first, count, s.values);
  });
}

void guided_filter(const Image& image, std::span<float> values, int classes, const GuidedFilterOptions& options,
                   SimdPath path) {
  GuidedFilter filter(options, path);
  refine_detail::check_sizes(image.height, image.width, values.size(), classes);
  filter.look_at(image);
  filter.refine(classes, refine_detail::give_from(values, classes), refine_detail::take_to(values, classes));
}

}  // namespace datus
