#include "datus/algo/guided_filter.hpp"

#include "algo/refine/pixel_checks.hpp"
#include "datus/core/error.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

namespace datus {
namespace {

/// Classes are taken in groups of this many, the last one filled up with zeros.
constexpr int lanes = 16;
/// A model: a factor for each colour, and what is added.
constexpr int terms = 4;
constexpr int model_size = terms * lanes;

/// Cells of step x step pixels, those at the right and lower edge smaller.
struct Grid {
  int height;
  int width;
  int step;
  int radius;

  [[nodiscard]] std::size_t cells() const { return std::size_t(height) * std::size_t(width); }
};

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

/// Calls body(cell, first row, first column, end row, end column) for each cell.
template <class Body>
void for_each_cell(const Image& image, const Grid& grid, Body body) {
  for (int y = 0; y < grid.height; ++y) {
    for (int x = 0; x < grid.width; ++x) {
      body(std::size_t(y) * grid.width + x, y * grid.step, x * grid.step, std::min((y + 1) * grid.step, image.height),
           std::min((x + 1) * grid.step, image.width));
    }
  }
}

/// values [lines][length][channels] become sums over windows of 2 * radius + 1 along `length`, cut off at its ends.
void add_along(const double* values, int length, int radius, std::size_t stride, std::size_t channels, double* sums) {
  for (int at = 0; at < length; ++at) {
    double* const sum = sums + at * stride;
    std::fill_n(sum, channels, 0.0);
    for (int other = std::max(0, at - radius); other <= std::min(length - 1, at + radius); ++other) {
      const double* const value = values + other * stride;
      for (std::size_t c = 0; c < channels; ++c) sum[c] += value[c];
    }
  }
}

/// values [cells][channels] become means over the windows around each cell, cut off at the edges; `memory` is as large.
void take_window_means(const Grid& grid, std::size_t channels, std::vector<double>& values,
                       std::vector<double>& memory) {
  const std::size_t row = std::size_t(grid.width) * channels;
  memory.resize(values.size());
  for (int y = 0; y < grid.height; ++y) {
    add_along(values.data() + y * row, grid.width, grid.radius, channels, channels, memory.data() + y * row);
  }
  // A whole row is what a column of the grid adds up.
  add_along(memory.data(), grid.height, grid.radius, row, row, values.data());
  const auto reach = [&](int at, int length) {
    return std::min(length - 1, at + grid.radius) - std::max(0, at - grid.radius) + 1;
  };
  double* value = values.data();
  for (int y = 0; y < grid.height; ++y) {
    for (int x = 0; x < grid.width; ++x) {
      const double share = 1.0 / (reach(y, grid.height) * reach(x, grid.width));
      for (std::size_t c = 0; c < channels; ++c) *value++ *= share;
    }
  }
}

/// What the models need of the colours alone.
struct Guide {
  using Colour = std::array<double, 3>;
  /// For each cell, from 0 to 1.
  std::vector<Colour> colours;
  /// For the window around each cell: its mean, and the inverse of its covariance + epsilon: rr, rg, rb, gg, gb, bb.
  std::vector<Colour> means;
  std::vector<std::array<double, 6>> inverses;
};

std::array<double, 6> inverse_of(double rr, double rg, double rb, double gg, double gb, double bb) {
  const double a = gg * bb - gb * gb;
  const double b = rb * gb - rg * bb;
  const double c = rg * gb - rb * gg;
  const double factor = 1.0 / (rr * a + rg * b + rb * c);
  return {factor * a,
          factor * b,
          factor * c,
          factor * (rr * bb - rb * rb),
          factor * (rg * rb - rr * gb),
          factor * (rr * gg - rg * rg)};
}

Guide guide_of(const Image& image, const Grid& grid, double epsilon) {
  constexpr std::size_t channels = 9;
  Guide guide;
  std::vector<double> sums(grid.cells() * channels);
  for_each_cell(image, grid, [&](std::size_t cell, int y0, int x0, int y1, int x1) {
    Guide::Colour colour{};
    for (int y = y0; y < y1; ++y) {
      for (int x = x0; x < x1; ++x) {
        for (int c = 0; c < 3; ++c) colour[c] += image.row(y)[std::size_t(x) * 3 + c];
      }
    }
    for (double& value : colour) value /= 255.0 * (y1 - y0) * (x1 - x0);
    const auto [r, g, b] = colour;
    const std::array<double, channels> row{r, g, b, r * r, r * g, r * b, g * g, g * b, b * b};
    std::copy(row.begin(), row.end(), sums.begin() + static_cast<std::ptrdiff_t>(cell * channels));
    guide.colours.push_back(colour);
  });
  std::vector<double> memory;
  take_window_means(grid, channels, sums, memory);
  for (const double* row = sums.data(); row != sums.data() + sums.size(); row += channels) {
    const double r = row[0];
    const double g = row[1];
    const double b = row[2];
    guide.means.push_back({r, g, b});
    guide.inverses.push_back(inverse_of(row[3] - r * r + epsilon, row[4] - r * g, row[5] - r * b,
                                        row[6] - g * g + epsilon, row[7] - g * b, row[8] - b * b + epsilon));
  }
  return guide;
}

/// [cells][terms][lanes]: the mean model of all windows that a cell is in, for the classes first ... first + count - 1.
class Models {
 public:
  Models(const Image& image, const Grid& grid, const Guide& guide) : image_(image), grid_(grid), guide_(guide) {}

  [[nodiscard]] const std::vector<double>& fit(std::span<const float> values, int classes, int first, int count) {
    take_cells(values, classes, first, count);
    take_window_means(grid_, model_size, models_, memory_);
    for (std::size_t cell = 0; cell < grid_.cells(); ++cell) solve(cell);
    take_window_means(grid_, model_size, models_, memory_);
    return models_;
  }

 private:
  /// For each cell the mean value, and its products with the cell's colour.
  void take_cells(std::span<const float> values, int classes, int first, int count) {
    models_.assign(grid_.cells() * model_size, 0.0);
    for_each_cell(image_, grid_, [&](std::size_t cell, int y0, int x0, int y1, int x1) {
      double* const of_cell = models_.data() + cell * model_size;
      double* const sum = of_cell + 3 * lanes;
      for (int y = y0; y < y1; ++y) {
        const float* value = values.data() + (std::size_t(y) * image_.width + x0) * classes + first;
        for (int x = x0; x < x1; ++x, value += classes) {
          for (int k = 0; k < count; ++k) sum[k] += value[k];
        }
      }
      const double share = 1.0 / ((y1 - y0) * (x1 - x0));
      for (int k = 0; k < lanes; ++k) sum[k] *= share;
      for (int c = 0; c < 3; ++c) {
        for (int k = 0; k < lanes; ++k) of_cell[c * lanes + k] = guide_.colours[cell][c] * sum[k];
      }
    });
  }

  /// Mean products and mean values of a window become its model: equations 14 and 15.
  void solve(std::size_t cell) {
    double* const red = models_.data() + cell * model_size;
    double* const green = red + lanes;
    double* const blue = green + lanes;
    double* const mean = blue + lanes;
    const auto [r, g, b] = guide_.means[cell];
    const auto [rr, rg, rb, gg, gb, bb] = guide_.inverses[cell];
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

  const Image& image_;
  Grid grid_;
  const Guide& guide_;
  std::vector<double> models_;
  std::vector<double> memory_;
};

/// Between which cells, and how far, the middle of a pixel is.
struct Between {
  int before;
  int after;
  float share;

  Between(int pixel, int step, int cells) {
    const float at = std::clamp((static_cast<float>(pixel) + 0.5F) / static_cast<float>(step) - 0.5F, 0.0F,
                                static_cast<float>(cells - 1));
    before = static_cast<int>(at);
    after = std::min(before + 1, cells - 1);
    share = at - static_cast<float>(before);
  }
};

/// The models in a row of pixels, still by cell: [grid width][terms][lanes].
void mix_rows(const std::vector<double>& models, const Grid& grid, const Between& rows, std::vector<float>& mixed) {
  const std::size_t size = std::size_t(grid.width) * model_size;
  mixed.resize(size);
  const double* const before = models.data() + rows.before * size;
  const double* const after = models.data() + rows.after * size;
  for (std::size_t i = 0; i < size; ++i) {
    mixed[i] = static_cast<float>(before[i] + double{rows.share} * (after[i] - before[i]));
  }
}

/// Equation 16 for one pixel.
void apply(const float* before, const float* after, float share, const std::uint8_t* colour, float* result) {
  const float r = static_cast<float>(colour[0]) / 255.0F;
  const float g = static_cast<float>(colour[1]) / 255.0F;
  const float b = static_cast<float>(colour[2]) / 255.0F;
  for (int k = 0; k < lanes; ++k) {
    const float left = before[k] * r + before[lanes + k] * g + before[2 * lanes + k] * b + before[3 * lanes + k];
    const float right = after[k] * r + after[lanes + k] * g + after[2 * lanes + k] * b + after[3 * lanes + k];
    result[k] = left + share * (right - left);
  }
}

void apply_models(const Image& image, const Grid& grid, const std::vector<double>& models, std::span<float> values,
                  int classes, int first, int count) {
  std::vector<float> mixed;
  std::array<float, lanes> result;
  float* value = values.data() + first;
  for (int y = 0; y < image.height; ++y) {
    mix_rows(models, grid, Between(y, grid.step, grid.height), mixed);
    const std::uint8_t* const colours = image.row(y).data();
    for (int x = 0; x < image.width; ++x, value += classes) {
      const Between columns(x, grid.step, grid.width);
      apply(mixed.data() + std::size_t(columns.before) * model_size,
            mixed.data() + std::size_t(columns.after) * model_size, columns.share, colours + std::size_t(x) * 3,
            result.data());
      std::copy_n(result.begin(), count, value);
    }
  }
}

}  // namespace

void guided_filter(const Image& image, std::span<float> values, int classes, const GuidedFilterOptions& options) {
  check(options);
  refine_detail::check_sizes(image, values.size(), classes);
  refine_detail::check_finite(values, classes);
  const auto cells = [&](int pixels) { return (pixels - 1) / options.step + 1; };
  const Grid grid{cells(image.height), cells(image.width), options.step, options.radius};
  const Guide guide = guide_of(image, grid, options.epsilon);
  Models models(image, grid, guide);
  for (int first = 0; first < classes; first += lanes) {
    const int count = std::min(lanes, classes - first);
    apply_models(image, grid, models.fit(values, classes, first, count), values, classes, first, count);
  }
}

}  // namespace datus
