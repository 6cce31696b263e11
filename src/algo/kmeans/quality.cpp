// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/agreement.hpp"
#include "algo/kmeans/checks.hpp"
#include "algo/kmeans/float_mode.hpp"
#include "algo/kmeans/prepared_rows.hpp"
#include "algo/kmeans/quality_pass.hpp"
#include "algo/kmeans/update.hpp"
#include "datus/algo/kmeans_quality.hpp"
#include "datus/core/error.hpp"
#include "datus/core/hash.hpp"
#include "datus/core/log.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>
#include <utility>

namespace datus {
namespace {

using clustering::AgreementTables;
using clustering::Candidate;
using clustering::RestartPair;

/// The centroids of all restarts; those that were kept alone where no others are known.
std::vector<std::span<const double>> restarts_of(const KMeansResult& result) {
  if (result.restarts.empty()) return {result.centroids};
  return {result.restarts.begin(), result.restarts.end()};
}

std::size_t kept_restart(const KMeansResult& result) {
  return result.restarts.empty() ? 0 : static_cast<std::size_t>(result.restart);
}

/// All that the result depends on, as a text to compare between ranks.
std::string fingerprint(std::span<const KMeansResult> results, int dim, std::int64_t table_cells) {
  Hasher hasher;
  hasher.add(dim).add(table_cells);
  for (const KMeansResult& result : results) {
    hasher.add(result.clusters).add(result.restart);
    for (const std::span<const double> centroids : restarts_of(result)) {
      hasher.add(static_cast<std::int64_t>(centroids.size())).add_bytes(std::as_bytes(centroids));
    }
  }
  return hasher.finish().hex();
}

/// Throws `UsageError` unless the result is one of these rows.
void check_result(const KMeansResult& result, const KMeansRows& rows) {
  for (const std::span<const double> centroids : restarts_of(result)) {
    clustering::check_centroids(centroids, result.clusters, rows.dim());
  }
  const bool labels_fit =
      std::ranges::all_of(result.assignment, [&](std::int32_t label) { return label >= 0 && label < result.clusters; });
  if (static_cast<std::int64_t>(result.assignment.size()) == rows.count() && labels_fit &&
      kept_restart(result) < restarts_of(result).size()) {
    return;
  }
  throw UsageError("A result for K = " + std::to_string(result.clusters) + " does not fit the rows",
                   "it assigns " + std::to_string(result.assignment.size()) + " rows of " +
                       std::to_string(rows.count()) + ", or names a cluster or restart that it does not have",
                   "Pass what kmeans returned for these rows, as it is.");
}

/// Numbers of rows over all ranks.
struct Counts {
  std::int64_t rows = 0;
  /// Some rank's rows are f64.
  bool precise = false;
  /// [results][K].
  std::vector<std::vector<std::int64_t>> of_clusters;
};

/// COLLECTIVE.
Counts count_rows(const KMeansRows& rows, std::span<const KMeansResult> results, Communicator& comm) {
  std::vector<std::int64_t> packed{rows.count(), rows.count() > 0 && rows.is_precise() ? 1 : 0};
  for (const KMeansResult& result : results) {
    const std::size_t begin = packed.size();
    packed.resize(begin + static_cast<std::size_t>(result.clusters));
    for (const std::int32_t label : result.assignment) ++packed[begin + static_cast<std::size_t>(label)];
  }
  comm.allreduce(packed, ReduceOp::sum);
  Counts counts{packed[0], packed[1] > 0, {}};
  auto next = packed.cbegin() + 2;
  for (const KMeansResult& result : results) {
    counts.of_clusters.emplace_back(next, next + result.clusters);
    next += result.clusters;
  }
  return counts;
}

/// Centroids [K, D] relative to the rows' origin, without those of the clusters that have no rows (where counts are
/// given) in their order: leaving these out changes no row's nearest.
std::vector<double> centroids_to_search(const KMeansResult& result, std::span<const double> centroids,
                                        std::span<const std::int64_t> counts) {
  const std::size_t dim = centroids.size() / static_cast<std::size_t>(result.clusters);
  std::vector<double> values;
  for (std::size_t i = 0; i < centroids.size(); ++i) {
    if (!counts.empty() && counts[i / dim] == 0) continue;
    values.push_back(result.origin.empty() ? centroids[i] : centroids[i] - result.origin[i % dim]);
  }
  return values;
}

Candidate candidate_of(const KMeansResult& result, const std::vector<std::int64_t>& counts, int dim) {
  Candidate candidate;
  candidate.kept = kept_restart(result);
  const auto filled = std::ranges::count_if(counts, [](std::int64_t count) { return count > 0; });
  candidate.has_silhouette = filled >= 2;
  candidate.precise = !result.origin.empty() || !clustering::f32_holds(result.centroids);
  for (const std::span<const double> centroids : restarts_of(result)) {
    const bool is_kept = candidate.centroids.size() == candidate.kept && filled > 0;
    candidate.centroids.push_back(centroids_to_search(
        result, centroids, is_kept ? std::span<const std::int64_t>(counts) : std::span<const std::int64_t>()));
  }
  for (const std::vector<double>& centroids : candidate.centroids) {
    candidate.targets.emplace_back(centroids, static_cast<int>(std::ssize(centroids) / dim), dim);
  }
  return candidate;
}

/// Pairs of restarts to compare, of all results whose tables are not too large.
std::vector<RestartPair> pairs_of(std::span<const KMeansResult> results, std::int64_t limit, const Communicator& comm) {
  std::vector<RestartPair> pairs;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const std::size_t restarts = restarts_of(results[i]).size();
    const RestartPair table{i, 0, 0, results[i].clusters};
    if (restarts < 2 || results[i].clusters == 1) continue;
    if (table.cells() > limit) {
      if (comm.rank() == 0) {
        log::info("the stability of K = " + std::to_string(results[i].clusters) +
                  " is not computed: two restarts are compared by a table of K x K counts, and the limit is " +
                  std::to_string(limit));
      }
      continue;
    }
    for (std::size_t first = 0; first < restarts; ++first) {
      for (std::size_t second = first + 1; second < restarts; ++second) {
        pairs.push_back({i, first, second, results[i].clusters});
      }
    }
  }
  return pairs;
}

/// Unit of the silhouettes' fixed point, as log2 of its inverse: n terms of at most 1 stay within 2^61.
int silhouette_scale_log2(std::int64_t rows) {
  const auto last_row = static_cast<std::uint64_t>(std::max<std::int64_t>(rows, 1) - 1);
  return std::min(50, 61 - static_cast<int>(std::bit_width(last_row)));
}

void set_silhouettes(const std::vector<clustering::SilhouetteSum>& sums, std::span<const Candidate> candidates,
                     std::int64_t rows, std::vector<KMeansQuality>& qualities) {
  for (std::size_t i = 0; i < qualities.size(); ++i) {
    if (!candidates[i].has_silhouette) continue;
    const double sum = std::ldexp(static_cast<double>(sums[i].units), -silhouette_scale_log2(rows));
    qualities[i].silhouette = sum / static_cast<double>(rows);
  }
}

/// Adds the pairs' indices, in their order: passes follow it too.
void add_agreements(const AgreementTables& tables, std::vector<KMeansQuality>& qualities) {
  for (std::size_t i = 0; i < tables.pairs().size(); ++i) {
    std::optional<double>& sum = qualities[tables.pairs()[i].result].stability;
    sum = sum.value_or(0.0) + tables.adjusted_rand_index(i);
  }
}

}  // namespace

std::vector<KMeansQuality> kmeans_quality(const KMeansRows& rows, std::span<const KMeansResult> results,
                                          const KMeansQualityOptions& options, Communicator& comm) {
  const clustering::IeeeFloatMode ieee;
  require_same_everywhere(comm, fingerprint(results, rows.dim(), options.table_cells), "The results of k-means");
  collectively(comm, [&] {
    clustering::check_execution(options.threads, options.path, rows.dim());
    for (const KMeansResult& result : results) check_result(result, rows);
  });
  const Counts counts = count_rows(rows, results, comm);
  std::vector<KMeansQuality> qualities;
  std::vector<Candidate> candidates;
  for (std::size_t i = 0; i < results.size(); ++i) {
    qualities.push_back({results[i].clusters, std::nullopt, std::nullopt});
    candidates.push_back(candidate_of(results[i], counts.of_clusters[i], rows.dim()));
  }
  if (counts.rows == 0 || results.empty()) return qualities;
  // All results are of the same rows, which have one origin.
  const clustering::PreparedRows prepared(rows, results.front().origin, counts.precise, options.threads);
  auto runs = clustering::cut_pairs(pairs_of(results, options.table_cells, comm), options.table_cells);
  if (runs.empty()) runs.emplace_back();
  const double scale = std::ldexp(1.0, silhouette_scale_log2(counts.rows));
  for (std::size_t run = 0; run < runs.size(); ++run) {
    clustering::QualityPass pass(prepared, options, candidates, std::move(runs[run]), run == 0, scale);
    pass.run(comm);
    if (run == 0) set_silhouettes(pass.sums(), candidates, counts.rows, qualities);
    add_agreements(pass.tables(), qualities);
  }
  for (std::size_t i = 0; i < results.size(); ++i) {
    const auto restarts = static_cast<double>(restarts_of(results[i]).size());
    if (qualities[i].stability) *qualities[i].stability /= restarts * (restarts - 1.0) / 2.0;
  }
  return qualities;
}

}  // namespace datus
