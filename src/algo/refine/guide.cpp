// SPDX-License-Identifier: Apache-2.0
#include "algo/refine/guide.hpp"

#include <utility>

namespace datus::refine_detail {
namespace {

/// Colours of a cell, and their products: rr, rg, rb, gg, gb, bb.
using Moments = std::array<double, 9>;

/// Sums over windows of 2 * radius + 1 along `length` values that are `stride` apart, cut off at the ends.
void add_along(const Moments* values, int length, int radius, int stride, Moments* sums) {
  for (int at = 0; at < length; ++at) {
    Moments sum{};
    for (int other = std::max(0, at - radius); other <= std::min(length - 1, at + radius); ++other) {
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += values[std::ptrdiff_t{other} * stride][i];
    }
    sums[std::ptrdiff_t{at} * stride] = sum;
  }
}

/// Sums over the windows around each cell.
std::vector<Moments> window_sums(std::vector<Moments> values, const CellGrid& grid) {
  std::vector<Moments> sums(values.size());
  for (int y = 0; y < grid.height; ++y) {
    const auto row = std::ptrdiff_t{y} * grid.width;
    add_along(values.data() + row, grid.width, grid.radius, 1, sums.data() + row);
  }
  for (int x = 0; x < grid.width; ++x) {
    add_along(sums.data() + x, grid.height, grid.radius, grid.width, values.data() + x);
  }
  return values;
}

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

}  // namespace

Guide guide_of(const Image& image, const CellGrid& grid, double epsilon) {
  Guide guide;
  std::vector<Moments> of_cells;
  for_each_cell(image.height, image.width, grid, [&](std::size_t /*cell*/, int y0, int x0, int y1, int x1) {
    Guide::Colour colour{};
    for (int y = y0; y < y1; ++y) {
      for (int x = x0; x < x1; ++x) {
        for (std::size_t c = 0; c < 3; ++c) colour[c] += image.row(y)[std::size_t(x) * 3 + c];
      }
    }
    for (double& value : colour) value /= 255.0 * (y1 - y0) * (x1 - x0);
    const auto [r, g, b] = colour;
    of_cells.push_back({r, g, b, r * r, r * g, r * b, g * g, g * b, b * b});
    guide.colours.push_back(colour);
  });
  const std::vector<Moments> sums = window_sums(std::move(of_cells), grid);
  for (std::size_t cell = 0; cell < sums.size(); ++cell) {
    const double share = grid.share(static_cast<int>(cell) / grid.width, static_cast<int>(cell) % grid.width);
    Moments mean = sums[cell];
    for (double& value : mean) value *= share;
    const auto [r, g, b, rr, rg, rb, gg, gb, bb] = mean;
    guide.means.push_back({r, g, b});
    guide.inverses.push_back(inverse_of(rr - r * r + epsilon, rg - r * g, rb - r * b, gg - g * g + epsilon, gb - g * b,
                                        bb - b * b + epsilon));
  }
  return guide;
}

}  // namespace datus::refine_detail
