// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/torch/attention_kernels.hpp"
#include "model/torch/lanes_exponential.hpp"

#include <cstring>

// The source of all paths of attention_kernels.hpp: attention_baseline.cpp, attention_avx2.cpp and attention_avx512.cpp
// compile it for their instruction set, with the Lanes of that set. Everything here has internal linkage and calls no
// library template: the linker keeps one copy of a shared inline function, which would bring one path's instructions
// into another.
//
// Keys and values are packed once per head, in panels of two vectors of columns. Then some queries at a time go all the
// way, so that their scores stay in the caches: products with all keys, exponentials in place, products with all
// values. The division by a row's sum comes last. Every sum has a fixed order that depends on its own row only.

namespace datus::attention_kernels {
namespace {

constexpr std::int64_t round_up(std::int64_t value, std::int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

/// Where the parts of the working memory lie.
struct Work {
  float* keys;
  float* values;
  float* queries;
  float* scores;
  float* result;
  std::int64_t score_stride;
  std::int64_t result_stride;
  std::size_t size;
};

template <class Lanes>
struct AttentionLoops {
  using Vector = typename Lanes::Vector;

  static constexpr std::int64_t lanes = Lanes::width;
  static constexpr std::int64_t tile_rows = Lanes::tile_rows;
  static constexpr std::int64_t panel_columns = 2 * lanes;
  /// Queries that go through together; their scores for 785 keys take 75 to 175 KB.
  static constexpr std::int64_t block_rows = 4 * tile_rows;
  /// Keys whose values in one panel stay in the first-level cache while the rows of a block pass over them.
  static constexpr std::int64_t value_block = 256;

  /// result[r][c] = (adds ? result[r][c] : 0) + Σ_k left[r][k] * panel[k][c] for tile_rows rows and panel_columns
  /// columns, k in ascending order.
  static inline __attribute__((always_inline)) void multiply_tile(ConstRows left, const float* panel,
                                                                  std::int64_t inner, Rows result, bool adds) {
    Vector low[tile_rows];
    Vector high[tile_rows];
#pragma GCC unroll 16
    for (int r = 0; r < tile_rows; ++r) {
      low[r] = adds ? Lanes::load(result.values + r * result.stride) : Vector{};
      high[r] = adds ? Lanes::load(result.values + r * result.stride + lanes) : Vector{};
    }
    for (std::int64_t k = 0; k < inner; ++k) {
      const Vector columns_low = Lanes::load(panel + k * panel_columns);
      const Vector columns_high = Lanes::load(panel + k * panel_columns + lanes);
#pragma GCC unroll 16
      for (int r = 0; r < tile_rows; ++r) {
        const Vector value = Lanes::all(left.values[r * left.stride + k]);
        low[r] = Lanes::multiply_add(value, columns_low, low[r]);
        high[r] = Lanes::multiply_add(value, columns_high, high[r]);
      }
    }
#pragma GCC unroll 16
    for (int r = 0; r < tile_rows; ++r) {
      Lanes::store(result.values + r * result.stride, low[r]);
      Lanes::store(result.values + r * result.stride + lanes, high[r]);
    }
  }

  /// Element [panel][k][column] = keys[panel * panel_columns + column][k], zeros beyond the last key.
  static void pack_keys(ConstRows keys, std::int64_t count, std::int64_t width, float* to) {
    for (std::int64_t row = 0; row < round_up(count, panel_columns); ++row) {
      float* column = to + row / panel_columns * panel_columns * width + row % panel_columns;
      const float* from = row < count ? keys.values + row * keys.stride : nullptr;
      for (std::int64_t k = 0; k < width; ++k) column[k * panel_columns] = from != nullptr ? from[k] : 0.0F;
    }
  }

  /// Element [panel][key][column] = values[key][panel * panel_columns + column], zeros beyond the last column.
  static void pack_values(ConstRows values, std::int64_t count, std::int64_t width, float* to) {
    for (std::int64_t first = 0; first < width; first += panel_columns) {
      const std::int64_t columns = width - first < panel_columns ? width - first : panel_columns;
      for (std::int64_t row = 0; row < count; ++row, to += panel_columns) {
        const float* from = values.values + row * values.stride + first;
        for (std::int64_t c = 0; c < panel_columns; ++c) to[c] = c < columns ? from[c] : 0.0F;
      }
    }
  }

  /// Copies rows and fills up with rows of zeros to the next whole tile.
  static void pack_queries(ConstRows queries, std::int64_t count, std::int64_t width, float* to) {
    const auto bytes = static_cast<std::size_t>(width) * sizeof(float);
    for (std::int64_t row = 0; row < round_up(count, tile_rows); ++row, to += width) {
      if (row < count) {
        std::memcpy(to, queries.values + row * queries.stride, bytes);
      } else {
        std::memset(to, 0, bytes);
      }
    }
  }

  static float largest_lane(Vector vector) {
    float largest = vector[0];
    for (int lane = 1; lane < lanes; ++lane) largest = vector[lane] > largest ? vector[lane] : largest;
    return largest;
  }

  static float sum_of_lanes(Vector vector) {
    float sum = vector[0];
    for (int lane = 1; lane < lanes; ++lane) sum += vector[lane];
    return sum;
  }

  /// row[i] = 2^(factor * (row[i] - largest)) for `count` values, zeros behind them to the end of the last panel.
  /// Returns the sum. The factor is positive.
  static float exponentials(float* row, std::int64_t count, float factor) {
    const std::int64_t padded = round_up(count, panel_columns);
    for (std::int64_t i = count; i < padded; ++i) row[i] = -__builtin_inff();
    Vector largest[2] = {Lanes::load(row), Lanes::load(row + lanes)};
    for (std::int64_t i = panel_columns; i < padded; i += panel_columns) {
      largest[0] = Lanes::larger(Lanes::load(row + i), largest[0]);
      largest[1] = Lanes::larger(Lanes::load(row + i + lanes), largest[1]);
    }
    const Vector scale = Lanes::all(factor);
    const Vector offset = Lanes::all(-factor * largest_lane(Lanes::larger(largest[0], largest[1])));
    Vector sum[2] = {};
    for (std::int64_t i = 0; i < padded; i += panel_columns) {
      for (int half = 0; half < 2; ++half) {
        float* const at = row + i + half * lanes;
        const Vector value = power_of_two<Lanes>(Lanes::multiply_add(Lanes::load(at), scale, offset));
        sum[half] += value;
        Lanes::store(at, value);
      }
    }
    return sum_of_lanes(sum[0] + sum[1]);
  }

  static Work split(std::int64_t key_count, std::int64_t width, float* work) {
    // The rows' beginnings should not all fall into the same set of the first-level cache.
    const std::int64_t score_stride = round_up(key_count, panel_columns) + 16;
    const std::int64_t result_stride = round_up(width, panel_columns);
    const std::int64_t sizes[] = {round_up(key_count, panel_columns) * width, key_count * result_stride,
                                  block_rows * width, block_rows * score_stride, block_rows * result_stride};
    float* parts[5];
    std::int64_t begin = 0;
    for (int i = 0; i < 5; ++i) {
      parts[i] = work == nullptr ? nullptr : work + begin;
      begin += round_up(sizes[i], 16);
    }
    return {parts[0], parts[1],     parts[2],      parts[3],
            parts[4], score_stride, result_stride, static_cast<std::size_t>(begin)};
  }

  static std::size_t work_size(std::int64_t key_count, std::int64_t width) {
    return split(key_count, width, nullptr).size;
  }

  /// scores[r][t] = query r times key t, for whole tiles of rows.
  static void multiply_keys(const Head& head, const Work& work, std::int64_t rows) {
    for (std::int64_t first = 0; first < head.key_count; first += panel_columns) {
      for (std::int64_t row = 0; row < rows; row += tile_rows) {
        multiply_tile({work.queries + row * head.width, head.width}, work.keys + first * head.width, head.width,
                      {work.scores + row * work.score_stride + first, work.score_stride}, false);
      }
    }
  }

  /// result[r] = Σ_t scores[r][t] * value t, for whole tiles of rows.
  static void multiply_values(const Head& head, const Work& work, std::int64_t rows) {
    for (std::int64_t first = 0; first < head.key_count; first += value_block) {
      const std::int64_t keys = head.key_count - first < value_block ? head.key_count - first : value_block;
      for (std::int64_t column = 0; column < head.width; column += panel_columns) {
        const float* panel = work.values + column * head.key_count + first * panel_columns;
        for (std::int64_t row = 0; row < rows; row += tile_rows) {
          multiply_tile({work.scores + row * work.score_stride + first, work.score_stride}, panel, keys,
                        {work.result + row * work.result_stride + column, work.result_stride}, first > 0);
        }
      }
    }
  }

  static void attend(const Head& head, float* memory) {
    const Work work = split(head.key_count, head.width, memory);
    constexpr float logarithm = 1.44269504F;  // of e to base 2
    pack_keys(head.keys, head.key_count, head.width, work.keys);
    pack_values(head.values, head.key_count, head.width, work.values);
    for (std::int64_t first = 0; first < head.query_count; first += block_rows) {
      const std::int64_t rows = head.query_count - first < block_rows ? head.query_count - first : block_rows;
      const std::int64_t padded_rows = round_up(rows, tile_rows);
      pack_queries({head.queries.values + first * head.queries.stride, head.queries.stride}, rows, head.width,
                   work.queries);
      multiply_keys(head, work, padded_rows);
      float sums[block_rows];
      for (std::int64_t row = 0; row < padded_rows; ++row) {
        sums[row] = exponentials(work.scores + row * work.score_stride, head.key_count, head.scale * logarithm);
      }
      multiply_values(head, work, padded_rows);
      for (std::int64_t row = 0; row < rows; ++row) {
        const float* from = work.result + row * work.result_stride;
        float* to = head.result.values + (first + row) * head.result.stride;
        for (std::int64_t c = 0; c < head.width; ++c) to[c] = from[c] / sums[row];
      }
    }
  }
};

}  // namespace
}  // namespace datus::attention_kernels
