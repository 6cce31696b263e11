// SPDX-License-Identifier: Apache-2.0
// Rows of any size, far from 0, near-duplicates: k-means ends where Lloyd's does in plain double precision.
#include "datus/comm/self_communicator.hpp"
#include "kmeans_cases.hpp"

#include <cmath>
#include <cstdio>
#include <functional>
#include <numeric>
#include <set>
#include <sstream>
#include <utility>

namespace datus::test {
namespace kmeans_double_test {

/// f64 values, which f32 holds where `is_f32`.
struct Problem {
  Points rows;
  bool is_f32 = false;
  int clusters = 1;
  std::string text;
};

double bell_64(Random& random) {
  double sum = 0.0;
  for (int i = 0; i < 6; ++i) sum += std::ldexp(static_cast<double>(random() >> 11U), -53) - 0.5;
  return sum;
}

Problem random_problem(std::uint64_t seed) {
  Random random(seed);
  Problem problem;
  problem.is_f32 = one_in(random, 2);
  const std::int64_t largest = one_in(random, 40) ? 10000 : (one_in(random, 4) ? 1000 : 100);
  problem.rows.rows = draw(random, 1, largest);
  problem.rows.dim = static_cast<int>(draw(random, 1, largest > 1000 ? 8 : 64));
  problem.clusters = static_cast<int>(draw(random, 1, std::min<std::int64_t>(50, 1 + problem.rows.rows / 2)));
  const double spread = std::pow(10.0, static_cast<double>(draw(random, -6, 6)));
  const double farthest = problem.is_f32 ? 1e4 : 1e9;
  const double offset = one_in(random, 3) ? 0.0 : spread * std::pow(farthest, bell_64(random) / 6.0 + 0.5);
  const double nearness = one_in(random, 3) ? std::pow(10.0, static_cast<double>(draw(random, -4, -1))) : 1.0;
  const bool huge_row = one_in(random, 10);
  const std::int64_t centres = one_in(random, 2) ? problem.rows.rows : draw(random, 1, 8);
  std::vector<double> of_centres;
  for (std::int64_t i = 0; i < centres * problem.rows.dim; ++i) of_centres.push_back(bell_64(random));
  for (std::int64_t i = 0; i < problem.rows.rows; ++i) {
    const std::int64_t centre = draw(random, 0, centres - 1);
    for (int d = 0; d < problem.rows.dim; ++d) {
      const double at = of_centres[static_cast<std::size_t>(centre * problem.rows.dim + d)];
      double value = offset + spread * (at + nearness * 0.3 * bell_64(random));
      if (huge_row && i == 0) value = (offset + spread) * 1e6;
      problem.rows.values.push_back(problem.is_f32 ? static_cast<double>(static_cast<float>(value)) : value);
    }
  }
  std::ostringstream text;
  text << "seed " << seed << ", n " << problem.rows.rows << ", D " << problem.rows.dim << ", K " << problem.clusters
       << ", spread " << spread << ", offset " << offset << ", nearness " << nearness << (huge_row ? ", huge row" : "")
       << (problem.is_f32 ? ", f32" : ", f64");
  problem.text = text.str();
  return problem;
}

MemoryRows rows_in_memory(const Problem& problem) {
  const std::vector<double>& values = problem.rows.values;
  if (problem.is_f32) return {AlignedVector<float>(values.begin(), values.end()), problem.rows.dim};
  return {AlignedVector<double>(values.begin(), values.end()), problem.rows.dim};
}

/// Different rows in random order, K of them, in one of five problems every other one moved away, so that clusters come
/// out empty; nothing where there are fewer.
std::vector<double> first_centroids(const Problem& problem, std::uint64_t seed) {
  Random random(seed + 77);
  std::vector<std::int64_t> order(static_cast<std::size_t>(problem.rows.rows));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  for (std::size_t i = order.size(); i > 1; --i) {
    std::swap(order[i - 1], order[static_cast<std::size_t>(draw(random, 0, static_cast<std::int64_t>(i) - 1))]);
  }
  std::set<std::vector<double>> chosen;
  std::vector<double> centroids;
  for (const std::int64_t i : order) {
    const std::vector<double> row(problem.rows.row(i), problem.rows.row(i + 1));
    if (std::ssize(chosen) < problem.clusters && chosen.insert(row).second) {
      centroids.insert(centroids.end(), row.begin(), row.end());
    }
  }
  if (std::ssize(chosen) < problem.clusters) return {};
  const std::int64_t dim = problem.rows.dim;
  for (std::int64_t i = dim; i < std::ssize(centroids) && seed % 5 == 0; ++i) {
    if (i / dim % 2 == 0) continue;
    double& value = centroids[static_cast<std::size_t>(i)];
    value += 8.0 * (value - centroids[static_cast<std::size_t>(i - dim)]);
    if (problem.is_f32) value = static_cast<double>(static_cast<float>(value));
  }
  return centroids;
}

struct Plain {
  std::vector<std::int32_t> labels;
  double inertia = 0.0;
  /// Two centroids are about as near to a row, or two rows about as far from theirs: rounding may decide.
  bool is_close = false;
};

/// Rows by cluster, in plain double precision.
struct PlainTotals {
  std::vector<double> counts;
  std::vector<double> sums;

  void add(const double* row, std::size_t cluster, double sign) {
    const std::size_t dim = sums.size() / counts.size();
    counts[cluster] += sign;
    for (std::size_t d = 0; d < dim; ++d) sums[cluster * dim + d] += sign * row[d];
  }
  [[nodiscard]] double mean(std::size_t i) const { return sums[i] / counts[i / (sums.size() / counts.size())]; }
};

/// Gives empty clusters the farthest rows. `squares`: of the rows' distances to their centroids. Returns whether
/// several rows are about as far.
bool refill(const Points& rows, const std::vector<double>& squares, const std::vector<std::int32_t>& labels,
            PlainTotals& totals) {
  std::vector<std::size_t> order(squares.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater<>(), [&](std::size_t i) { return squares[i]; });
  const std::vector<double> counts = totals.counts;
  bool is_close = false;
  std::size_t next = 0;
  for (std::size_t k = 0; k < counts.size(); ++k) {
    if (counts[k] > 0.0 || next == order.size() || squares[order[next]] == 0.0) continue;
    const std::size_t farthest = order[next++];
    const double* const row = rows.row(static_cast<std::int64_t>(farthest));
    totals.add(row, static_cast<std::size_t>(labels[farthest]), -1.0);
    totals.add(row, k, 1.0);
    is_close |= next < order.size() && squares[order[next]] > squares[farthest] * (1.0 - 1e-5);
  }
  return is_close;
}

/// Lloyd's in double precision, from the mean of the rows.
Plain plain_lloyd(const Problem& problem, std::vector<double> centroids, int iterations) {
  const auto dim = static_cast<std::size_t>(problem.rows.dim);
  const auto n = static_cast<std::size_t>(problem.rows.rows);
  Points rows = problem.rows;
  std::vector<double> mean(dim);
  for (std::size_t i = 0; i < rows.values.size(); ++i) mean[i % dim] += rows.values[i] / static_cast<double>(n);
  for (std::size_t i = 0; i < rows.values.size(); ++i) rows.values[i] -= mean[i % dim];
  for (std::size_t i = 0; i < centroids.size(); ++i) centroids[i] -= mean[i % dim];
  Plain plain;
  for (int t = 0; t < iterations; ++t) {
    std::vector<std::int32_t> labels;
    std::vector<double> squares;
    PlainTotals totals{std::vector<double>(centroids.size() / dim), std::vector<double>(centroids.size())};
    const std::vector<double>& counts = totals.counts;
    plain.inertia = 0.0;
    for (std::int64_t i = 0; i < problem.rows.rows; ++i) {
      std::size_t label = 0;
      double lowest = HUGE_VAL;
      double second = HUGE_VAL;
      for (std::size_t k = 0; k < counts.size(); ++k) {
        const double distance = squared_distance(rows.row(i), centroids.data() + k * dim, problem.rows.dim);
        if (distance < lowest) {
          second = std::exchange(lowest, distance);
          label = k;
        } else {
          second = std::min(second, distance);
        }
      }
      if (second < lowest * (1.0 + 1e-5) && second < HUGE_VAL) plain.is_close = true;
      labels.push_back(static_cast<std::int32_t>(label));
      plain.inertia += lowest;
      squares.push_back(lowest);
      totals.add(rows.row(i), label, 1.0);
    }
    if (labels == plain.labels) break;
    plain.labels = std::move(labels);
    plain.is_close |= refill(rows, squares, plain.labels, totals);
    if (plain.is_close) break;  // rounding may have led to another end: this one is not compared
    const auto most = static_cast<std::size_t>(std::ranges::max_element(counts) - counts.begin());
    for (std::size_t i = 0; i < centroids.size(); ++i) {
      centroids[i] = totals.mean(counts[i / dim] > 0.0 ? i : most * dim + i % dim);
    }
  }
  return plain;
}

/// The centroids' distance from being means, relative to the root of the mean inertia, and the rows' from being
/// assigned to their nearest, relative to that.
void require_fixed_point(const Problem& problem, const KMeansResult& result) {
  const auto dim = static_cast<std::size_t>(problem.rows.dim);
  std::vector<double> sums(result.centroids.size());
  std::vector<double> counts(static_cast<std::size_t>(result.clusters));
  double inertia = 0.0;
  for (std::int64_t i = 0; i < problem.rows.rows; ++i) {
    const double* x = problem.rows.row(i);
    const auto label = static_cast<std::size_t>(result.assignment[static_cast<std::size_t>(i)]);
    const double own = squared_distance(x, result.centroids.data() + label * dim, problem.rows.dim);
    for (std::size_t k = 0; k < counts.size(); ++k) {
      const double other = squared_distance(x, result.centroids.data() + k * dim, problem.rows.dim);
      // The text only where it is needed: there are a hundred million pairs.
      if (std::sqrt(own) <= std::sqrt(other) * (1.0 + 1e-6)) continue;
      require(false, "row " + std::to_string(i) + " has a nearer centroid");
    }
    inertia += own;
    counts[label] += 1.0;
    for (std::size_t d = 0; d < dim; ++d) sums[label * dim + d] += x[d] - result.centroids[label * dim + d];
  }
  require(std::abs(result.final_inertia - inertia) <= 1e-6 * inertia, "the inertia is " + std::to_string(inertia));
  if (!result.converged) return;
  const double spread = std::sqrt(inertia / static_cast<double>(problem.rows.rows));
  for (std::size_t i = 0; i < sums.size(); ++i) {
    if (counts[i / dim] == 0.0) continue;
    // What f64 cannot tell apart of an offset is allowed too.
    const double limit = 1e-6 * spread + 1e-15 * std::abs(result.centroids[i]);
    require(std::abs(sums[i] / counts[i / dim]) <= limit, "a centroid is not the mean of its rows");
  }
}

TEST(KMeansDouble, AThousandProblemsEndWherePlainDoublePrecisionDoes) {
  int same_path = 0;
  int refilled = 0;
  int written_in_f64 = 0;
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) {
    const Problem problem = random_problem(seed);
    const std::vector<double> first = first_centroids(problem, seed);
    if (first.empty()) continue;
    SCOPED_TRACE(problem.text);
    KMeansOptions options;
    options.clusters = {problem.clusters};
    options.init = KMeansOptions::Init::given;
    options.tolerance = 0.0;
    options.mode = seed % 2 == 0 ? KMeansOptions::Mode::fast : KMeansOptions::Mode::exact;
    options.path = supported_simd_paths()[seed % supported_simd_paths().size()];
    SelfCommunicator comm;
    const MemoryRows rows = rows_in_memory(problem);
    const KMeansResult result = kmeans(rows, options, first, comm).front();
    EXPECT_NO_THROW(require_fixed_point(problem, result));
    written_in_f64 += std::ranges::any_of(
        result.centroids, [](double value) { return static_cast<double>(static_cast<float>(value)) != value; });
    const Assignment again = assign_rows(rows, result.centroids, problem.clusters, 2, best_simd_path(), comm);
    EXPECT_EQ(again.labels, result.assignment);
    const Plain plain = plain_lloyd(problem, first, options.max_iterations);
    if (plain.is_close) continue;
    ++same_path;
    refilled += result.repairs > 0 ? 1 : 0;
    EXPECT_EQ(result.assignment, plain.labels);
    EXPECT_NEAR(result.final_inertia, plain.inertia, 1e-6 * plain.inertia);
  }
  std::printf("%d problems took one path, %d with empty clusters, %d results need f64\n", same_path, refilled,
              written_in_f64);
  EXPECT_GT(same_path, 500);
  EXPECT_GT(refilled, 50);
  EXPECT_GT(written_in_f64, 200);
}

}  // namespace kmeans_double_test
}  // namespace datus::test
