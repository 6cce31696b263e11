// SPDX-License-Identifier: Apache-2.0
#include "pipeline/stages/cluster/clustering.hpp"

#include "datus/core/error.hpp"
#include "pipeline/session/progress.hpp"
#include "pipeline/stages/cluster/cluster_news.hpp"
#include "pipeline/stages/cluster/grouped_fit.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

namespace datus {
namespace {

/// COLLECTIVE. Centroids from the file that the configuration names; none for another init.
std::vector<double> given_centroids(const ClusterConfig& config, const std::vector<int>& clusters, int dim,
                                    Communicator& comm) {
  if (config.init != ClusterConfig::Init::file) return {};
  Centroids centroids;
  collectively(comm, [&] {
    centroids = read_centroids(*config.centroids);
    if (clusters != std::vector<int>{centroids.k}) {
      throw UsageError("cluster.k does not fit " + *config.centroids,
                       "the file has " + std::to_string(centroids.k) + " centroids",
                       "Set cluster.k (--k) to " + std::to_string(centroids.k) + ".");
    }
    if (centroids.dim != dim) {
      throw InputError("The centroids of " + *config.centroids + " have " + std::to_string(centroids.dim) +
                           " values, the descriptors " + std::to_string(dim),
                       "they come from another model", "Give centroids of the same width.");
    }
  });
  return std::move(centroids.values);
}

/// Whether one more checkpoint leaves the time for them below a twentieth of all.
class SavingTime {
 public:
  [[nodiscard]] bool is_little() const { return Clock::now() - ended_ >= 19 * took_; }
  void begin() { begun_ = Clock::now(); }
  void end() {
    ended_ = Clock::now();
    took_ = ended_ - begun_;
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point begun_;
  Clock::time_point ended_;
  Clock::duration took_{};
};

}  // namespace

ClustersOfK Clustering::contents(std::uint64_t seed, int dim, const FineClusters* fine,
                                 const ExamplesOfK& examples) const {
  return {.centroids = result.centroids,
          .k = result.clusters,
          .dim = dim,
          .inertia = result.inertia,
          .attributes = {.seed = seed,
                         .iterations = static_cast<int>(result.inertia.size()),
                         .converged = result.converged,
                         .inertia = result.final_inertia,
                         .restart = result.restart,
                         .silhouette = quality.silhouette,
                         .stability = quality.stability,
                         .separation = separation},
          .fine = fine,
          .examples = &examples};
}

ClusterSummary Clustering::summary() const {
  return {result.clusters,
          rows,
          static_cast<int>(result.inertia.size()),
          result.converged,
          result.final_inertia,
          /*up_to_date=*/false,
          quality.silhouette,
          quality.stability,
          separation,
          separations};
}

KMeansOptions assign_options(int clusters, int threads) {
  KMeansOptions options;
  options.clusters = {clusters};
  options.init = KMeansOptions::Init::given;
  options.threads = threads;
  return options;
}

void require_enough_rows(std::int64_t rows, const std::vector<int>& clusters, const std::string& what,
                         const std::string& hint) {
  const int largest = *std::max_element(clusters.begin(), clusters.end());
  if (rows >= largest) return;
  if (rows == 0) throw AgreedError(ExitCode::bad_input, "There is nothing to cluster", "no " + what, hint);
  throw AgreedError(ExitCode::bad_input,
                    "cluster.k = " + std::to_string(largest) + " is more than the " + std::to_string(rows) + " " + what,
                    "each cluster needs at least one", "Choose a smaller cluster.k (--k), or more images.");
}

std::vector<Clustering> with_quality(std::vector<KMeansResult> results, const DescriptorRows& data, int threads,
                                     Communicator& comm) {
  KMeansQualityOptions options;
  options.threads = threads;
  const std::vector<KMeansQuality> qualities = kmeans_quality(*data.rows, results, options, comm);
  std::vector<Clustering> clusterings;
  for (std::size_t i = 0; i < results.size(); ++i) {
    clusterings.push_back({std::move(results[i]), qualities[i], data.total()});
  }
  return clusterings;
}

std::vector<KMeansResult> fit_rows(const DescriptorRows& data, const ClusterConfig& config, KMeansOptions options,
                                   const ClusterGpu& gpu, const ClusterCheckpoint& checkpoint,
                                   const StopSignals& signals, Communicator& comm) {
  const int dim = data.rows->dim();
  const auto given = given_centroids(config, options.clusters, dim, comm);
  const std::optional<KMeansState> saved = checkpoint.read();
  ClusterNews news;
  const Progress progress("cluster", comm.rank() != 0, [&] { return news.text(); });
  options.stop_requested = [&] {
    news.pass_begins();
    return signals.requested();
  };
  SavingTime saving;
  options.save = [&](const KMeansState& state) {
    news.tell(state);
    const bool due = config.checkpoint_every.has_value() || signals.requested() || saving.is_little();
    saving.begin();
    checkpoint.save(state, dim, due);
    if (due) saving.end();
  };
  options.gpu = gpu.get();
  options.resume = saved ? &*saved : nullptr;
  return naming_bad_rows(data, options.threads, comm, [&] {
    const auto of_groups = fit_in_groups(data, config, options, given, gpu, comm);
    if (of_groups) options.resume = &*of_groups;
    return kmeans(*data.rows, options, given, comm);
  });
}

Assignment assign_to(const DescriptorRows& data, const Centroids& centroids, int threads, const ClusterGpu& gpu,
                     Communicator& comm) {
  const Progress progress("cluster", 0, comm.rank() != 0);
  return naming_bad_rows(data, threads, comm, [&] {
    return assign_rows(*data.rows, centroids.values, centroids.k, threads, best_simd_path(), comm, gpu.get());
  });
}

}  // namespace datus
