#pragma once

// k-means as the design defines it, to the bit, in plain loops over all rows: what the real one is compared with.

#include "algo/kmeans/random.hpp"
#include "datus/algo/kmeans.hpp"
#include "datus/core/parallel.hpp"
#include "support/thread_communicator.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <limits>
#include <mutex>
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
        body(static_cast<std::size_t>(worker), {blocks[i].begin, blocks[i].count, copy.data()});
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
                                            const std::vector<float>& given, const std::vector<std::int64_t>& shares) {
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

struct ReferenceAssignment {
  std::vector<std::int32_t> labels;
  /// In units of the scale, per cluster.
  std::vector<std::int64_t> inertia;
};

inline float chain(const float* a, const float* b, int dim) {
  float sum = 0.0F;
  for (int d = 0; d < dim; ++d) sum = std::fma(a[d], b[d], sum);
  return sum;
}

inline ReferenceAssignment reference_assign(const Matrix& rows, const std::vector<float>& centroids, int clusters,
                                            int inertia_scale_log2) {
  ReferenceAssignment result{{}, std::vector<std::int64_t>(static_cast<std::size_t>(clusters))};
  for (std::int64_t i = 0; i < rows.rows; ++i) {
    const float* x = rows.row(i);
    std::int32_t label = 0;
    float lowest = std::numeric_limits<float>::infinity();
    for (int k = 0; k < clusters; ++k) {
      const float* c = centroids.data() + std::int64_t{k} * rows.dim;
      const float score = std::fma(-2.0F, chain(x, c, rows.dim), chain(c, c, rows.dim));
      if (score < lowest) {
        lowest = score;
        label = k;
      }
    }
    result.labels.push_back(label);
    const double inertia = std::max(0.0, static_cast<double>(chain(x, x, rows.dim)) + static_cast<double>(lowest));
    result.inertia[static_cast<std::size_t>(label)] += std::llrint(std::ldexp(inertia, inertia_scale_log2));
  }
  return result;
}

/// The update of the centroids, with the repair of empty clusters. Returns the number of repairs.
inline std::int64_t reference_update(const Matrix& rows, const ReferenceAssignment& assignment, int sum_scale_log2,
                                     std::vector<float>& centroids) {
  std::vector<std::int64_t> inertia = assignment.inertia;
  const std::size_t dim = static_cast<std::size_t>(rows.dim);
  std::vector<bool> filled(inertia.size());
  for (std::size_t k = 0; k < inertia.size(); ++k) {
    const auto count = std::ranges::count(assignment.labels, static_cast<std::int32_t>(k));
    filled[k] = count > 0;
    for (std::size_t d = 0; d < dim && filled[k]; ++d) {
      std::int64_t sum = 0;
      for (std::int64_t i = 0; i < rows.rows; ++i) {
        if (assignment.labels[static_cast<std::size_t>(i)] != static_cast<std::int32_t>(k)) continue;
        sum += std::llrint(std::ldexp(static_cast<double>(rows.row(i)[d]), sum_scale_log2));
      }
      centroids[k * dim + d] =
          static_cast<float>(static_cast<double>(sum) / (static_cast<double>(count) * std::ldexp(1.0, sum_scale_log2)));
    }
  }
  std::int64_t repairs = 0;
  for (std::size_t j = 0; j < inertia.size(); ++j) {
    if (filled[j]) continue;
    std::size_t from = inertia.size();
    for (std::size_t k = 0; k < inertia.size(); ++k) {
      if (filled[k] && (from == inertia.size() || inertia[k] > inertia[from])) from = k;
    }
    for (std::size_t d = 0; d < dim; ++d) {
      const float c = centroids[from * dim + d];
      const float up = c * 1.0009765625F;
      const float down = c * 0.9990234375F;
      centroids[j * dim + d] = d % 2 == 0 ? up : down;
      centroids[from * dim + d] = d % 2 == 0 ? down : up;
    }
    inertia[j] = inertia[from] = inertia[from] / 2;
    filled[j] = true;
    ++repairs;
  }
  return repairs;
}

/// From given first centroids. The scales are taken from `scales`, a result for the same rows.
inline KMeansResult reference_kmeans(const Matrix& rows, const KMeansOptions& options, int clusters,
                                     std::vector<float> centroids, const KMeansResult& scales) {
  KMeansResult result;
  result.clusters = clusters;
  std::vector<std::int32_t> previous_labels;
  const auto assign = [&] { return reference_assign(rows, centroids, clusters, scales.inertia_scale_log2); };
  const auto total = [&](const ReferenceAssignment& assignment) {
    std::int64_t sum = 0;
    for (const std::int64_t inertia : assignment.inertia) sum += inertia;
    return std::ldexp(static_cast<double>(sum), -scales.inertia_scale_log2);
  };
  for (int t = 1; t <= options.max_iterations && !result.converged; ++t) {
    const ReferenceAssignment assignment = assign();
    result.inertia.push_back(total(assignment));
    const bool nothing_moved = assignment.labels == previous_labels;
    previous_labels = assignment.labels;
    if (!nothing_moved) result.repairs += reference_update(rows, assignment, scales.sum_scale_log2, centroids);
    const double previous = t > 1 ? *(result.inertia.end() - 2) : std::numeric_limits<double>::infinity();
    result.converged = nothing_moved || (t > 1 && previous - result.inertia.back() <= options.tolerance * previous);
  }
  const ReferenceAssignment last = assign();
  result.assignment = last.labels;
  result.final_inertia = total(last);
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
        double distance = 0.0;
        for (int d = 0; d < rows.dim; ++d) {
          const double difference =
              static_cast<double>(rows.row(i)[d]) - static_cast<double>(rows.row(chosen.back())[d]);
          distance = std::fma(difference, difference, distance);
        }
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

inline std::vector<float> rows_at(const Matrix& rows, const std::vector<std::int64_t>& chosen) {
  std::vector<float> values;
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
