// SPDX-License-Identifier: Apache-2.0
#pragma once

// k-means as the design defines it, to the bit, in plain loops over all rows: what the real one is compared with.

#include "algo/kmeans/random.hpp"
#include "datus/algo/kmeans.hpp"
#include "datus/core/parallel.hpp"
#include "support/thread_communicator.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <mutex>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace datus::test {

/// f32 [n, D].
struct Matrix {
  std::int64_t rows = 0;
  int dim = 0;
  std::vector<float> values;
  [[nodiscard]] const float* row(std::int64_t i) const { return values.data() + i * dim; }
};

/// Normally distributed rows, of which some are copies of others, on a grid if `ties` (so that distances tie).
inline Matrix random_rows(std::int64_t rows, int dim, bool ties, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  Matrix matrix{rows, dim, {}};
  matrix.values.resize(static_cast<std::size_t>(rows * dim));
  for (float& value : matrix.values) value = ties ? std::round(normal(generator)) : normal(generator);
  for (std::int64_t i = 0; i < rows; i += 7) {
    const auto from = static_cast<std::int64_t>(generator() % static_cast<std::uint64_t>(rows));
    std::copy_n(matrix.values.begin() + from * dim, dim, matrix.values.begin() + i * dim);
  }
  return matrix;
}

/// Rows that are copied into the caller's buffer, as a reader of files does.
class CopiedRows final : public KMeansRows {
 public:
  CopiedRows(const Matrix& all, std::int64_t first, std::int64_t count) : all_(all), first_(first), count_(count) {}
  [[nodiscard]] std::int64_t first() const override { return first_; }
  [[nodiscard]] std::int64_t count() const override { return count_; }
  [[nodiscard]] int dim() const override { return all_.dim; }
  /// Blocks of odd lengths, each a copy that is gone after its call.
  void visit(std::span<const RowRange> ranges, int threads, const RowBlockBody& body) const override {
    const auto blocks = cut_ranges(ranges, 37);
    std::atomic<std::size_t> next{0};
    parallel_for(threads, threads, [&](std::int64_t worker) {
      for (std::size_t i = next++; i < blocks.size(); i = next++) {
        const std::int64_t begin = first_ + blocks[i].begin;
        const std::vector<float> copy(all_.row(begin), all_.row(begin + blocks[i].count));
        body(static_cast<std::size_t>(worker), {blocks[i].begin, blocks[i].count, copy.data(), nullptr});
      }
    });
  }

 private:
  const Matrix& all_;
  std::int64_t first_;
  std::int64_t count_;
};

/// Runs on thread-ranks, rank r having shares[r] rows, and joins the ranks' assignments. Checks that all else is the
/// same on all ranks.
inline std::vector<KMeansResult> run_kmeans(const Matrix& rows, const KMeansOptions& options,
                                            const std::vector<double>& given, const std::vector<std::int64_t>& shares) {
  std::vector<std::vector<KMeansResult>> results(shares.size());
  run_on_threads(static_cast<int>(shares.size()), [&](Communicator& comm) {
    const auto rank = static_cast<std::size_t>(comm.rank());
    std::int64_t first = 0;
    for (std::size_t r = 0; r < rank; ++r) first += shares[r];
    const CopiedRows mine(rows, first, shares[rank]);
    results[rank] = kmeans(mine, options, given, comm);
  });
  std::vector<KMeansResult> joined = results.front();
  for (std::size_t r = 1; r < results.size(); ++r) {
    for (std::size_t i = 0; i < joined.size(); ++i) {
      const KMeansResult& other = results[r][i];
      EXPECT_EQ(joined[i].centroids, other.centroids);
      EXPECT_EQ(joined[i].inertia, other.inertia);
      EXPECT_EQ(joined[i].final_inertia, other.final_inertia);
      joined[i].assignment.insert(joined[i].assignment.end(), other.assignment.begin(), other.assignment.end());
    }
  }
  return joined;
}

/// f64 [n, D].
struct Points {
  std::int64_t rows = 0;
  int dim = 0;
  std::vector<double> values;
  [[nodiscard]] const double* row(std::int64_t i) const { return values.data() + i * dim; }
};

/// Rows minus an origin [D]; empty: nothing.
inline Points relative_to(const std::vector<double>& origin, const Matrix& rows) {
  Points points{rows.rows, rows.dim, {rows.values.begin(), rows.values.end()}};
  for (std::size_t i = 0; i < points.values.size() && !origin.empty(); ++i)
    points.values[i] -= origin[i % origin.size()];
  return points;
}

/// The origin that rows are to have.
inline std::vector<double> reference_origin(const Matrix& rows) {
  std::vector<double> origin;
  double offset = 0.0;
  double spread = 0.0;
  for (int d = 0; d < rows.dim; ++d) {
    float low = rows.row(0)[d];
    float high = low;
    for (std::int64_t i = 0; i < rows.rows; ++i) {
      low = std::min(low, rows.row(i)[d]);
      high = std::max(high, rows.row(i)[d]);
    }
    const double middle = (static_cast<double>(low) + static_cast<double>(high)) / 2.0;
    const bool exact = (low > 0.0F && high <= 2.0F * low) || (high < 0.0F && low >= 2.0F * high);
    origin.push_back(exact ? static_cast<double>(static_cast<float>(middle)) : 0.0);
    offset += origin.back() * origin.back();
    spread += std::pow((static_cast<double>(high) - static_cast<double>(low)) / 2.0, 2.0);
  }
  return offset > 16.0 * spread ? origin : std::vector<double>();
}

struct ReferenceAssignment {
  std::vector<std::int32_t> labels;
  /// Per cluster.
  std::vector<std::int64_t> counts;
  std::vector<double> inertia;
  /// Of coordinates [K, D], in units of their scale.
  std::vector<double> sums;

  [[nodiscard]] double total() const { return std::accumulate(inertia.begin(), inertia.end(), 0.0); }
};

/// The squared distance of f32 or f64 points.
template <class X, class C>
double squared_distance(const X* x, const C* c, int dim) {
  double sum = 0.0;
  for (int d = 0; d < dim; ++d) {
    const double difference = static_cast<double>(x[d]) - static_cast<double>(c[d]);
    sum = std::fma(difference, difference, sum);
  }
  return sum;
}

/// What decides about the fixed-point numbers.
struct ReferenceScales {
  double sum;
  double inertia;
  double rest;
  ReferenceScales(std::int64_t rows, const KMeansResult& result)
      : sum(std::ldexp(1.0, result.sum_scale_log2)),
        inertia(std::ldexp(1.0, result.inertia_scale_log2)),
        rest(std::ldexp(1.0,
                        std::min(50, 61 - static_cast<int>(std::bit_width(static_cast<std::uint64_t>(rows - 1)))))) {}
};

/// A sum of numbers that are rounded to units, of what that leaves over, and of what is left then.
struct ReferenceSum {
  std::array<std::int64_t, 3> parts{};
  void add(double value, double scale, double rest_scale) {
    double units = value * scale;
    for (std::int64_t& part : parts) {
      part += std::llrint(units);
      units = (units - std::nearbyint(units)) * rest_scale;
    }
  }
  [[nodiscard]] double in_units(double rest_scale, int count) const {
    double sum = 0.0;
    for (int i = count; i-- > 0;) sum = static_cast<double>(parts[static_cast<std::size_t>(i)]) + sum / rest_scale;
    return sum;
  }
};

/// Of the coordinates of each cluster's rows, [K, D].
inline std::vector<ReferenceSum> reference_sums(const Points& rows, const std::vector<std::int32_t>& labels,
                                                std::size_t clusters, const ReferenceScales& scales) {
  const auto width = static_cast<std::size_t>(rows.dim);
  std::vector<ReferenceSum> sums(clusters * width);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const double* const x = rows.row(static_cast<std::int64_t>(i));
    for (std::size_t d = 0; d < width; ++d) {
      sums[static_cast<std::size_t>(labels[i]) * width + d].add(x[d], scales.sum, scales.rest);
    }
  }
  return sums;
}

/// Rows and centroids relative to the same origin.
inline ReferenceAssignment reference_assign(const Points& rows, const std::vector<double>& centroids, int clusters,
                                            const ReferenceScales& scales, bool precise) {
  const int dim = rows.dim;
  const auto k_count = static_cast<std::size_t>(clusters);
  const auto width = static_cast<std::size_t>(dim);
  ReferenceAssignment result{{}, std::vector<std::int64_t>(k_count), {}, {}};
  std::vector<ReferenceSum> own(k_count);
  std::vector<std::int64_t> squares(k_count);
  const std::vector<double> zero(width);
  for (std::int64_t i = 0; i < rows.rows; ++i) {
    const double* x = rows.row(i);
    std::size_t label = 0;
    double lowest = std::numeric_limits<double>::infinity();
    for (std::size_t k = 0; k < k_count; ++k) {
      const double distance = squared_distance(x, centroids.data() + k * width, dim);
      if (distance < lowest) {
        lowest = distance;
        label = k;
      }
    }
    result.labels.push_back(static_cast<std::int32_t>(label));
    ++result.counts[label];
    own[label].add(lowest, scales.inertia, scales.rest);
    squares[label] += std::llrint(squared_distance(x, zero.data(), dim) * scales.inertia);
  }
  const std::vector<ReferenceSum> sums = reference_sums(rows, result.labels, k_count, scales);
  for (std::size_t k = 0; k < k_count; ++k) {
    double rest = 0.0;
    for (std::size_t d = 0; d < width; ++d) {
      const ReferenceSum& sum = sums[k * width + d];
      result.sums.push_back(sum.in_units(scales.rest, precise ? 2 : 1));
      const double centre = centroids[k * width + d];
      const auto count = static_cast<double>(result.counts[k]);
      rest = std::fma(centre, std::fma(-2.0, static_cast<double>(sum.parts[0]) / scales.sum, count * centre), rest);
    }
    const double of_totals = std::max(0.0, static_cast<double>(squares[k]) / scales.inertia + rest);
    result.inertia.push_back(precise ? own[k].in_units(scales.rest, 3) / scales.inertia : of_totals);
  }
  return result;
}

/// Whether rows are so near to their centroids that f32 does not hold these finely enough.
inline bool reference_needs_precision(const ReferenceAssignment& assignment, const std::vector<double>& centroids) {
  const std::size_t dim = centroids.size() / assignment.counts.size();
  double largest = 0.0;
  for (std::size_t k = 0; k < assignment.counts.size(); ++k) {
    double square = 0.0;
    for (std::size_t d = 0; d < dim; ++d) square += centroids[k * dim + d] * centroids[k * dim + d];
    if (assignment.counts[k] > 0) largest = std::max(largest, square);
  }
  const auto rows = static_cast<double>(assignment.labels.size());
  return rows * largest > 256.0 * assignment.total() || assignment.total() < rows * static_cast<double>(dim) * 0x1p-240;
}

inline std::vector<std::int32_t> reference_labels(const Matrix& rows, const std::vector<double>& centroids,
                                                  int clusters) {
  KMeansResult scales;
  return reference_assign(relative_to({}, rows), centroids, clusters, ReferenceScales(rows.rows, scales), false).labels;
}

/// Centroids as a result holds them.
inline void reference_rounding(bool precise, const std::vector<double>& origin, std::vector<double>& centroids) {
  for (std::size_t i = 0; i < centroids.size(); ++i) {
    if (!precise) centroids[i] = static_cast<double>(static_cast<float>(centroids[i]));
    if (origin.empty()) continue;
    const double stored = origin[i % origin.size()] + centroids[i];
    centroids[i] = stored - origin[i % origin.size()];
  }
}

/// The labels once each empty cluster, in turn, has the row that is farthest from its centroid, the lowest on ties.
inline std::vector<std::int32_t> reference_refill(const Points& rows, const ReferenceAssignment& assignment,
                                                  const std::vector<double>& centroids) {
  std::vector<std::int32_t> labels = assignment.labels;
  for (std::size_t j = 0; j < assignment.counts.size(); ++j) {
    if (assignment.counts[j] > 0) continue;
    std::size_t farthest = 0;
    double largest = 0.0;
    for (std::size_t i = 0; i < labels.size(); ++i) {
      // Each row goes once.
      if (labels[i] != assignment.labels[i]) continue;
      const double* const centroid = centroids.data() + labels[i] * rows.dim;
      const double distance = squared_distance(rows.row(static_cast<std::int64_t>(i)), centroid, rows.dim);
      if (distance > largest) {
        largest = distance;
        farthest = i;
      }
    }
    if (largest > 0.0) labels[farthest] = static_cast<std::int32_t>(j);
  }
  return labels;
}

/// The update of the centroids, with the repair of empty clusters. Returns the number of repairs.
inline std::int64_t reference_update(const Points& rows, const ReferenceAssignment& assignment,
                                     const ReferenceScales& scales, bool precise, const std::vector<double>& origin,
                                     std::vector<double>& centroids) {
  const auto dim = static_cast<std::size_t>(rows.dim);
  const std::vector<std::int32_t> labels = reference_refill(rows, assignment, centroids);
  const std::vector<ReferenceSum> sums = reference_sums(rows, labels, assignment.counts.size(), scales);
  std::vector<std::int64_t> counts(assignment.counts.size());
  std::int64_t repairs = 0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    ++counts[static_cast<std::size_t>(labels[i])];
    repairs += labels[i] == assignment.labels[i] ? 0 : 1;
  }
  std::size_t most = 0;
  for (std::size_t k = 0; k < counts.size(); ++k) {
    if (counts[k] > counts[most]) most = k;
  }
  for (std::size_t k = 0; k < counts.size(); ++k) {
    const std::size_t from = counts[k] > 0 ? k : most;
    for (std::size_t d = 0; d < dim; ++d) {
      const double sum = sums[from * dim + d].in_units(scales.rest, precise ? 2 : 1);
      centroids[k * dim + d] = sum / (static_cast<double>(counts[from]) * scales.sum);
    }
  }
  reference_rounding(precise, origin, centroids);
  return repairs;
}

/// From given first centroids. The scales are taken from `result_of_scales`, a result for the same rows.
inline KMeansResult reference_kmeans(const Matrix& matrix, const KMeansOptions& options, int clusters,
                                     std::vector<double> centroids, const KMeansResult& result_of_scales) {
  const std::vector<double> origin = reference_origin(matrix);
  EXPECT_EQ(result_of_scales.origin, origin);
  const Points rows = relative_to(origin, matrix);
  const ReferenceScales scales(rows.rows, result_of_scales);
  KMeansResult result;
  result.clusters = clusters;
  for (std::size_t i = 0; i < centroids.size() && !origin.empty(); ++i) centroids[i] -= origin[i % origin.size()];
  bool precise = !origin.empty() || std::ranges::any_of(centroids, [](double value) {
    return static_cast<double>(static_cast<float>(value)) != value;
  });
  std::vector<std::int32_t> previous_labels;
  const auto assign = [&] {
    const ReferenceAssignment assignment = reference_assign(rows, centroids, clusters, scales, precise);
    if (precise || !reference_needs_precision(assignment, centroids)) return assignment;
    precise = true;
    return reference_assign(rows, centroids, clusters, scales, precise);
  };
  for (int t = 1; t <= options.max_iterations && !result.converged; ++t) {
    const bool was_precise = precise;
    const ReferenceAssignment assignment = assign();
    result.inertia.push_back(assignment.total());
    const bool were_rounded = precise && !was_precise && t > 1;
    const bool nothing_moved = assignment.labels == previous_labels && !were_rounded;
    previous_labels = assignment.labels;
    if (!nothing_moved) result.repairs += reference_update(rows, assignment, scales, precise, origin, centroids);
    const double previous = t > 1 ? *(result.inertia.end() - 2) : std::numeric_limits<double>::infinity();
    result.converged = nothing_moved || (t > 1 && previous - result.inertia.back() <= options.tolerance * previous);
  }
  const ReferenceAssignment last = assign();
  result.assignment = last.labels;
  result.final_inertia = last.total();
  for (std::size_t i = 0; i < centroids.size() && !origin.empty(); ++i) centroids[i] += origin[i % origin.size()];
  result.centroids = std::move(centroids);
  return result;
}

/// The rows that k-means++ chooses, in order; fewer than K where no row differs from the chosen ones.
inline std::vector<std::int64_t> reference_plus_plus(const Matrix& rows, std::uint64_t seed, int restart,
                                                     int clusters) {
  const auto key = kmeans_key(KMeansPurpose::plus_plus, seed, restart, clusters);
  std::vector<double> weights(static_cast<std::size_t>(rows.rows), 1.0);
  std::vector<std::int64_t> chosen;
  while (static_cast<int>(chosen.size()) < clusters) {
    double lowest = std::numeric_limits<double>::infinity();
    std::int64_t best = -1;
    for (std::int64_t i = 0; i < rows.rows; ++i) {
      double& weight = weights[static_cast<std::size_t>(i)];
      if (!chosen.empty()) {
        const double distance = squared_distance(rows.row(i), rows.row(chosen.back()), rows.dim);
        weight = chosen.size() == 1 ? distance : std::min(weight, distance);
      }
      const double u = kmeans_uniform(key, static_cast<std::uint64_t>(i), static_cast<std::uint32_t>(chosen.size()));
      if (weight > 0.0 && negative_log(u) / weight < lowest) {
        lowest = negative_log(u) / weight;
        best = i;
      }
    }
    if (best < 0) return chosen;
    chosen.push_back(best);
  }
  return chosen;
}

inline std::vector<double> rows_at(const Matrix& rows, const std::vector<std::int64_t>& chosen) {
  std::vector<double> values;
  for (const std::int64_t i : chosen) values.insert(values.end(), rows.row(i), rows.row(i + 1));
  return values;
}

/// Equal to the bit (-0 and +0 count as equal).
inline void expect_same(const KMeansResult& actual, const KMeansResult& expected) {
  EXPECT_EQ(actual.clusters, expected.clusters);
  EXPECT_EQ(actual.inertia, expected.inertia);
  EXPECT_EQ(actual.assignment, expected.assignment);
  EXPECT_EQ(actual.centroids, expected.centroids);
  EXPECT_EQ(actual.final_inertia, expected.final_inertia);
  EXPECT_EQ(actual.converged, expected.converged);
  EXPECT_EQ(actual.repairs, expected.repairs);
}

}  // namespace datus::test
