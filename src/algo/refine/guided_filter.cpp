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
using refine_detail::window_block;

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
  AlignedVector<float> lines;  ///< [step][width][lanes]: the rows of pixels that are at work
  /// [cells][model_size]: sums, then models.
  AlignedVector<double> models;
  AlignedVector<double> memory;  ///< rows of [width][model_size]
  AlignedVector<float> mixed;

  /// The mean model of all windows that a cell is in, for one group of classes.
  void fit_models(int first, int count, const GiveClasses& give);
  void apply_models(int first, int count, const TakeClasses& take);

 private:
  void take_cells(int y, int first, int count, const GiveClasses& give);
  void take_cell(std::size_t cell, int height, int x0, int x1);
  template <class MakeRow, class EndRow>
  void take_window_means(MakeRow make_row, EndRow end_row);
  void solve(std::size_t cell);
};

/// For each cell of a row the mean value, and its products with the cell's colour.
void GuidedFilter::State::take_cells(int y, int first, int count, const GiveClasses& give) {
  const auto line = std::size_t(image.width) * lanes;
  const int height = std::min(grid.step, image.height - y * grid.step);
  const auto pixel = std::size_t(y) * grid.step * image.width;
  const auto given = std::span(lines).first(line * height);
  give(first, count, pixel, given);
  refine_detail::check_finite(given, first, count, pixel);
  for (int x = 0; x < grid.width; ++x) {
    take_cell(std::size_t(y) * grid.width + x, height, x * grid.step, std::min((x + 1) * grid.step, image.width));
  }
}

/// That of columns x0 ... x1 - 1 of so many lines.
void GuidedFilter::State::take_cell(std::size_t cell, int height, int x0, int x1) {
  double* const of_cell = models.data() + cell * model_size;
  double* const sum = of_cell + 3 * lanes;
  kernel.add_pixels(lines.data() + std::size_t(x0) * lanes, height, std::size_t(image.width) * lanes, x1 - x0, sum);
  const double share = 1.0 / (height * (x1 - x0));
  for (int k = 0; k < lanes; ++k) sum[k] *= share;
  for (int c = 0; c < 3; ++c) {
    for (int k = 0; k < lanes; ++k) of_cell[c * lanes + k] = guide.colours[cell][c] * sum[k];
  }
}

/// What cells hold becomes its mean over the windows around each cell, cut off at the edges. make_row(y) is called
/// before a row of cells is read, end_row(y) when it has its means: so rows stay in the caches meanwhile.
template <class MakeRow, class EndRow>
void GuidedFilter::State::take_window_means(MakeRow make_row, EndRow end_row) {
  const std::size_t row = std::size_t(grid.width) * model_size;
  const int kept = window_block + 2 * grid.radius;  // rows that are added up along themselves
  memory.resize(std::min(kept, grid.height) * row);
  std::vector<double*> along(grid.height);
  std::vector<double*> whole(grid.height);
  for (int y = 0; y < grid.height; ++y) {
    along[y] = memory.data() + y % kept * row;
    whole[y] = models.data() + y * row;
  }
  std::vector<double*> from(grid.width);
  std::vector<double*> to(grid.width);
  int read = 0;
  for (int y = 0; y < grid.height; y += window_block) {
    const int end = std::min(y + window_block, grid.height);
    for (; read < std::min(end + grid.radius, grid.height); ++read) {
      make_row(read);
      for (int x = 0; x < grid.width; ++x) {
        from[x] = whole[read] + std::size_t(x) * model_size;
        to[x] = along[read] + std::size_t(x) * model_size;
      }
      kernel.add_windows(from.data(), grid.width, grid.radius, 0, grid.width, model_size, to.data());
    }
    kernel.add_windows(along.data(), grid.height, grid.radius, y, end, row, whole.data());
    for (int done = y; done < end; ++done) {
      double* value = whole[done];
      for (int x = 0; x < grid.width; ++x) {
        const double share = grid.share(done, x);
        for (int i = 0; i < model_size; ++i) *value++ *= share;
      }
      end_row(done);
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

void GuidedFilter::State::fit_models(int first, int count, const GiveClasses& give) {
  take_window_means([&](int y) { take_cells(y, first, count, give); },
                    [&](int y) {
                      const auto cell = std::size_t(y) * grid.width;
                      for (int x = 0; x < grid.width; ++x) solve(cell + x);
                    });
  take_window_means([](int) {}, [](int) {});
}

/// Equation 16, with models interpolated between cells: first in columns, for a row of pixels.
void GuidedFilter::State::apply_models(int first, int count, const TakeClasses& take) {
  const std::size_t size = std::size_t(grid.width) * model_size;
  const auto line = std::span(lines).first(std::size_t(image.width) * lanes);
  mixed.resize(size);
  for (int y = 0; y < image.height; ++y) {
    const Between& row = rows[y];
    kernel.mix(models.data() + row.before * size, models.data() + row.after * size, double{row.share}, size,
               mixed.data());
    kernel.apply(mixed.data(), columns.data(), image.row(y).data(), image.width, line.data());
    take(first, count, std::size_t(y) * image.width, line);
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
  s.lines.resize(std::size_t(s.grid.step) * s.image.width * lanes);
  s.models.resize(s.grid.cells() * model_size);
  refine_detail::for_each_group(classes, [&](int first, int count) {
    s.fit_models(first, count, give);
    s.apply_models(first, count, take);
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
