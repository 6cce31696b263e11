#include "datus/algo/kmeans.hpp"

#include "algo/kmeans_float_mode.hpp"
#include "algo/kmeans_init.hpp"
#include "algo/kmeans_kernels.hpp"
#include "algo/kmeans_lloyd.hpp"
#include "algo/kmeans_summary.hpp"
#include "datus/core/error.hpp"
#include "datus/core/hash.hpp"

#include <algorithm>
#include <bit>
#include <sstream>
#include <string>
#include <utility>

namespace datus {
namespace {

using lloyd::Context;
using lloyd::KMeansPairState;
using lloyd::RowSummary;

/// A hash of the values' bytes: a decimal number may hide a difference.
template <class T>
std::string hash_of(std::span<const T> values) {
  Hasher hasher;
  hasher.add_bytes(std::as_bytes(values));
  return hasher.finish().hex();
}

/// All settings that decide the result, as a text to compare between ranks.
std::string fingerprint(const KMeansOptions& options, std::span<const float> given, int dim) {
  std::ostringstream text;
  text << "D " << dim << ", K";
  for (const int clusters : options.clusters) text << ' ' << clusters;
  text << ", init " << static_cast<int>(options.init) << ", max_iterations " << options.max_iterations << ", tolerance "
       << options.tolerance << " = " << hash_of(std::span<const double>(&options.tolerance, 1)) << ", restarts "
       << options.restarts << ", seed " << options.seed << ", " << given.size() << " given values = " << hash_of(given);
  return text.str();
}

void require(bool condition, const std::string& problem, const std::string& why, const std::string& what_to_do) {
  if (!condition) throw UsageError(problem, why, what_to_do);
}

void check_execution(int threads, SimdPath path, int dim) {
  require(threads >= 1, "k-means was given " + std::to_string(threads) + " threads", "it needs one at least",
          "Pass 1 or more.");
  require(dim >= 1, "The descriptors have length " + std::to_string(dim), "there is nothing to compare",
          "Pass rows with at least one value.");
  require_simd_path(path);
}

void check_centroids(std::span<const float> centroids, int clusters, int dim) {
  require(clusters >= 1, "K is " + std::to_string(clusters), "k-means needs one cluster at least",
          "Set K to 1 or more.");
  const auto width = static_cast<std::size_t>(dim);
  require(centroids.size() == static_cast<std::size_t>(clusters) * width,
          "The given centroids have " + std::to_string(centroids.size()) + " values",
          "K = " + std::to_string(clusters) + " times the descriptors' length " + std::to_string(dim) +
              " is another number",
          "Use centroids made from descriptors of this kind, and their K.");
  for (std::size_t k = 0; k < static_cast<std::size_t>(clusters); ++k) {
    if (lloyd::is_finite_magnitude(lloyd::largest_magnitude(centroids.subspan(k * width, width)))) continue;
    throw InputError("Given centroid " + std::to_string(k) + " is not finite", "one of its values is NaN or infinite",
                     "Make the file that holds it again.");
  }
}

void check_options(const KMeansOptions& options, std::span<const float> given, int dim) {
  check_execution(options.threads, options.path, dim);
  require(!options.clusters.empty(), "cluster.k is empty", "there is nothing to compute", "Name one K at least.");
  for (const int clusters : options.clusters) {
    require(clusters >= 1, "cluster.k is " + std::to_string(clusters), "k-means needs one cluster at least",
            "Set it to 1 or more.");
  }
  require(options.max_iterations >= 1, "cluster.max_iterations is " + std::to_string(options.max_iterations),
          "centroids come from one iteration at least", "Set it to 1 or more.");
  require(options.tolerance >= 0.0, "cluster.tolerance is " + std::to_string(options.tolerance),
          "it is a fraction of the inertia", "Set it to 0 or more.");
  require(options.restarts >= 1, "cluster.restarts is " + std::to_string(options.restarts),
          "there is one start at least", "Set it to 1 or more.");
  if (options.init == KMeansOptions::Init::given) {
    require(options.clusters.size() == 1 && options.restarts == 1, "Given centroids are for one K and one start",
            std::to_string(options.clusters.size()) + " values of K and " + std::to_string(options.restarts) +
                " restarts were asked for",
            "Name their K alone, and set cluster.restarts to 1.");
    check_centroids(given, options.clusters.front(), dim);
  } else {
    require(given.empty(), "Centroids are given, but would not be used", "the initialisation chooses its own",
            "Leave them out, or start from them.");
  }
}

void check_cluster_count(const std::vector<int>& clusters, std::int64_t rows) {
  for (const int count : clusters) {
    require(count <= rows, "cluster.k is " + std::to_string(count),
            "there are " + std::to_string(rows) + " descriptors only", "Lower it, or use more images.");
  }
}

/// COLLECTIVE. The scales of the fixed-point numbers; `InputError`s are agreed.
lloyd::FixedPointScales agree_on_scales(const RowSummary& summary, int dim, std::span<const float> centroids,
                                        Communicator& comm) {
  lloyd::FixedPointScales scales;
  collectively(comm, [&] {
    const std::uint32_t largest = lloyd::largest_magnitude(centroids);
    scales = lloyd::choose_scales(summary, dim, std::bit_cast<float>(largest));
  });
  return scales;
}

/// COLLECTIVE. All (K, restart) pairs with their first centroids, ordered by K as in the options, then by restart.
std::vector<KMeansPairState> start_pairs(const Context& context, const KMeansOptions& options,
                                         std::span<const float> given) {
  std::vector<KMeansPairState> pairs;
  for (const int clusters : options.clusters) {
    for (int restart = 0; restart < options.restarts; ++restart) {
      KMeansPairState& pair = pairs.emplace_back();
      pair.clusters = clusters;
      pair.restart = restart;
    }
  }
  switch (options.init) {
    case KMeansOptions::Init::kmeans_plus_plus:
      lloyd::choose_by_distance(context, options.seed, pairs);
      break;
    case KMeansOptions::Init::random:
      lloyd::choose_random_rows(context, options.seed, pairs);
      break;
    case KMeansOptions::Init::given:
      pairs.front().centroids.assign(given.begin(), given.end());
      break;
  }
  for (KMeansPairState& pair : pairs) pair.begin(context.rows.count(), context.rows.dim());
  return pairs;
}

KMeansResult to_result(KMeansPairState& pair, const lloyd::FixedPointScales& scales) {
  return {pair.clusters,
          pair.restart,
          std::move(pair.centroids),
          std::move(pair.assignment),
          std::move(pair.inertia),
          pair.final_inertia,
          pair.converged,
          pair.repairs,
          scales.sum_log2,
          scales.inertia_log2};
}

}  // namespace

std::vector<KMeansResult> kmeans(const KMeansRows& rows, const KMeansOptions& options, std::span<const float> given,
                                 Communicator& comm) {
  const lloyd::IeeeFloatMode ieee;
  require_same_everywhere(comm, fingerprint(options, given, rows.dim()), "The settings of k-means");
  collectively(comm, [&] { check_options(options, given, rows.dim()); });
  const lloyd::Kernels kernels = lloyd::kernels_of(options.path);
  const RowSummary summary = lloyd::summarise_rows(rows, options.threads, kernels, comm);
  collectively(comm, [&] { check_cluster_count(options.clusters, summary.rows); });
  const lloyd::FixedPointScales scales = agree_on_scales(summary, rows.dim(), given, comm);
  const Context context{rows, summary, scales, kernels, options.threads, comm};
  std::vector<KMeansPairState> pairs = start_pairs(context, options, given);
  lloyd::run_lloyd(context, {options.max_iterations, options.tolerance, options.stop_requested}, pairs);
  std::vector<KMeansResult> results;
  for (auto of_k = pairs.begin(); of_k != pairs.end(); of_k += options.restarts) {
    // The first of equals: the lowest restart.
    const auto best = std::min_element(of_k, of_k + options.restarts,
                                       [](const auto& a, const auto& b) { return a.final_inertia < b.final_inertia; });
    results.push_back(to_result(*best, scales));
  }
  return results;
}

Assignment assign_rows(const KMeansRows& rows, std::span<const float> centroids, int clusters, int threads,
                       SimdPath path, Communicator& comm) {
  const lloyd::IeeeFloatMode ieee;
  KMeansOptions same;
  same.clusters = {clusters};
  same.init = KMeansOptions::Init::given;
  require_same_everywhere(comm, fingerprint(same, centroids, rows.dim()), "The centroids to assign to");
  collectively(comm, [&] {
    check_execution(threads, path, rows.dim());
    check_centroids(centroids, clusters, rows.dim());
  });
  const lloyd::Kernels kernels = lloyd::kernels_of(path);
  const RowSummary summary = lloyd::summarise_rows(rows, threads, kernels, comm);
  const lloyd::FixedPointScales scales = agree_on_scales(summary, rows.dim(), centroids, comm);
  std::vector<KMeansPairState> pair(1);
  pair.front().clusters = clusters;
  pair.front().centroids.assign(centroids.begin(), centroids.end());
  pair.front().begin(rows.count(), rows.dim());
  pair.front().end_iterations();
  lloyd::run_lloyd({rows, summary, scales, kernels, threads, comm}, {}, pair);
  return {std::move(pair.front().assignment), pair.front().final_inertia};
}

}  // namespace datus
