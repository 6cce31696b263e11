// SPDX-License-Identifier: Apache-2.0
// What holds for any rows, settings and layout, over random cases.
#include "kmeans_cases.hpp"

#include <cstdio>
#include <map>
#include <numeric>
#include <set>

namespace datus::test {
namespace kmeans_property_test {

constexpr int case_count = 100;

/// Multiply-adds of the plain loops that a case may cost.
constexpr std::int64_t largest_work = 2'000'000;

std::int64_t work_of(const Case& c) {
  std::int64_t clusters = 0;
  for (const int k : c.options.clusters) clusters += k;
  return 2 * c.rows * c.dim * clusters * (c.options.max_iterations + 1) * c.options.restarts;
}

/// Around the widths of vectors, groups and strips, or anything.
std::int64_t any_size(Random& random, std::int64_t largest) {
  if (!one_in(random, 3)) return draw(random, 1, largest);
  const std::int64_t step = one_of(random, std::vector<std::int64_t>{8, 16, 32, 48});
  return std::clamp<std::int64_t>(step * draw(random, 1, 4) + draw(random, -1, 1), 1, largest);
}

Case random_case(std::uint64_t seed) {
  Random random(seed);
  Case c;
  c.seed = seed;
  c.kind = static_cast<Kind>(draw(random, 0, std::ssize(kind_names) - 1));
  c.dim = one_in(random, 20) ? 385 : static_cast<int>(any_size(random, 70));
  c.rows = one_in(random, 10) ? draw(random, 1, 4) : any_size(random, 400);
  using Init = KMeansOptions::Init;
  c.options.init = one_of(random, std::vector<Init>{Init::kmeans_plus_plus, Init::random, Init::given});
  if (one_in(random, 3)) c.options.mode = KMeansOptions::Mode::fast;
  const bool given = c.options.init == Init::given;
  const std::int64_t values_of_k = given ? 1 : draw(random, 1, 3);
  for (std::int64_t i = 0; i < values_of_k; ++i) {
    // Mostly fewer than there are different rows.
    const std::int64_t most = one_in(random, 4) ? c.rows : std::max<std::int64_t>(1, c.rows / 4);
    c.options.clusters.push_back(static_cast<int>(one_in(random, 12) ? c.rows : any_size(random, most)));
  }
  c.options.restarts = given ? 1 : static_cast<int>(draw(random, 1, 3));
  c.options.max_iterations = static_cast<int>(draw(random, 1, 8));
  c.options.tolerance = one_of(random, std::vector<double>{0.0, 1e-4, 0.01, 0.3});
  c.options.seed = random();
  while (work_of(c) > largest_work) {
    if (c.options.restarts > 1) {
      --c.options.restarts;
    } else if (c.rows > 4 * c.dim) {
      c.rows -= c.rows / 4;
    } else {
      c.dim -= c.dim / 4;
    }
    for (int& clusters : c.options.clusters) clusters = std::min(clusters, static_cast<int>(c.rows));
  }
  return c;
}

/// -0 and 0 count as the same.
std::size_t distinct_rows(const Matrix& rows) {
  std::set<std::vector<float>> distinct;
  for (std::int64_t i = 0; i < rows.rows; ++i) {
    std::vector<float> row(rows.row(i), rows.row(i + 1));
    for (float& value : row) value += 0.0F;
    distinct.insert(std::move(row));
  }
  return distinct.size();
}

/// The one error that a case may end with: fewer distinct rows than clusters.
void require_expected_error(const Case& c, const Matrix& rows, const std::string& error) {
  const auto most = static_cast<std::size_t>(std::ranges::max(c.options.clusters));
  require(distinct_rows(rows) < most && error.find("distinct rows (K = ") != std::string::npos,
          "ends with the error: " + error);
}

std::vector<double> first_centroids(const Case& c, const Matrix& rows, int clusters, int restart) {
  if (c.options.init == KMeansOptions::Init::given) return given_of(c, rows);
  if (c.options.init == KMeansOptions::Init::kmeans_plus_plus) {
    return rows_at(rows, reference_plus_plus(rows, c.options.seed, restart, clusters));
  }
  const auto key = kmeans_key(KMeansPurpose::random_rows, c.options.seed, restart, clusters);
  std::vector<std::int64_t> order(static_cast<std::size_t>(rows.rows));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::ranges::stable_sort(order, {},
                           [&](std::int64_t i) { return kmeans_draw(key, static_cast<std::uint64_t>(i), 0); });
  order.resize(static_cast<std::size_t>(clusters));
  return rows_at(rows, order);
}

void require_equal_to_reference(const Case& c, const Matrix& rows, const KMeansResult& result) {
  const std::string of_k = " of K = " + std::to_string(result.clusters) + " is not that of the plain loops";
  KMeansResult best;
  for (int restart = 0; restart < c.options.restarts; ++restart) {
    const auto start = first_centroids(c, rows, result.clusters, restart);
    KMeansResult alone = reference_kmeans(rows, c.options, result.clusters, start, result);
    require(result.restarts[static_cast<std::size_t>(restart)] == alone.centroids, "the centroids of a restart" + of_k);
    if (restart > 0 && alone.final_inertia >= best.final_inertia) continue;
    best = std::move(alone);
    best.restart = restart;
  }
  require(result.restart == best.restart, "restart" + of_k);
  require(result.assignment == best.assignment, "assignment" + of_k);
  require(result.centroids == best.centroids, "centroids" + of_k);
  require(result.inertia == best.inertia, "inertia" + of_k);
  require(result.final_inertia == best.final_inertia, "final_inertia" + of_k);
  require(result.converged == best.converged, "converged" + of_k);
  require(result.repairs == best.repairs, "repairs" + of_k);
}

// ---- One result alone.

void require_nearest(const Matrix& rows, const KMeansResult& result) {
  require(std::ssize(result.assignment) == rows.rows, "rows and assignments are not of one number");
  for (std::int64_t i = 0; i < rows.rows; ++i) {
    std::int32_t nearest = 0;
    double lowest = std::numeric_limits<double>::infinity();
    for (std::int32_t k = 0; k < result.clusters; ++k) {
      const double* centroid = result.centroids.data() + std::int64_t{k} * rows.dim;
      const double distance = squared_distance(rows.row(i), centroid, rows.dim);
      if (!(distance < lowest)) continue;
      lowest = distance;
      nearest = k;
    }
    require(result.assignment[static_cast<std::size_t>(i)] == nearest,
            "row " + std::to_string(i) + " is nearest to " + std::to_string(nearest));
  }
}

/// value * 2^log2 is below `limit`, and would not be at twice the scale.
void require_best_scale(double value, int log2, double limit, const std::string& what) {
  const double units = std::ldexp(value, log2);
  require(units < limit && 2.0 * units >= limit, what + ": the largest value is " + std::to_string(units) + " units");
}

/// One value stays below 2^50 and all together within 2^61, by the largest power of two that does it.
void require_right_scales(const Matrix& rows, const std::vector<double>& given, const KMeansResult& result) {
  double largest = 0.0;
  const std::vector<double> zero(static_cast<std::size_t>(rows.dim));
  const std::vector<double>& origin = result.origin.empty() ? zero : result.origin;
  for (const double value : relative_to(origin, rows).values) largest = std::max(largest, std::abs(value));
  double farthest = largest;
  for (std::size_t i = 0; i < given.size(); ++i) {
    farthest = std::max(farthest, std::abs(given[i] - origin[i % origin.size()]));
  }
  double limit = 0x1p50;
  while (limit * static_cast<double>(rows.rows) > 0x1p61) limit /= 2.0;
  if (largest > 0.0) require_best_scale(largest, result.sum_scale_log2, limit, "sum_scale_log2");
  if (farthest == 0.0) return;
  require_best_scale(16.0 * rows.dim * farthest * farthest, result.inertia_scale_log2, limit, "inertia_scale_log2");
}

/// Of any pair, also where clusters were refilled.
void require_never_rises(const KMeansState& last) {
  for (const KMeansPair& pair : last.pairs) {
    std::vector<double> inertia = pair.inertia;
    inertia.push_back(pair.final_inertia);
    for (std::size_t t = 1; t < inertia.size(); ++t) {
      const double limit = inertia[t - 1] * (1.0 + 1e-6);
      require(inertia[t] <= limit, "the inertia rises from " + std::to_string(inertia[t - 1]) + " to " +
                                       std::to_string(inertia[t]) + " in iteration " + std::to_string(t + 1));
    }
  }
}

/// The state in the end.
KMeansState last_state(const Case& c, const Matrix& rows, const std::vector<double>& given) {
  KMeansState last;
  KMeansOptions options = c.options;
  options.checkpoint_every = 1;
  options.save = [&](const KMeansState& state) { last = state; };
  (void)outcome_of(rows, options, given, {{rows.rows}, 1, best_simd_path()});
  return last;
}

// ---- The tests.

Layout simplest(std::int64_t rows) {
  return {{rows}, 1, SimdPath::scalar};
}

TEST(KMeansProperty, LayoutsDoNotShow) {
  std::map<std::string, int> endings;
  std::set<SimdPath> ran;
  check_property(1000, case_count, random_case, [&](const Case& c) {
    const Matrix rows = rows_of(c);
    const std::vector<double> given = given_of(c, rows);
    const Outcome expected = outcome_of(rows, c.options, given, simplest(c.rows));
    Random random(c.seed + 2);
    for (const SimdPath path : supported_simd_paths()) {
      Layout layout = random_layout(c.rows, random);
      layout.path = path;
      ran.insert(path);
      const Outcome outcome = outcome_of(rows, c.options, given, layout);
      require(outcome.error == expected.error, text_of(layout) + ": another error: " + outcome.error);
      require_same_bits(outcome.results, expected.results, text_of(layout));
    }
    ++endings[expected.error.empty() ? "results" : expected.error.substr(0, 8) + "..."];
  });
  std::printf("paths that ran:");
  for (const SimdPath path : ran) std::printf(" %s", std::string(name(path)).c_str());
  for (const auto& [ending, count] : endings) std::printf("; %d x %s", count, ending.c_str());
  std::printf("\n");
  EXPECT_GT(endings["results"], case_count / 2);
}

TEST(KMeansProperty, EqualsThePlainLoops) {
  check_property(2000, case_count, random_case, [](const Case& c) {
    const Matrix rows = rows_of(c);
    const std::vector<double> given = given_of(c, rows);
    Random random(c.seed + 2);
    const Outcome outcome = outcome_of(rows, c.options, given, random_layout(c.rows, random));
    if (!outcome.error.empty()) return require_expected_error(c, rows, outcome.error);
    require(outcome.results.size() == c.options.clusters.size(), "results and values of K are not of one number");
    for (std::size_t i = 0; i < outcome.results.size(); ++i) {
      require(outcome.results[i].clusters == c.options.clusters[i], "the results are in another order");
      require_equal_to_reference(c, rows, outcome.results[i]);
    }
  });
}

TEST(KMeansProperty, EachResultIsSoundByItself) {
  check_property(3000, case_count, random_case, [](const Case& c) {
    const Matrix rows = rows_of(c);
    const std::vector<double> given = given_of(c, rows);
    Random random(c.seed + 2);
    const Outcome outcome = outcome_of(rows, c.options, given, random_layout(c.rows, random));
    if (!outcome.error.empty()) return require_expected_error(c, rows, outcome.error);
    for (const KMeansResult& result : outcome.results) {
      require(std::ssize(result.inertia) <= c.options.max_iterations, "too many iterations");
      for (const double value : result.centroids) require(std::isfinite(value), "a centroid is not finite");
      require_nearest(rows, result);
      require_right_scales(rows, given, result);
    }
    require_never_rises(last_state(c, rows, given));
  });
}

/// Scores of which most digits are rounding: where bounds that forget it would keep labels that a search changes.
Case rough_case(std::uint64_t seed) {
  Random random(seed);
  Case c;
  c.seed = seed;
  c.kind = one_in(random, 3) ? Kind::denormal_squares : Kind::far_from_origin;
  c.rows = draw(random, 80, 300);
  c.dim = static_cast<int>(draw(random, 1, 12));
  const bool fast = one_in(random, 2);
  c.options.mode = fast ? KMeansOptions::Mode::fast : KMeansOptions::Mode::exact;
  c.options.clusters = {static_cast<int>(fast ? draw(random, 2, 12) : draw(random, 64, 72))};
  c.options.max_iterations = 12;
  c.options.tolerance = 0.0;
  c.options.seed = random();
  return c;
}

TEST(KMeansProperty, RoundingDoesNotFoolTheBounds) {
  check_property(4000, 40, rough_case, [&](const Case& c) {
    const Matrix rows = rows_of(c);
    const Outcome outcome = outcome_of(rows, c.options, {}, simplest(c.rows));
    if (!outcome.error.empty()) return require_expected_error(c, rows, outcome.error);
    require_equal_to_reference(c, rows, outcome.results.front());
  });
}

// From 2,048 rows on, sums need more room than one value has.
TEST(KMeansProperty, ManyRowsHaveRightScales) {
  for (const std::int64_t n : {2047, 2048, 2049, 4095, 4096, 4097, 8191, 8192, 8193}) {
    Case c;
    c.seed = static_cast<std::uint64_t>(n);
    c.rows = n;
    c.options.clusters = {3};
    c.options.max_iterations = 2;
    const Matrix rows = rows_of(c);
    Random random(c.seed);
    const KMeansResult result = outcome_of(rows, c.options, {}, random_layout(n, random)).results.front();
    const auto failure = failure_of(c, [&](const Case&) {
      require_right_scales(rows, {}, result);
      require_equal_to_reference(c, rows, result);
    });
    EXPECT_FALSE(failure) << n << " rows: " << *failure;
  }
}

}  // namespace kmeans_property_test
}  // namespace datus::test
