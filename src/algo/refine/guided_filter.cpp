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
  AlignedVector<float> lines;   ///< [width][lanes]: the row of cells or pixels that is at work
  AlignedVector<float> models;  ///< [cells][model_size]
  /// Rows [width][model_size]: of cells, of what is added up along rows, and of whole windows.
  AlignedVector<double> cells;
  AlignedVector<double> along;
  AlignedVector<double> sums;
  AlignedVector<float> models_along;
  AlignedVector<float> mixed;

  /// The mean model of all windows that a cell is in, for one group of classes.
  void fit_models(int first, int count, const GiveClasses& give);
  void apply_models(int first, int count, const TakeClasses& take);

 private:
  template <class Value, class AddWindows, class MakeRow, class SumRow, class EndRow>
  void add_windows(AlignedVector<Value>& memory, AddWindows add, MakeRow make_row, SumRow sum_row, EndRow end_row);
  void take_cells(int y, int first, int count, const GiveClasses& give);
  void solve_row(int y, const double* row);
  void average_row(int y);
};

/// For each cell of a row the products of its values with the cell's colour, and the values.
void GuidedFilter::State::take_cells(int y, int first, int count, const GiveClasses& give) {
  const std::size_t cell = std::size_t(y) * grid.width;
  const auto given = std::span(lines).first(std::size_t(grid.width) * lanes);
  give(first, count, cell, given);
  refine_detail::check_finite(given, first, count, "cell", cell);
  for (int x = 0; x < grid.width; ++x) {
    kernel.weigh(given.data() + std::size_t(x) * lanes, guide.colours[cell + x].data(),
                 cells.data() + std::size_t(x) * model_size);
  }
}

/// Sums over the windows around each cell, cut off at the edges. make_row(y) returns a row of cells, end_row(y) is
/// called when sum_row(y) has its sums: so rows stay in the caches meanwhile.
template <class Value, class AddWindows, class MakeRow, class SumRow, class EndRow>
void GuidedFilter::State::add_windows(AlignedVector<Value>& memory, AddWindows add, MakeRow make_row, SumRow sum_row,
                                      EndRow end_row) {
  const std::size_t row = std::size_t(grid.width) * model_size;
  const int kept = std::min(window_block + 2 * grid.radius, grid.height);  // rows that are added up along themselves
  memory.resize(kept * row);
  std::vector<const Value*> added(grid.height);
  std::vector<Value*> whole(grid.height);
  for (int y = 0; y < grid.height; ++y) {
    added[y] = memory.data() + y % kept * row;
    whole[y] = sum_row(y);
  }
  std::vector<const Value*> from(grid.width);
  std::vector<Value*> to(grid.width);
  int read = 0;
  for (int y = 0; y < grid.height; y += window_block) {
    const int end = std::min(y + window_block, grid.height);
    for (; read < std::min(end + grid.radius, grid.height); ++read) {
      const Value* const made = make_row(read);
      for (int x = 0; x < grid.width; ++x) {
        from[x] = made + std::size_t(x) * model_size;
        to[x] = memory.data() + read % kept * row + std::size_t(x) * model_size;
      }
      add(from.data(), grid.width, grid.radius, 0, grid.width, model_size, to.data());
    }
    add(added.data(), grid.height, grid.radius, y, end, row, whole.data());
    for (int done = y; done < end; ++done) end_row(done);
  }
}

void GuidedFilter::State::solve_row(int y, const double* row) {
  for (int x = 0; x < grid.width; ++x, row += model_size) {
    const std::size_t cell = std::size_t(y) * grid.width + x;
    kernel.solve(row, grid.share(y, x), guide.means[cell].data(), guide.inverses[cell].data(),
                 models.data() + cell * model_size);
  }
}

/// Sums of models become their means.
void GuidedFilter::State::average_row(int y) {
  float* value = models.data() + std::size_t(y) * grid.width * model_size;
  for (int x = 0; x < grid.width; ++x) {
    const auto share = static_cast<float>(grid.share(y, x));
    for (int i = 0; i < model_size; ++i) *value++ *= share;
  }
}

void GuidedFilter::State::fit_models(int first, int count, const GiveClasses& give) {
  const std::size_t row = std::size_t(grid.width) * model_size;
  cells.resize(row);
  sums.resize(window_block * row);
  const auto row_of_sums = [&](int y) { return sums.data() + y % window_block * row; };
  add_windows(
      along, kernel.add_windows,
      [&](int y) {
        take_cells(y, first, count, give);
        return cells.data();
      },
      row_of_sums, [&](int y) { solve_row(y, row_of_sums(y)); });
  const auto row_of_models = [&](int y) { return models.data() + y * row; };
  add_windows(models_along, kernel.add_models, row_of_models, row_of_models, [&](int y) { average_row(y); });
}

/// Equation 16, with models interpolated between cells: first in columns, for a row of pixels.
void GuidedFilter::State::apply_models(int first, int count, const TakeClasses& take) {
  const std::size_t size = std::size_t(grid.width) * model_size;
  const auto line = std::span(lines).first(std::size_t(image.width) * lanes);
  mixed.resize(size);
  for (int y = 0; y < image.height; ++y) {
    const Between& row = rows[y];
    kernel.mix(models.data() + row.before * size, models.data() + row.after * size, row.share, size, mixed.data());
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
  s.lines.resize(std::size_t(s.image.width) * lanes);
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
  const std::size_t row = (image.width - 1) / options.step + 1;
  const auto give = [&](int first, int count, std::size_t cell, std::span<float> lines) {
    const int y0 = static_cast<int>(cell / row) * options.step;
    const int y1 = std::min(y0 + options.step, image.height);
    for (std::size_t x = 0; x < row; ++x) {
      const int x0 = static_cast<int>(x) * options.step;
      const int x1 = std::min(x0 + options.step, image.width);
      for (int k = 0; k < count; ++k) {
        double sum = 0.0;
        for (int y = y0; y < y1; ++y) {
          for (int at = x0; at < x1; ++at) {
            sum += values[(std::size_t(y) * image.width + at) * classes + first + k];
          }
        }
        lines[x * lanes + k] = static_cast<float>(sum / ((y1 - y0) * (x1 - x0)));
      }
    }
  };
  filter.refine(classes, give, refine_detail::take_to(values, classes));
}

}  // namespace datus
