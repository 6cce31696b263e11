// SPDX-License-Identifier: Apache-2.0
#include "algo/affinity/kernels.hpp"
#include "algo/affinity/soft_panels.hpp"
#include "algo/affinity/unit_rows.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>

namespace datus::affinity {
namespace {

struct Registers {
  using Floats = float __attribute__((vector_size(16)));
  using Integers = std::int32_t __attribute__((vector_size(16)));
  static Integers integers_of(Floats whole) { return __builtin_convertvector(whole, Integers); }
  static Floats floats_of_bits(Integers bits) { return reinterpret_cast<Floats>(bits); }
};

/// Adds up `steps` products; place_of says which dimensions they are of.
template <class PlaceOf>
void multiply_steps(const float* packed, int dim, int steps, PlaceOf place_of, int first_row, int first_panel,
                    float* tile) {
  const std::size_t panel_size = static_cast<std::size_t>(dim) * panel_width;
  const float* row = packed + static_cast<std::size_t>(first_row / panel_width) * panel_size + first_row % panel_width;
  const float* columns = packed + static_cast<std::size_t>(first_panel) * panel_size;
  float sums[panel_width] = {};
  for (int step = 0; step < steps; ++step) {
    const std::size_t at = static_cast<std::size_t>(place_of(step)) * panel_width;
    for (int c = 0; c < panel_width; ++c)
      sums[c] = std::fma(row[at], columns[at + static_cast<std::size_t>(c)], sums[c]);
  }
  for (int c = 0; c < panel_width; ++c) tile[c] = sums[c];
}

void multiply(const float* packed, int dim, int first_row, int first_panel, int /*panels*/, float* tile) {
  multiply_steps(
      packed, dim, dim, [](int step) { return step; }, first_row, first_panel, tile);
}

void multiply_listed(const float* packed, int dim, const std::int32_t* listed, int count, int first_row,
                     int first_panel, int /*panels*/, float* tile) {
  multiply_steps(
      packed, dim, count, [=](int step) { return listed[step]; }, first_row, first_panel, tile);
}

std::uint16_t compare(const float* values, float threshold) {
  unsigned bits = 0;
  for (int c = 0; c < panel_width; ++c)
    bits |= static_cast<unsigned>(values[c] > threshold) << static_cast<unsigned>(c);
  return static_cast<std::uint16_t>(bits);
}

std::uint16_t soft_weights(const float* cosines, float scale, float* weights) {
  fill_soft_weights<Registers>(cosines, scale, weights);
  unsigned bits = 0;
  for (int c = 0; c < panel_width; ++c) bits |= static_cast<unsigned>(weights[c] != 0.0F) << static_cast<unsigned>(c);
  return static_cast<std::uint16_t>(bits);
}

}  // namespace

Kernel scalar_kernel() {
  return {.tile_rows = 1,
          .tile_panels = 1,
          .multiply = multiply,
          .multiply_listed = multiply_listed,
          .compare = compare,
          .soft_weights = soft_weights,
          .scale_rows = scale_rows};
}

}  // namespace datus::affinity
