// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/boundary.hpp"

#include "algo/scores/pixel_scan.hpp"

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace datus {
namespace boundary_test {

std::vector<std::int64_t> values_of(const BoundaryCounts& counts) {
  return {counts.values().begin(), counts.values().end()};
}

/// A map of rectangles, some pixels of which have no label.
LabelMap rectangles(int height, int width, int labels, double without, std::mt19937& generator) {
  LabelMap map(height, width, 0);
  const auto below = [&](int limit) { return std::uniform_int_distribution(0, limit - 1)(generator); };
  for (int i = 0; i < 6; ++i) {
    const int top = below(height);
    const int left = below(width);
    const std::int32_t label = below(labels);
    const int bottom = top + 1 + below(height - top);
    const int right = left + 1 + below(width - left);
    for (int y = top; y < bottom; ++y) {
      for (int x = left; x < right; ++x) map.labels[static_cast<std::size_t>(y * width + x)] = label;
    }
  }
  std::bernoulli_distribution is_without(without);
  for (auto& label : map.labels) {
    if (is_without(generator)) label = no_label;
  }
  return map;
}

struct Point {
  int x;
  int y;
};

/// By the words of the definition, pixel by pixel.
std::vector<Point> boundary_by_definition(const LabelMap& map, const LabelMap& truth) {
  std::vector<Point> points;
  for (int y = 0; y < map.height; ++y) {
    for (int x = 0; x < map.width; ++x) {
      bool is_boundary = false;
      for (const auto [dx, dy] : {Point{1, 0}, Point{0, 1}}) {
        if (x + dx >= map.width || y + dy >= map.height) continue;
        const auto here = static_cast<std::size_t>(y * map.width + x);
        const auto there = static_cast<std::size_t>((y + dy) * map.width + x + dx);
        if (truth.labels[here] == no_label || truth.labels[there] == no_label) continue;
        is_boundary = is_boundary || map.labels[here] != map.labels[there];
      }
      if (is_boundary) points.push_back({x, y});
    }
  }
  return points;
}

std::int64_t near_by_definition(const std::vector<Point>& points, const std::vector<Point>& others) {
  std::int64_t count = 0;
  for (const Point& point : points) {
    bool is_near = false;
    for (const Point& other : others) is_near = is_near || std::hypot(point.x - other.x, point.y - other.y) <= 3.0;
    count += is_near ? 1 : 0;
  }
  return count;
}

TEST(Boundary, CountsAsTheDefinitionSays) {
  std::mt19937 generator(11);
  BoundaryCounts sum;
  std::vector<std::int64_t> expected(4);
  for (int i = 0; i < 60; ++i) {
    const int height = 1 + i % 23;
    const int width = 1 + (7 * i) % 31;
    const LabelMap prediction = rectangles(height, width, 5, i % 3 == 0 ? 0.05 : 0.0, generator);
    const LabelMap truth = rectangles(height, width, 3, i % 2 == 0 ? 0.1 : 0.0, generator);
    BoundaryCounts counts;
    counts.add(prediction, truth);
    const auto predicted = boundary_by_definition(prediction, truth);
    const auto real = boundary_by_definition(truth, truth);
    const std::vector<std::int64_t> values{std::ssize(predicted), near_by_definition(predicted, real), std::ssize(real),
                                           near_by_definition(real, predicted)};
    ASSERT_EQ(values_of(counts), values) << i;
    sum += counts;
    for (std::size_t v = 0; v < 4; ++v) expected[v] += values[v];
  }
  EXPECT_EQ(values_of(sum), expected);
  EXPECT_GT(expected[1], 0);
  EXPECT_LT(expected[1], expected[0]);
}

ByteLabelMap in_bytes(const LabelMap& map) {
  ByteLabelMap bytes{map.height, map.width, {}};
  for (const std::int32_t label : map.labels) bytes.labels.push_back(static_cast<std::uint8_t>(label));
  return bytes;
}

// Widths around those of a word, and of a vector.
TEST(PixelScan, IsTheSameOnEachPath) {
  std::mt19937 generator(4);
  for (const int width : {1, 2, 7, 8, 9, 31, 63, 64, 65, 130}) {
    const LabelMap prediction = rectangles(9, width, 4, 0.1, generator);
    const LabelMap truth = rectangles(9, width, 3, 0.1, generator);
    const PixelScan scalar = scan_pixels(prediction, truth, SimdPath::scalar);
    for (int y = 0; y < 9; ++y) {
      for (int x = 0; x < width; ++x) {
        const auto here = static_cast<std::size_t>(y * width + x);
        const bool ends = x + 1 == width || prediction.labels[here] != prediction.labels[here + 1] ||
                          truth.labels[here] != truth.labels[here + 1];
        EXPECT_EQ((scalar.ends.row(y)[x / 64] >> (x % 64) & 1U) != 0, ends) << width << ": " << y << ", " << x;
      }
    }
    for (const SimdPath path : supported_simd_paths()) {
      const PixelScan scan = scan_pixels(prediction, truth, path);
      EXPECT_EQ(scan.predicted.all(), scalar.predicted.all()) << name(path) << ", " << width;
      EXPECT_EQ(scan.real.all(), scalar.real.all()) << name(path) << ", " << width;
      EXPECT_EQ(scan.ends.all(), scalar.ends.all()) << name(path) << ", " << width;
      const PixelScan of_bytes = scan_pixels(in_bytes(prediction), in_bytes(truth), path);
      EXPECT_EQ(of_bytes.predicted.all(), scalar.predicted.all()) << name(path) << ", " << width;
      EXPECT_EQ(of_bytes.real.all(), scalar.real.all()) << name(path) << ", " << width;
      EXPECT_EQ(of_bytes.ends.all(), scalar.ends.all()) << name(path) << ", " << width;
    }
  }
}

TEST(Boundary, AnOutlineWithinThreePixelsIsRight) {
  LabelMap truth(8, 40, 0);
  for (std::size_t i = 0; i < truth.labels.size(); ++i) truth.labels[i] = i % 40 < 20 ? 0 : 1;
  for (const int shift : {0, 3, 4}) {
    LabelMap prediction(8, 40, 0);
    for (std::size_t i = 0; i < truth.labels.size(); ++i) {
      prediction.labels[i] = static_cast<int>(i % 40) < 20 + shift ? 9 : 4;
    }
    BoundaryCounts counts;
    counts.add(prediction, truth);
    EXPECT_EQ(score(counts).f, shift <= 3 ? 1.0 : 0.0) << shift;
  }
}

TEST(Boundary, WithoutBoundariesThereIsNothingToJudge) {
  BoundaryCounts counts;
  counts.add(LabelMap(4, 4, 2), LabelMap(4, 4, 0));
  EXPECT_FALSE(score(counts).precision || score(counts).recall || score(counts).f);
  counts.add(LabelMap(1, 2, 2), [] {
    LabelMap truth(1, 2, 0);
    truth.labels[1] = 1;
    return truth;
  }());
  EXPECT_EQ(score(counts).recall, 0.0);
  EXPECT_FALSE(score(counts).precision || score(counts).f);
}

}  // namespace boundary_test
}  // namespace datus
