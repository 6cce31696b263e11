// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/summary.hpp"

#include "algo/kmeans/blocks.hpp"
#include "algo/kmeans/prepared_rows.hpp"
#include "datus/core/error.hpp"
#include "datus/core/hash.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <unordered_set>
#include <utility>

namespace datus::clustering {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr std::uint64_t no_row = std::numeric_limits<std::uint64_t>::max();

struct RankRows {
  std::int64_t first = 0;
  std::int64_t count = 0;
};

/// COLLECTIVE. The number of rows of all ranks, whose ranges must follow each other in some order, from 0.
std::int64_t total_rows(const KMeansRows& rows, Communicator& comm) {
  const RankRows mine{rows.count() > 0 ? rows.first() : 0, rows.count()};
  std::vector<RankRows> ranges;
  for (const auto& bytes : allgather(comm, std::as_bytes(std::span(&mine, 1)))) {
    RankRows range;
    std::memcpy(&range, bytes.data(), sizeof(range));
    if (range.count > 0) ranges.push_back(range);
  }
  std::ranges::sort(ranges, {}, &RankRows::first);
  std::int64_t total = 0;
  for (const RankRows& range : ranges) {
    if (range.first != total) {
      const UsageError error(
          "The rows of the ranks do not fit together",
          "rows begin at " + std::to_string(range.first) + " where " + std::to_string(total) + " was to follow",
          "Give each rank the rows that no other rank has.");
      throw AgreedError(error.exit_code(), error.what());
    }
    total += range.count;
  }
  return total;
}

/// The largest |value|, as its bit pattern: these are ordered as the numbers, infinity and NaN above all.
template <class Bits, class T>
Bits largest_magnitude(std::span<const T> values) noexcept {
  constexpr Bits sign = Bits{1} << (8 * sizeof(Bits) - 1);
  Bits largest = 0;
  for (const T value : values) largest = std::max(largest, std::bit_cast<Bits>(value) & ~sign);
  return largest;
}

/// What one thread has seen of the rows as they came.
struct Seen {
  std::uint64_t bad_row = no_row;
  std::uint64_t content = 0;
  /// Hashes of different rows, no more than were asked for.
  std::unordered_set<std::uint64_t> distinct = {};
  std::size_t most_distinct;
  /// [D].
  std::vector<double> lowest;
  std::vector<double> highest;

  Seen(int dim, std::int64_t most)
      : most_distinct(static_cast<std::size_t>(most)),
        lowest(static_cast<std::size_t>(dim), infinity),
        highest(static_cast<std::size_t>(dim), -infinity) {}

  /// Rows [count, D] of which the first one has this number.
  template <class T>
  void take(const T* values, std::int64_t count, std::int64_t number) {
    const std::size_t dim = lowest.size();
    for (std::int64_t i = 0; i < count; ++i, values += dim) {
      const std::span<const T> row(values, dim);
      if (!all_finite(row)) bad_row = std::min(bad_row, static_cast<std::uint64_t>(number + i));
      content += hash_64(std::as_bytes(row), static_cast<std::uint64_t>(number + i));
      for (std::size_t d = 0; d < dim; ++d) widen(d, static_cast<double>(row[d]), static_cast<double>(row[d]));
      if (distinct.size() < most_distinct) distinct.insert(hash_of_values(row));
    }
  }
  void take(const Seen& other) {
    bad_row = std::min(bad_row, other.bad_row);
    content += other.content;
    distinct.insert(other.distinct.begin(), other.distinct.end());
    for (std::size_t d = 0; d < lowest.size(); ++d) widen(d, other.lowest[d], other.highest[d]);
  }

 private:
  void widen(std::size_t d, double low, double high) {
    lowest[d] = std::min(lowest[d], low);
    highest[d] = std::max(highest[d], high);
  }
  template <class T>
  static std::uint64_t hash_of_values(std::span<const T> row) {
    std::vector<double> values(row.begin(), row.end());
    // -0 equals 0.
    for (double& value : values) value += 0.0;
    return hash_64(std::as_bytes(std::span(values)), 0);
  }
};

/// COLLECTIVE. Throws for the lowest row of all ranks that is not finite.
void require_finite(std::uint64_t bad_row, int dim, Communicator& comm) {
  comm.allreduce(std::span(&bad_row, 1), ReduceOp::min);
  if (bad_row == no_row) return;
  const InputError error("Row " + std::to_string(bad_row) + " of the descriptors is not finite",
                         "one of its " + std::to_string(dim) + " values is NaN or infinite",
                         "Make the file that holds it again.");
  throw AgreedError(error.exit_code(), error.what());
}

/// COLLECTIVE. Different rows of all ranks, up to `most`.
std::int64_t count_distinct(const std::unordered_set<std::uint64_t>& mine, std::int64_t most, Communicator& comm) {
  std::int64_t largest = std::ssize(mine);
  comm.allreduce(std::span(&largest, 1), ReduceOp::max);
  if (largest >= most) return most;
  const auto all = allgather_values(comm, std::vector<std::uint64_t>(mine.begin(), mine.end()));
  return std::min(most, std::ssize(std::unordered_set<std::uint64_t>(all.begin(), all.end())));
}

/// COLLECTIVE. The lowest and the highest value of each coordinate over all ranks.
void agree_on_ranges(Seen& seen, Communicator& comm) {
  std::vector<double> packed = seen.highest;
  for (const double low : seen.lowest) packed.push_back(-low);
  comm.allreduce(packed, ReduceOp::max);
  for (std::size_t d = 0; d < seen.lowest.size(); ++d) {
    seen.highest[d] = packed[d];
    seen.lowest[d] = -packed[seen.lowest.size() + d];
  }
}

/// Of a coordinate whose values can be subtracted from without rounding; 0 for others.
double middle_of(double low, double high, bool is_precise) {
  const double near = std::min(std::abs(low), std::abs(high));
  const double far = std::max(std::abs(low), std::abs(high));
  if ((low < 0.0) != (high < 0.0) || far > 2.0 * near) return 0.0;
  const double middle = low + (high - low) / 2.0;
  // Rounded to f32 it stays between the two, which f32 holds.
  return is_precise ? middle : static_cast<double>(static_cast<float>(middle));
}

std::vector<double> choose_origin(const Seen& seen, bool is_precise) {
  constexpr double far = 16.0;
  std::vector<double> origin;
  double offset = 0.0;
  double spread = 0.0;
  for (std::size_t d = 0; d < seen.lowest.size(); ++d) {
    origin.push_back(middle_of(seen.lowest[d], seen.highest[d], is_precise));
    const double half = (seen.highest[d] - seen.lowest[d]) / 2.0;
    offset += origin.back() * origin.back();
    spread += half * half;
  }
  if (!(offset > far * spread)) origin.clear();
  return origin;
}

}  // namespace

bool all_finite(std::span<const float> values) noexcept {
  return largest_magnitude<std::uint32_t>(values) < 0x7F800000U;
}

bool all_finite(std::span<const double> values) noexcept {
  return largest_magnitude<std::uint64_t>(values) < 0x7FF0000000000000U;
}

std::string RowSummary::fingerprint(int dim) const {
  return std::to_string(rows) + " rows of " + std::to_string(dim) + " values, content " + std::to_string(content);
}

RowSummary summarise_rows(const KMeansRows& rows, std::int64_t most_distinct, int threads, const Kernels& kernels,
                          Communicator& comm) {
  RowSummary summary;
  summary.rows = total_rows(rows, comm);
  summary.squared_norms.resize(static_cast<std::size_t>(rows.count()));
  const int dim = rows.dim();
  std::vector<Seen> of_workers(static_cast<std::size_t>(threads), Seen(dim, most_distinct));
  const std::vector<double> zero(static_cast<std::size_t>(dim));
  const auto measure = [&](const RowBlock& block) {
    squared_distances(kernels, block, dim, zero.data(), 1, summary.squared_norms.data() + block.first);
  };
  for_each_block(rows, threads, [&](std::size_t worker, const RowBlock& block) {
    const std::int64_t number = rows.first() + block.first;
    if (block.precise != nullptr) {
      of_workers[worker].take(block.precise, block.count, number);
    } else {
      of_workers[worker].take(block.values, block.count, number);
    }
    measure(block);
  });
  Seen& seen = of_workers.front();
  for (const Seen& other : std::span(of_workers).subspan(1)) seen.take(other);
  require_finite(seen.bad_row, dim, comm);
  std::array<std::uint64_t, 1> content{seen.content};
  comm.allreduce(content, ReduceOp::sum);
  summary.content = content[0];
  summary.distinct = count_distinct(seen.distinct, most_distinct, comm);
  std::array<std::int64_t, 1> precise{rows.count() > 0 && rows.is_precise() ? 1 : 0};
  comm.allreduce(precise, ReduceOp::max);
  summary.is_precise = precise[0] > 0;
  agree_on_ranges(seen, comm);
  summary.origin = choose_origin(seen, summary.is_precise);
  for (std::size_t d = 0; d < seen.lowest.size() && summary.rows > 0; ++d) {
    const double middle = summary.origin.empty() ? 0.0 : summary.origin[d];
    summary.largest = std::max({summary.largest, middle - seen.lowest[d], seen.highest[d] - middle});
  }
  if (!summary.origin.empty()) {
    const PreparedRows moved(rows, summary.origin, summary.is_precise, threads);
    for_each_block(moved, threads, [&](std::size_t, const RowBlock& block) { measure(block); });
  }
  return summary;
}

FixedPointScales choose_scales(const RowSummary& summary, int dim, double largest_centroid) {
  constexpr int largest_total = 61;
  constexpr int largest_term = 50;
  // 16 = (1 + 3)^2.
  const double farthest = std::max(summary.largest, largest_centroid);
  const double row_inertia = 16.0 * dim * farthest * farthest;
  if (row_inertia >= 0x1p900) {
    throw InputError("The descriptors or centroids are too large for k-means",
                     "their largest coordinate is " + std::to_string(farthest) + ", and squares are held in f64",
                     "Scale them down, for example to unit length.");
  }
  // rows <= 2^row_bits; frexp: |x| < 2^exponent.
  const auto last_row = static_cast<std::uint64_t>(std::max<std::int64_t>(summary.rows, 1) - 1);
  const auto row_bits = static_cast<int>(std::bit_width(last_row));
  const int term = std::min(largest_total - row_bits, largest_term);
  int sum_exponent = 0;
  int inertia_exponent = 0;
  std::frexp(summary.largest, &sum_exponent);
  std::frexp(row_inertia, &inertia_exponent);
  return {term - sum_exponent, term - inertia_exponent, term, std::ldexp(1.0, term)};
}

}  // namespace datus::clustering
