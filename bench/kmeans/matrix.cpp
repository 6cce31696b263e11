// SPDX-License-Identifier: Apache-2.0
#include "kmeans/matrix.hpp"

#include "datus/core/error.hpp"

#include <cmath>
#include <cstddef>
#include <fstream>
#include <random>
#include <span>

namespace datus::bench {
namespace {

/// Adds normally distributed values times `scale`.
void add_normal(std::minstd_rand& generator, float scale, std::span<float> to) {
  std::normal_distribution<float> normal;
  for (float& value : to) value += scale * normal(generator);
}

void add_scaled(std::span<const float> values, float scale, std::span<float> to) {
  for (std::size_t d = 0; d < to.size(); ++d) to[d] += scale * values[d];
}

void make_unit_length(std::span<float> row) {
  double square = 0.0;
  for (const float value : row) square += static_cast<double>(value) * static_cast<double>(value);
  for (float& value : row) value = static_cast<float>(static_cast<double>(value) / std::sqrt(square));
}

}  // namespace

std::vector<float> read_values(const std::string& file, std::int64_t first, std::int64_t count) {
  std::vector<float> values(static_cast<std::size_t>(count));
  const auto bytes = static_cast<std::streamsize>(values.size() * sizeof(float));
  std::ifstream stream(file, std::ios::binary);
  stream.seekg(static_cast<std::streamoff>(first) * static_cast<std::streamoff>(sizeof(float)));
  stream.read(reinterpret_cast<char*>(values.data()), bytes);
  if (!stream) {
    throw InputError("Cannot read " + std::to_string(count) + " values of '" + file + "'",
                     "it is missing or shorter than the case says", "Name a file of raw f32 values, rows x D.");
  }
  return values;
}

std::vector<float> make_rows(Share share, int dim) {
  constexpr std::uint32_t directions = 64;
  const auto width = static_cast<std::size_t>(dim);
  std::vector<float> centres(directions * width);
  std::minstd_rand of_centres(1);
  add_normal(of_centres, 1.0F, centres);
  const auto centre = [&](std::uint32_t i) {
    return std::span<const float>(centres).subspan(i % directions * width, width);
  };
  std::vector<float> rows(static_cast<std::size_t>(share.size()) * width);
  for (std::int64_t i = share.begin; i < share.end; ++i) {
    const auto row = std::span(rows).subspan(static_cast<std::size_t>(i - share.begin) * width, width);
    std::minstd_rand generator(static_cast<std::uint32_t>(i + 2));
    generator.discard(10);
    const auto first = static_cast<std::uint32_t>(generator());
    const auto second = static_cast<std::uint32_t>(generator());
    add_scaled(centre(first), 1.0F, row);
    add_scaled(centre(second), std::uniform_real_distribution<float>()(generator), row);
    add_normal(generator, 1.5F, row);
    make_unit_length(row);
  }
  return rows;
}

}  // namespace datus::bench
