// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/checks.hpp"

#include "algo/kmeans/state_words.hpp"
#include "algo/kmeans/summary.hpp"
#include "datus/core/error.hpp"
#include "datus/core/hash.hpp"

#include <cstdint>
#include <iterator>
#include <sstream>
#include <vector>

namespace datus::clustering {
namespace {

/// A hash of the values' bytes: a decimal number may hide a difference.
template <class T>
std::string hash_of(std::span<const T> values) {
  Hasher hasher;
  hasher.add_bytes(std::as_bytes(values));
  return hasher.finish().hex();
}

void require(bool condition, const std::string& problem, const std::string& why, const std::string& what_to_do) {
  if (!condition) throw UsageError(problem, why, what_to_do);
}

}  // namespace

std::string pair_fingerprint(const KMeansOptions& options, std::span<const double> given, int dim) {
  std::ostringstream text;
  // To be raised with any change of the arithmetic: a state of an older version must not be gone on from.
  constexpr int version = 3;
  text << "version " << version << ", D " << dim << ", init " << static_cast<int>(options.init) << ", algorithm "
       << static_cast<int>(options.algorithm) << ", mode " << static_cast<int>(options.mode) << ", max_iterations "
       << options.max_iterations << ", tolerance " << options.tolerance << " = "
       << hash_of(std::span<const double>(&options.tolerance, 1)) << ", batch_size " << options.batch_size
       << ", epochs " << options.epochs << ", seed " << options.seed << ", " << given.size()
       << " given values = " << hash_of(given);
  return text.str();
}

std::string fingerprint(const KMeansOptions& options, std::span<const double> given, int dim) {
  std::ostringstream text;
  text << "K";
  for (const int clusters : options.clusters) text << ' ' << clusters;
  text << ", restarts " << options.restarts << ", checkpoint_every " << options.checkpoint_every << ", goes on from "
       << (options.resume == nullptr ? "nothing"
                                     : "state " + hash_of(std::span<const std::int64_t>(words_of(*options.resume))))
       << ", " << pair_fingerprint(options, given, dim);
  return text.str();
}

void check_execution(int threads, SimdPath path, int dim, const KMeansGpu* gpu) {
  require(threads >= 1, "k-means was given " + std::to_string(threads) + " threads", "it needs one at least",
          "Pass 1 or more.");
  require(dim >= 1, "The descriptors have length " + std::to_string(dim), "there is nothing to compare",
          "Pass rows with at least one value.");
  require_simd_path(path);
  if (gpu == nullptr) return;
  require(gpu->collectives != nullptr, "k-means was given a GPU without its collectives",
          "the ranks' sums are added up in its memory", "Pass a DeviceCommunicator too.");
  require(gpu->memory_bytes >= 0, "k-means was given " + std::to_string(gpu->memory_bytes) + " bytes of a GPU",
          "there is no such amount of memory", "Pass 0 for what the card has free.");
}

void check_centroids(std::span<const double> centroids, int clusters, int dim) {
  require(clusters >= 1, "K is " + std::to_string(clusters), "k-means needs one cluster at least",
          "Set K to 1 or more.");
  const auto width = static_cast<std::size_t>(dim);
  require(centroids.size() == static_cast<std::size_t>(clusters) * width,
          "The given centroids have " + std::to_string(centroids.size()) + " values",
          "K = " + std::to_string(clusters) + " times the descriptors' length " + std::to_string(dim) +
              " is another number",
          "Use centroids made from descriptors of this kind, and their K.");
  for (std::size_t k = 0; k < static_cast<std::size_t>(clusters); ++k) {
    if (all_finite(centroids.subspan(k * width, width))) continue;
    throw InputError("Given centroid " + std::to_string(k) + " is not finite", "one of its values is NaN or infinite",
                     "Make the file that holds it again.");
  }
}

void check_options(const KMeansOptions& options, std::span<const double> given, int dim) {
  check_execution(options.threads, options.path, dim, options.gpu);
  require(!options.clusters.empty(), "cluster.k is empty", "there is nothing to compute", "Name one K at least.");
  for (const int clusters : options.clusters) {
    require(clusters >= 1, "cluster.k is " + std::to_string(clusters), "k-means needs one cluster at least",
            "Set it to 1 or more.");
  }
  require(options.max_iterations >= 1, "cluster.max_iterations is " + std::to_string(options.max_iterations),
          "centroids come from one iteration at least", "Set it to 1 or more.");
  require(options.tolerance >= 0.0, "cluster.tolerance is " + std::to_string(options.tolerance),
          "it is a fraction of the inertia", "Set it to 0 or more.");
  require(options.batch_size >= 1, "cluster.batch_size is " + std::to_string(options.batch_size),
          "a batch has one row at least", "Set it to 1 or more.");
  require(options.epochs >= 1, "cluster.epochs is " + std::to_string(options.epochs), "there is one pass at least",
          "Set it to 1 or more.");
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

}  // namespace datus::clustering
