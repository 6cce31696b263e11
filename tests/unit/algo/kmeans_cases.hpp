// SPDX-License-Identifier: Apache-2.0
#pragma once

// Random cases for property tests of k-means: drawn from a seed, and made smaller when a property fails.

#include "datus/algo/kmeans.hpp"
#include "kmeans_layouts.hpp"
#include "kmeans_reference.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace datus::test {

/// In [-1, 1), denser around 0.
inline float bell(Random& random) {
  double sum = 0.0;
  for (int i = 0; i < 3; ++i) sum += std::ldexp(static_cast<double>(random() >> 11U), -52) - 1.0;
  return static_cast<float>(sum / 3.0);
}

enum class Kind {
  bell,
  blobs,
  copies,
  grid,
  constant,
  zeros,
  signed_zeros,
  tiny,
  denormal_squares,
  huge,
  denormal,
  far_from_origin,
  magnitudes
};
inline constexpr std::array<std::string_view, 13> kind_names{
    "bell", "blobs",    "copies",          "grid",      "constant", "zeros", "signed zeros", "tiny", "denormal squares",
    "huge", "denormal", "far from origin", "magnitudes"};

/// All that a case is made of; the rows follow from it.
struct Case {
  std::uint64_t seed = 0;
  Kind kind = Kind::bell;
  std::int64_t rows = 1;
  int dim = 1;
  KMeansOptions options;
};

inline std::string text_of(const Case& c) {
  std::ostringstream text;
  text << "seed " << c.seed << ", rows of kind '" << kind_names[static_cast<std::size_t>(c.kind)] << "', n " << c.rows
       << ", D " << c.dim << ", K";
  for (const int clusters : c.options.clusters) text << ' ' << clusters;
  text << (c.options.mode == KMeansOptions::Mode::fast ? ", fast" : "") << ", init " << static_cast<int>(c.options.init)
       << ", restarts " << c.options.restarts << ", iterations " << c.options.max_iterations << ", tolerance "
       << c.options.tolerance;
  return text.str();
}

inline float value_of(Kind kind, float blob, Random& random) {
  const float v = bell(random);
  switch (kind) {
    case Kind::blobs:
      return blob + 0.05F * v;
    case Kind::grid:
      return std::round(4.0F * v);
    case Kind::zeros:
      return 0.0F;
    case Kind::signed_zeros:
      return std::copysign(one_in(random, 3) ? 1.0F : 0.0F, v);
    case Kind::tiny:
      return 1e-30F * v;
    case Kind::denormal_squares:
      return 1e-21F * v;
    case Kind::huge:
      return 1e15F * v;
    case Kind::denormal:
      return std::round(6.0F * v) * std::numeric_limits<float>::denorm_min();
    case Kind::far_from_origin:
      return 300.0F + v;
    case Kind::magnitudes:
      return v * std::pow(10.0F, static_cast<float>(draw(random, -20, 14)));
    case Kind::bell:
    case Kind::copies:
    case Kind::constant:
      break;
  }
  return v;
}

inline Matrix rows_of(const Case& c) {
  Random random(c.seed);
  Matrix matrix{c.rows, c.dim, {}};
  const auto width = static_cast<std::size_t>(c.dim);
  std::array<float, 5> blobs{};
  for (float& blob : blobs) blob = bell(random);
  for (std::int64_t i = 0; i < c.rows; ++i) {
    const auto blob = static_cast<std::size_t>(draw(random, 0, 4));
    for (std::size_t d = 0; d < width; ++d) matrix.values.push_back(value_of(c.kind, blobs[(blob + d) % 5], random));
    const bool copy = c.kind == Kind::constant || (c.kind == Kind::copies && !one_in(random, 4)) || one_in(random, 12);
    if (i == 0 || !copy) continue;
    const std::int64_t from = c.kind == Kind::constant ? 0 : draw(random, 0, i - 1);
    std::copy_n(matrix.values.begin() + from * c.dim, width, matrix.values.begin() + i * c.dim);
  }
  return matrix;
}

/// Rows with repetitions, sometimes moved: clusters that stay empty.
inline std::vector<double> given_of(const Case& c, const Matrix& rows) {
  if (c.options.init != KMeansOptions::Init::given) return {};
  Random random(c.seed + 1);
  std::vector<std::int64_t> chosen;
  for (int k = 0; k < c.options.clusters.front(); ++k) {
    chosen.push_back(k > 0 && one_in(random, 4) ? one_of(random, chosen) : draw(random, 0, c.rows - 1));
  }
  std::vector<double> given = rows_at(rows, chosen);
  if (one_in(random, 2)) {
    // Values that f32 holds.
    for (double& value : given) value = static_cast<double>(static_cast<float>(value) * (1.0F + 0.25F * bell(random)));
  }
  return given;
}

/// Takes a case and throws where the property does not hold.
using Property = std::function<void(const Case&)>;

inline std::optional<std::string> failure_of(const Case& c, const Property& holds) {
  try {
    holds(c);
  } catch (const std::exception& e) {
    return e.what();
  }
  return std::nullopt;
}

/// Cases that are a little smaller, the boldest steps first.
inline std::vector<Case> smaller(const Case& c) {
  std::vector<Case> cases;
  const auto with = [&](const auto& change) {
    Case other = c;
    change(other);
    for (int& clusters : other.options.clusters) clusters = std::min(clusters, static_cast<int>(other.rows));
    cases.push_back(std::move(other));
  };
  for (std::size_t i = 0; c.options.clusters.size() > 1 && i < c.options.clusters.size(); ++i) {
    with([&](Case& o) { o.options.clusters.erase(o.options.clusters.begin() + static_cast<std::ptrdiff_t>(i)); });
  }
  if (c.options.restarts > 1) with([](Case& o) { --o.options.restarts; });
  if (c.options.max_iterations > 1) with([](Case& o) { --o.options.max_iterations; });
  for (const std::int64_t rows : {c.rows / 2, c.rows * 3 / 4, c.rows - 1}) {
    if (rows >= 1 && rows < c.rows) with([&](Case& o) { o.rows = rows; });
  }
  for (const int dim : {c.dim / 2, c.dim * 3 / 4, c.dim - 1}) {
    if (dim >= 1 && dim < c.dim) with([&](Case& o) { o.dim = dim; });
  }
  for (std::size_t i = 0; i < c.options.clusters.size(); ++i) {
    const int clusters = c.options.clusters[i];
    for (const int fewer : {clusters / 2, clusters * 3 / 4, clusters - 1}) {
      if (fewer >= 1 && fewer < clusters) with([&](Case& o) { o.options.clusters[i] = fewer; });
    }
  }
  return cases;
}

/// Checks the property for the cases of seeds [first, first + count). Of a case that fails, the smallest one that still
/// does is reported; the first such case ends the test.
inline void check_property(std::uint64_t first, int count, const std::function<Case(std::uint64_t)>& case_of,
                           const Property& holds) {
  for (int i = 0; i < count; ++i) {
    const std::uint64_t seed = first + static_cast<std::uint64_t>(i);
    Case failing = case_of(seed);
    auto failure = failure_of(failing, holds);
    if (!failure) continue;
    const std::string drawn = text_of(failing) + "\n    " + *failure;
    int attempts = 200;
    for (bool shrunk = true; shrunk && attempts > 0;) {
      shrunk = false;
      for (const Case& candidate : smaller(failing)) {
        if (shrunk || attempts-- <= 0) break;
        const auto text = failure_of(candidate, holds);
        if (!text) continue;
        failing = candidate;
        failure = text;
        shrunk = true;
      }
    }
    ADD_FAILURE() << "As drawn: " << drawn << "\nSmallest: " << text_of(failing) << "\n    " << *failure;
    return;
  }
}

}  // namespace datus::test
