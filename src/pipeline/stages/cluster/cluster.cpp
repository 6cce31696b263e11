// SPDX-License-Identifier: Apache-2.0
#include "datus/pipeline/cluster.hpp"

#include "datus/core/error.hpp"
#include "datus/core/log.hpp"
#include "datus/io/hdf5_reader.hpp"
#include "datus/pipeline/cluster_selection.hpp"
#include "pipeline/files/cluster_checkpoint.hpp"
#include "pipeline/files/cluster_files.hpp"
#include "pipeline/files/verified_file.hpp"
#include "pipeline/inputs/options_of_config.hpp"
#include "pipeline/stages/cluster/cluster.hpp"
#include "pipeline/stages/cluster/cluster_gpu.hpp"
#include "pipeline/stages/cluster/clustering.hpp"
#include "pipeline/stages/cluster/descriptor_rows.hpp"
#include "pipeline/stages/cluster/examples.hpp"
#include "pipeline/stages/cluster/fine_clusters.hpp"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <filesystem>
#include <span>
#include <utility>

namespace datus {
namespace {

constexpr const char* no_segments_hint =
    "When nearly all patches are joined to each other no community gains anything: try affinity.center: image; "
    "or lower segment.min_patches.";

/// Whether a file of one K is current and holds `dataset`: those of one K have the same provenance, so one could be in
/// the other's place.
bool holds_current(const std::filesystem::path& path, const std::string& dataset, const StageProvenance& wanted,
                   std::string& why) {
  if (!is_current(path, wanted, &why)) return false;
  if (Hdf5Reader(path).has(dataset)) return true;
  why = path.string() + " holds no /" + dataset;
  return false;
}

/// COLLECTIVE.
void write_clustering(const RunContext& run, int k, const ClustersOfK& clusters, std::span<const std::int32_t> labels,
                      const DescriptorRows& data) {
  // They are of other clusters under the same numbers: a report or 'datus apply' would take their mapping for current.
  on_root(run.comm, [&] {
    run.require_held();
    std::filesystem::remove(run.directory.scores(k));
  });
  write_cluster_files(run.directory.centroids(k), run.directory.assignment(k), clusters, labels, data.offsets(),
                      run.provenance.of(Stage::cluster, k), run.writing(), run.comm);
}

/// COLLECTIVE. Of what k-means made, the files of each K.
std::vector<ClusterSummary> write_clusterings(const RunContext& run, const std::vector<Clustering>& made,
                                              const DescriptorRows& data) {
  const auto examples = find_examples(data, made, run.threads, run.comm);
  std::vector<ClusterSummary> summaries;
  for (std::size_t i = 0; i < made.size(); ++i) {
    write_clustering(run, made[i].result.clusters,
                     made[i].contents(run.config.run.seed, data.rows->dim(), nullptr, examples[i]),
                     made[i].result.assignment, data);
    summaries.push_back(made[i].summary());
  }
  return summaries;
}

/// COLLECTIVE. The files of cuts of trees, each at one of `clusters`.
std::vector<ClusterSummary> write_cuts(const RunContext& run, const std::vector<int>& clusters,
                                       const std::vector<const FineFit*>& fits, const DescriptorRows& data) {
  std::vector<Clustering> cuts;
  for (std::size_t i = 0; i < clusters.size(); ++i) cuts.push_back(cut(*fits[i], clusters[i]));
  const auto examples = find_examples(data, cuts, fits, run.threads, run.comm);
  std::vector<ClusterSummary> summaries;
  for (std::size_t i = 0; i < clusters.size(); ++i) {
    write_clustering(run, clusters[i],
                     cuts[i].contents(run.config.run.seed, data.rows->dim(), &fits[i]->clusters, examples[i]),
                     labels_of_cut(*fits[i], clusters[i]), data);
    summaries.push_back(cuts[i].summary());
  }
  return summaries;
}

/// COLLECTIVE. k-means over the segments of the run.
std::vector<ClusterSummary> fit_run(const RunContext& run, const std::vector<int>& clusters,
                                    const ClusterCheckpoint& checkpoint) {
  const auto options = kmeans_options(run.config, clusters, run.threads);
  const ClusterGpu gpu(run.config, run.comm);
  const DescriptorRows data = open_run_rows(run, options, examples_bytes(run.config.cluster));
  require_enough_rows(data.total(), clusters, "segments", no_segments_hint);
  auto results = fit_rows(data, run.config.cluster, options, gpu, checkpoint, *run.signals, run.comm);
  const auto made = with_quality(std::move(results), data, run.threads, run.comm);
  return write_clusterings(run, made, data);
}

/// COLLECTIVE. What the files of other K were cut from.
std::vector<FineFit> current_fine_fits(const RunContext& run, const std::vector<int>& stale, const DescriptorRows& data,
                                       const ClusterGpu& gpu) {
  std::vector<FineFit> fits;
  for (const int k : run.config.cluster.k) {
    if (std::ranges::find(stale, k) != stale.end()) continue;
    std::optional<FineClusters> fine;
    std::vector<double> history;
    bool converged = true;
    int restart = 0;
    collectively(run.comm, [&] {
      const Hdf5Reader reader(run.directory.centroids(k));
      fine = read_fine_clusters(reader, "");
      history = reader.read<double>("inertia");
      converged = reader.attribute<std::int64_t>("/", "converged") != 0;
      restart = checked_cast<int>(reader.attribute<std::int64_t>("/", "restart"), "The restart");
    });
    const bool is_new = fine && std::ranges::none_of(fits, [&](const FineFit& fit) {
                          return fit.clusters.tree.leaves == fine->tree.leaves;
                        });
    if (!is_new) continue;
    // What the fit said of itself: the files are then those of a fit.
    FineFit fit = assign_fine(std::move(*fine), data, run.threads, gpu, run.comm);
    fit.inertia = fit.clusters.inertia;
    fit.history = std::move(history);
    fit.converged = converged;
    fit.restart = restart;
    fits.push_back(std::move(fit));
  }
  return fits;
}

/// COLLECTIVE. Cuts of a tree over fine clusters, which k-means fits once for all K.
std::vector<ClusterSummary> fit_tree(const RunContext& run, const std::vector<int>& clusters,
                                     const ClusterCheckpoint& checkpoint) {
  const ClusterConfig& config = run.config.cluster;
  const auto options = kmeans_options(run.config, {*config.fine}, run.threads);
  const ClusterGpu gpu(run.config, run.comm);
  const DescriptorRows data = open_run_rows(run, options, examples_bytes(run.config.cluster));
  require_enough_rows(data.total(), clusters, "segments", no_segments_hint);
  const auto fits = fit_fine(data, config, clusters, options, current_fine_fits(run, clusters, data, gpu), gpu,
                             checkpoint, *run.signals, run.comm);
  std::vector<const FineFit*> fit_of_k;
  for (const int k : clusters) fit_of_k.push_back(&fit_for(fits, config, k));
  return write_cuts(run, clusters, fit_of_k, data);
}

/// COLLECTIVE. The centroids of the fitted run, for descriptors of `dim` values.
Centroids fitted_centroids(const RunContext& run, int k, int dim) {
  Centroids centroids;
  collectively(run.comm, [&] {
    centroids = read_centroids(run.fitted->directory.centroids(k).string());
    if (centroids.dim != dim) {
      throw InputError("The centroids of " + run.fitted->directory.root().string() + " have " +
                           std::to_string(centroids.dim) + " values, the descriptors " + std::to_string(dim),
                       "they come from another model", "Use the same weights.");
    }
  });
  return centroids;
}

/// COLLECTIVE. Nearest fine clusters of the fitted run.
std::vector<ClusterSummary> assign_run_to_tree(const RunContext& run, const std::vector<int>& clusters) {
  const ClusterGpu gpu(run.config, run.comm);
  const DescriptorRows data =
      open_run_rows(run, assign_options(*run.config.cluster.fine, run.threads), examples_bytes(run.config.cluster));
  if (data.total() == 0) require_enough_rows(0, clusters, "segments", no_segments_hint);
  std::deque<FineFit> fits;  // most values of K have the same fine clusters
  std::vector<const FineFit*> fit_of_k;
  for (const int k : clusters) {
    FineClusters fine;
    collectively(run.comm, [&] {
      const auto path = run.fitted->directory.centroids(k);
      auto found = read_fine_clusters(open_verified(path, std::nullopt), "");
      if (!found) {
        throw InputError(path.string() + " has no fine clusters", "the fitted run was made with another cluster.fine",
                         "Run it again with its configuration.");
      }
      fine = std::move(*found);
    });
    if (fits.empty() || fits.back().clusters != fine) {
      fits.push_back(assign_fine(std::move(fine), data, run.threads, gpu, run.comm));
    }
    fit_of_k.push_back(&fits.back());
  }
  return write_cuts(run, clusters, fit_of_k, data);
}

/// COLLECTIVE. Nearest centroids of the fitted run.
std::vector<ClusterSummary> assign_run(const RunContext& run, const std::vector<int>& clusters) {
  const ClusterGpu gpu(run.config, run.comm);
  const DescriptorRows data =
      open_run_rows(run, assign_options(clusters.back(), run.threads), examples_bytes(run.config.cluster));
  if (data.total() == 0) require_enough_rows(0, clusters, "segments", no_segments_hint);
  std::vector<ClusterSummary> summaries;
  for (const int k : clusters) {
    Centroids centroids = fitted_centroids(run, k, data.rows->dim());
    Assignment assignment = assign_to(data, centroids, run.threads, gpu, run.comm);
    KMeansResult result;
    result.clusters = k;
    result.centroids = std::move(centroids.values);
    result.assignment = std::move(assignment.labels);
    result.final_inertia = assignment.inertia;
    result.converged = true;
    const auto made = with_quality({std::move(result)}, data, run.threads, run.comm);
    summaries.push_back(write_clusterings(run, made, data).front());
  }
  return summaries;
}

}  // namespace

std::vector<StaleCluster> stale_clusters(const RunContext& run) {
  std::vector<StaleCluster> stale;
  for (const int k : run.config.cluster.k) {
    std::int64_t is_stale = 0;
    std::string why;
    // One rank decides: folders of a parallel file system may look different for a moment, and one reading is enough.
    on_root(run.comm, [&] {
      const auto wanted = run.provenance.of(Stage::cluster, k);
      const bool current = holds_current(run.directory.assignment(k), "assignment", wanted, why) &&
                           holds_current(run.directory.centroids(k), "centroids", wanted, why);
      is_stale = current ? 0 : 1;
    });
    run.comm.broadcast(std::as_writable_bytes(std::span(&is_stale, 1)), 0);
    why = broadcast_text(run.comm, why);
    if (is_stale != 0) stale.push_back({k, why});
  }
  return stale;
}

std::vector<ClusterSummary> cluster_run(const RunContext& run) {
  std::vector<int> stale;
  for (const auto& [k, why] : stale_clusters(run)) {
    if (!why.empty()) log::info("clustering again for K = " + std::to_string(k) + ": " + why);
    stale.push_back(k);
  }
  std::vector<ClusterSummary> summaries;
  const ClusterCheckpoint checkpoint(run.directory.cluster_checkpoint(), run.writing(), run.comm);
  if (!stale.empty()) {
    if (run.config.cluster.fine) {
      summaries = run.fitted ? assign_run_to_tree(run, stale) : fit_tree(run, stale, checkpoint);
    } else {
      summaries = run.fitted ? assign_run(run, stale) : fit_run(run, stale, checkpoint);
    }
  }
  // Where all was there already, too: a job may have ended before it came to this, or a power cut has brought it back.
  checkpoint.remove();
  for (const int k : run.config.cluster.k) {
    if (std::find(stale.begin(), stale.end(), k) == stale.end()) {
      ClusterSummary summary;
      on_root(run.comm, [&] { summary = read_cluster_summary(run.directory.centroids(k)); });
      summary.k = k;
      summary.up_to_date = true;
      summaries.push_back(summary);
    }
  }
  std::sort(summaries.begin(), summaries.end(), [](const auto& a, const auto& b) { return a.k < b.k; });
  on_root(run.comm, [&] { write_selection_json(run.directory.selection(), summaries, run.writing()); });
  return summaries;
}

}  // namespace datus
