#include "algo/kmeans/summary.hpp"

#include "algo/kmeans/blocks.hpp"
#include "datus/core/error.hpp"
#include "datus/core/hash.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

namespace datus::clustering {
namespace {

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

/// What one thread has seen.
struct Extremes {
  std::uint32_t magnitude = 0;
  std::uint64_t bad_row = no_row;
  std::uint64_t content = 0;

  void take_in(const Extremes& other) {
    magnitude = std::max(magnitude, other.magnitude);
    bad_row = std::min(bad_row, other.bad_row);
    content += other.content;
  }
};

/// The sum of the hashes of a block's rows, each with its global number.
std::uint64_t content_of(const RowBlock& block, std::int64_t first_row, int dim) {
  const auto width = static_cast<std::size_t>(dim);
  std::uint64_t content = 0;
  for (std::int64_t i = 0; i < block.count; ++i) {
    const std::span<const float> row(block.values + i * dim, width);
    content += hash_64(std::as_bytes(row), static_cast<std::uint64_t>(first_row + block.first + i));
  }
  return content;
}

/// The first row of the block that is not finite. There is one.
std::int64_t first_bad_row(const RowBlock& block, int dim) {
  const auto width = static_cast<std::size_t>(dim);
  for (std::int64_t i = 0; i < block.count; ++i) {
    if (!is_finite_magnitude(largest_magnitude({block.values + i * dim, width}))) return block.first + i;
  }
  return block.first + block.count;
}

}  // namespace

std::string RowSummary::fingerprint(int dim) const {
  return std::to_string(rows) + " rows of " + std::to_string(dim) + " values, content " + std::to_string(content);
}

std::uint32_t largest_magnitude(std::span<const float> values) noexcept {
  std::uint32_t largest = 0;
  for (const float value : values) largest = std::max(largest, std::bit_cast<std::uint32_t>(value) & 0x7FFFFFFFU);
  return largest;
}

bool is_finite_magnitude(std::uint32_t magnitude) noexcept {
  return magnitude < 0x7F800000U;
}

RowSummary summarise_rows(const KMeansRows& rows, int threads, const Kernels& kernels, Communicator& comm) {
  RowSummary summary;
  summary.rows = total_rows(rows, comm);
  summary.squared_norms.resize(static_cast<std::size_t>(rows.count()));
  const int dim = rows.dim();
  std::vector<Extremes> of_workers(static_cast<std::size_t>(threads));
  for_each_block(rows, threads, [&](std::size_t worker, const RowBlock& block) {
    Extremes seen;
    seen.magnitude = largest_magnitude({block.values, static_cast<std::size_t>(block.count * dim)});
    if (!is_finite_magnitude(seen.magnitude)) {
      seen.bad_row = static_cast<std::uint64_t>(rows.first() + first_bad_row(block, dim));
    }
    seen.content = content_of(block, rows.first(), dim);
    of_workers[worker].take_in(seen);
    kernels.squared_norms(block.values, block.count, dim, summary.squared_norms.data() + block.first);
  });
  Extremes seen;
  for (const Extremes& of_worker : of_workers) seen.take_in(of_worker);
  // One collective for both: the complement of the largest is the smallest complement.
  std::array<std::uint64_t, 2> agreed{seen.bad_row, ~std::uint64_t{seen.magnitude}};
  comm.allreduce(agreed, ReduceOp::min);
  if (agreed[0] != no_row) {
    const InputError error("Row " + std::to_string(agreed[0]) + " of the descriptors is not finite",
                           "one of its " + std::to_string(dim) + " values is NaN or infinite",
                           "Make the file that holds it again.");
    throw AgreedError(error.exit_code(), error.what());
  }
  comm.allreduce(std::span(&seen.content, 1), ReduceOp::sum);
  summary.content = seen.content;
  for (const float norm : summary.squared_norms) {
    summary.largest_squared_norm = std::max(summary.largest_squared_norm, norm);
  }
  summary.largest = std::bit_cast<float>(static_cast<std::uint32_t>(~agreed[1]));
  return summary;
}

FixedPointScales choose_scales(const RowSummary& summary, int dim, float largest_centroid) {
  constexpr int largest_total = 61;
  constexpr int largest_term = 50;
  // 16 = (1 + 3)^2.
  const auto farthest = static_cast<double>(std::max(summary.largest, largest_centroid));
  const double row_inertia = 16.0 * dim * farthest * farthest;
  if (row_inertia >= 0x1p127) {
    throw InputError("The descriptors or centroids are too large for k-means",
                     "their largest coordinate is " + std::to_string(farthest) + ", and squares are held in f32",
                     "Scale them down, for example to unit length.");
  }
  // rows <= 2^row_bits; frexp: |x| < 2^exponent.
  const auto last_row = static_cast<std::uint64_t>(std::max<std::int64_t>(summary.rows, 1) - 1);
  const auto row_bits = static_cast<int>(std::bit_width(last_row));
  const int term = std::min(largest_total - row_bits, largest_term);
  int sum_exponent = 0;
  int inertia_exponent = 0;
  std::frexp(static_cast<double>(summary.largest), &sum_exponent);
  std::frexp(row_inertia, &inertia_exponent);
  return {term - sum_exponent, term - inertia_exponent, std::ldexp(1.0, term)};
}

}  // namespace datus::clustering
