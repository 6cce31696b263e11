#include "datus/pipeline/cluster.hpp"

#include "datus/algo/kmeans.hpp"
#include "datus/algo/kmeans_quality.hpp"
#include "datus/core/error.hpp"
#include "datus/core/log.hpp"
#include "datus/core/stop_signals.hpp"
#include "datus/io/atomic_hdf5.hpp"
#include "datus/io/hdf5.hpp"
#include "datus/pipeline/cluster_selection.hpp"
#include "pipeline/files/cluster_checkpoint.hpp"
#include "pipeline/files/cluster_files.hpp"
#include "pipeline/files/verified_file.hpp"
#include "pipeline/stages/cluster/cluster.hpp"
#include "pipeline/stages/cluster/cluster_gpu.hpp"
#include "pipeline/stages/cluster/descriptor_rows.hpp"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

namespace datus {
namespace {

KMeansOptions kmeans_options(const Config& config, std::vector<int> clusters, int threads) {
  KMeansOptions options;
  options.clusters = std::move(clusters);
  switch (config.cluster.init) {
    case ClusterConfig::Init::kmeans_plus_plus:
      options.init = KMeansOptions::Init::kmeans_plus_plus;
      break;
    case ClusterConfig::Init::kmeans_parallel:
      options.init = KMeansOptions::Init::kmeans_parallel;
      break;
    case ClusterConfig::Init::random:
      options.init = KMeansOptions::Init::random;
      break;
    case ClusterConfig::Init::file:
      options.init = KMeansOptions::Init::given;
      break;
  }
  switch (config.cluster.algorithm) {
    case ClusterConfig::Algorithm::lloyd:
      options.algorithm = KMeansOptions::Algorithm::lloyd;
      break;
    case ClusterConfig::Algorithm::mini_batch:
      options.algorithm = KMeansOptions::Algorithm::mini_batch;
      break;
  }
  options.batch_size = config.cluster.batch_size;
  options.epochs = config.cluster.epochs;
  options.max_iterations = config.cluster.max_iterations;
  options.tolerance = config.cluster.tolerance;
  options.restarts = config.cluster.restarts;
  options.seed = config.run.seed;
  options.threads = threads;
  options.mode =
      config.cluster.mode == ClusterConfig::Mode::fast ? KMeansOptions::Mode::fast : KMeansOptions::Mode::exact;
  options.checkpoint_every = config.cluster.checkpoint_every;
  return options;
}

ClusterAttributes attributes_of(const KMeansResult& result, const KMeansQuality& quality, std::uint64_t seed) {
  return {.seed = seed,
          .iterations = static_cast<int>(result.inertia.size()),
          .converged = result.converged,
          .inertia = result.final_inertia,
          .restart = result.restart,
          .silhouette = quality.silhouette,
          .stability = quality.stability};
}

ClusterSummary summary_of(const KMeansResult& result, const KMeansQuality& quality, std::int64_t rows) {
  return {result.clusters,
          rows,
          static_cast<int>(result.inertia.size()),
          result.converged,
          result.final_inertia,
          /*up_to_date=*/false,
          quality.silhouette,
          quality.stability};
}

/// COLLECTIVE. Centroids from the file that the configuration names; none for another init.
std::vector<float> given_centroids(const Config& config, const std::vector<int>& clusters, int dim,
                                   Communicator& comm) {
  if (config.cluster.init != ClusterConfig::Init::file) return {};
  Centroids centroids;
  collectively(comm, [&] {
    centroids = read_centroids(*config.cluster.centroids);
    if (clusters != std::vector<int>{centroids.k}) {
      throw UsageError("cluster.k does not fit " + *config.cluster.centroids,
                       "the file has " + std::to_string(centroids.k) + " centroids",
                       "Set cluster.k (--k) to " + std::to_string(centroids.k) + ".");
    }
    if (centroids.dim != dim) {
      throw InputError("The centroids of " + *config.cluster.centroids + " have " + std::to_string(centroids.dim) +
                           " values, the descriptors " + std::to_string(dim),
                       "they come from another model", "Give centroids of the same width.");
    }
  });
  return std::move(centroids.values);
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

/// COLLECTIVE. One more pass over the rows.
std::vector<KMeansQuality> qualities_of(const std::vector<KMeansResult>& results, const DescriptorRows& data,
                                        int threads, Communicator& comm) {
  KMeansQualityOptions options;
  options.threads = threads;
  return kmeans_quality(*data.rows, results, options, comm);
}

/// COLLECTIVE.
void write_run_result(RunContext& run, const KMeansResult& result, const KMeansQuality& quality,
                      const DescriptorRows& data) {
  const int k = result.clusters;
  write_cluster_files(run.directory.centroids(k), run.directory.assignment(k), result.centroids, k, data.rows->dim(),
                      result.inertia, attributes_of(result, quality, run.config.run.seed), result.assignment,
                      data.offsets(), run.provenance.of(Stage::cluster, k), run.writing(), run.comm);
}

/// What an assignment to given centroids asks of memory.
KMeansOptions assign_options(int clusters, int threads) {
  KMeansOptions options;
  options.clusters = {clusters};
  options.init = KMeansOptions::Init::given;
  options.threads = threads;
  return options;
}

/// COLLECTIVE. Nearest centroid of a fitted run for every row.
KMeansResult assign_to_fitted(RunContext& run, const DescriptorRows& data, int k, const ClusterGpu& gpu) {
  Centroids centroids;
  collectively(run.comm, [&] {
    centroids = read_centroids(run.fitted->directory.centroids(k).string());
    if (centroids.dim != data.rows->dim()) {
      throw InputError("The centroids of " + run.fitted->directory.root().string() + " have " +
                           std::to_string(centroids.dim) + " values, the descriptors " +
                           std::to_string(data.rows->dim()),
                       "they come from another model", "Use the same weights.");
    }
  });
  auto assignment = naming_bad_rows(data, run.threads, run.comm, [&] {
    return assign_rows(*data.rows, centroids.values, k, run.threads, best_simd_path(), run.comm, gpu.get());
  });
  KMeansResult result;
  result.clusters = k;
  result.centroids = std::move(centroids.values);
  result.assignment = std::move(assignment.labels);
  result.final_inertia = assignment.inertia;
  result.converged = true;
  return result;
}

/// COLLECTIVE. k-means that goes on from its checkpoint, and saves one when a signal asks for a stop.
std::vector<KMeansResult> kmeans_with_checkpoint(const DescriptorRows& data, KMeansOptions options,
                                                 std::span<const float> given, const ClusterGpu& gpu,
                                                 const ClusterCheckpoint& checkpoint, const StopSignals& signals,
                                                 Communicator& comm) {
  const std::optional<KMeansState> saved = checkpoint.read();
  options.stop_requested = [&] { return signals.requested(); };
  options.save = [&](const KMeansState& state) { checkpoint.save(state, data.rows->dim()); };
  options.gpu = gpu.get();
  options.resume = saved ? &*saved : nullptr;
  return naming_bad_rows(data, options.threads, comm, [&] { return kmeans(*data.rows, options, given, comm); });
}

}  // namespace

std::vector<StaleCluster> stale_clusters(RunContext& run) {
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

std::vector<ClusterSummary> cluster_run(RunContext& run) {
  std::vector<int> stale;
  for (const auto& [k, why] : stale_clusters(run)) {
    if (!why.empty()) log::info("clustering again for K = " + std::to_string(k) + ": " + why);
    stale.push_back(k);
  }
  std::vector<ClusterSummary> summaries;
  if (!stale.empty()) {
    const auto options =
        run.fitted ? assign_options(stale.back(), run.threads) : kmeans_options(run.config, stale, run.threads);
    const ClusterGpu gpu(run.config.cluster, run.comm);
    const DescriptorRows data = open_run_rows(run, options);
    const auto finish = [&](const std::vector<KMeansResult>& results) {
      const auto qualities = qualities_of(results, data, run.threads, run.comm);
      for (std::size_t i = 0; i < results.size(); ++i) {
        write_run_result(run, results[i], qualities[i], data);
        summaries.push_back(summary_of(results[i], qualities[i], data.total()));
      }
    };
    if (run.fitted) {
      if (data.total() == 0) require_enough_rows(0, stale, "segments", no_segments_hint);
      for (const int k : stale) finish({assign_to_fitted(run, data, k, gpu)});
    } else {
      require_enough_rows(data.total(), stale, "segments", no_segments_hint);
      const auto given = given_centroids(run.config, stale, data.rows->dim(), run.comm);
      const ClusterCheckpoint checkpoint(run.directory.cluster_checkpoint(), run.writing(), run.comm);
      finish(kmeans_with_checkpoint(data, options, given, gpu, checkpoint, *run.signals, run.comm));
      checkpoint.remove();
    }
  }
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

std::vector<ClusterSummary> cluster_to_file(const Config& config, const std::vector<std::string>& descriptors,
                                            const std::filesystem::path& out, int threads, Communicator& comm) {
  const StopSignals signals;
  const auto options = kmeans_options(config, config.cluster.k, threads);
  const ClusterGpu gpu(config.cluster, comm);
  const DescriptorRows data = open_matrix_rows(descriptors, options, config.cluster.memory, comm);
  const int dim = data.rows->dim();
  require_enough_rows(data.total(), config.cluster.k, "rows of " + data.sources->description(),
                      "Make some descriptors first.");
  const auto given = given_centroids(config, config.cluster.k, dim, comm);
  // Beside the result, and named after it: the same command finds it again.
  const ClusterCheckpoint checkpoint(out.string() + ".checkpoint", {}, comm);
  const auto results = kmeans_with_checkpoint(data, options, given, gpu, checkpoint, signals, comm);
  const auto qualities = qualities_of(results, data, threads, comm);

  std::optional<AtomicHdf5> file;
  on_root(comm, [&] {
    remove_unfinished(out);
    file.emplace(out);
  });
  std::vector<ClusterSummary> summaries;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const KMeansResult& result = results[i];
    const std::string group = "/" + RunDirectory::cluster_name(result.clusters);
    on_root(comm, [&] {
      write_centroids(file->writer(), group, result.centroids, result.clusters, dim, result.inertia,
                      attributes_of(result, qualities[i], config.run.seed));
    });
    write_labels(file ? &file->writer() : nullptr, group + "/assignment", result.assignment, comm);
    summaries.push_back(summary_of(result, qualities[i], data.total()));
  }
  on_root(comm, [&] {
    write_selection(file->writer(), summaries);
    file->commit();
  });
  checkpoint.remove();
  return summaries;
}

ClusterSummary assign_to_file(const Config& config, const std::vector<std::string>& descriptors,
                              const std::string& centroids_text, const std::filesystem::path& out, int threads,
                              Communicator& comm) {
  Centroids centroids;
  collectively(comm, [&] { centroids = read_centroids(centroids_text); });
  const DescriptorRows data =
      open_matrix_rows(descriptors, assign_options(centroids.k, threads), config.cluster.memory, comm);
  const int dim = data.rows->dim();
  if (data.total() == 0) require_enough_rows(0, {1}, "rows of " + data.sources->description(), "Give other files.");
  if (dim != centroids.dim) {
    throw AgreedError(ExitCode::bad_input,
                      "The centroids of " + centroids_text + " have " + std::to_string(centroids.dim) +
                          " values, the rows of " + data.sources->description() + " " + std::to_string(dim),
                      "they come from another model", "Give centroids of the same width.");
  }
  const ClusterGpu gpu(config.cluster, comm);
  const auto assignment = naming_bad_rows(data, threads, comm, [&] {
    return assign_rows(*data.rows, centroids.values, centroids.k, threads, best_simd_path(), comm, gpu.get());
  });
  std::optional<AtomicHdf5> file;
  on_root(comm, [&] { file.emplace(out); });
  write_labels(file ? &file->writer() : nullptr, "assignment", assignment.labels, comm);
  on_root(comm, [&] {
    file->writer().write<float>("centroids", centroids.values, {centroids.k, dim});
    file->writer().attribute("/", "inertia", assignment.inertia);
    file->commit();
  });
  ClusterSummary summary;
  summary.k = centroids.k;
  summary.rows = data.total();
  summary.inertia = assignment.inertia;
  return summary;
}

}  // namespace datus
