#include "datus/pipeline/cluster.hpp"

#include "datus/algo/kmeans.hpp"
#include "datus/core/error.hpp"
#include "datus/core/log.hpp"
#include "datus/io/atomic_file.hpp"
#include "datus/io/hdf5.hpp"
#include "datus/pipeline/cluster_files.hpp"
#include "datus/pipeline/descriptor_rows.hpp"
#include "datus/pipeline/shard_files.hpp"

#include <algorithm>
#include <optional>
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
    case ClusterConfig::Init::random:
      options.init = KMeansOptions::Init::random;
      break;
    case ClusterConfig::Init::file:
      options.init = KMeansOptions::Init::given;
      break;
  }
  options.max_iterations = config.cluster.max_iterations;
  options.tolerance = config.cluster.tolerance;
  options.restarts = config.cluster.restarts;
  options.seed = config.run.seed;
  options.threads = threads;
  return options;
}

ClusterAttributes attributes_of(const KMeansResult& result, std::uint64_t seed) {
  return {.seed = seed,
          .iterations = static_cast<int>(result.inertia.size()),
          .converged = result.converged,
          .inertia = result.final_inertia,
          .restart = result.restart};
}

ClusterSummary summary_of(const KMeansResult& result, std::int64_t rows) {
  return {result.clusters,     rows, static_cast<int>(result.inertia.size()), result.converged, result.final_inertia,
          /*up_to_date=*/false};
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

/// COLLECTIVE. Values of K whose files do not exist with this provenance.
std::vector<int> stale_values(RunContext& run) {
  std::vector<std::int64_t> stale;
  for (const int k : run.config.cluster.k) {
    std::string why;
    const auto wanted = run.provenance.of(Stage::cluster, k);
    const bool current =
        is_current(run.directory.assignment(k), wanted, &why) && is_current(run.directory.centroids(k), wanted, &why);
    if (!current && !why.empty()) log::info("clustering again for K = " + std::to_string(k) + ": " + why);
    stale.push_back(current ? 0 : 1);
  }
  // Folders of a parallel file system may look different for a moment: one stale view is enough.
  run.comm.allreduce(stale, ReduceOp::max);
  std::vector<int> values;
  for (std::size_t i = 0; i < stale.size(); ++i) {
    if (stale[i] != 0) values.push_back(run.config.cluster.k[i]);
  }
  return values;
}

/// COLLECTIVE. Writes what rank 0 has gathered.
void write_run_result(RunContext& run, const KMeansResult& result, int dim, AssignmentFile assignment) {
  assignment.clusters = gather_labels(result.assignment, run.comm);
  on_root(run.comm, [&] {
    const int k = result.clusters;
    write_cluster_files(run.directory.centroids(k), run.directory.assignment(k), result.centroids, k, dim,
                        result.inertia, attributes_of(result, run.config.run.seed), assignment,
                        run.provenance.of(Stage::cluster, k));
  });
}

/// COLLECTIVE. Nearest centroid of a fitted run for every row.
KMeansResult assign_to_fitted(RunContext& run, const RunRows& data, int k) {
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
  auto assignment = assign_rows(*data.rows, centroids.values, k, run.threads, best_simd_path(), run.comm);
  KMeansResult result;
  result.clusters = k;
  result.centroids = std::move(centroids.values);
  result.assignment = std::move(assignment.labels);
  result.final_inertia = assignment.inertia;
  result.converged = true;
  return result;
}

}  // namespace

std::vector<ClusterSummary> cluster_run(RunContext& run) {
  const auto stale = stale_values(run);
  std::vector<ClusterSummary> summaries;
  if (!stale.empty()) {
    const RunRows data = read_run_rows(run);
    const int dim = data.rows->dim();
    if (run.fitted) {
      if (data.total == 0) require_enough_rows(0, stale, "segments", no_segments_hint);
      for (const int k : stale) {
        const auto result = assign_to_fitted(run, data, k);
        write_run_result(run, result, dim, {{}, data.shard_offset});
        summaries.push_back(summary_of(result, data.total));
      }
    } else {
      require_enough_rows(data.total, stale, "segments", no_segments_hint);
      const auto given = given_centroids(run.config, stale, dim, run.comm);
      for (const auto& result : kmeans(*data.rows, kmeans_options(run.config, stale, run.threads), given, run.comm)) {
        write_run_result(run, result, dim, {{}, data.shard_offset});
        summaries.push_back(summary_of(result, data.total));
      }
    }
  }
  for (const int k : run.config.cluster.k) {
    if (std::find(stale.begin(), stale.end(), k) == stale.end()) {
      ClusterSummary summary;
      summary.k = k;
      summary.up_to_date = true;
      summaries.push_back(summary);
    }
  }
  std::sort(summaries.begin(), summaries.end(), [](const auto& a, const auto& b) { return a.k < b.k; });
  return summaries;
}

std::vector<ClusterSummary> cluster_to_file(const Config& config, const std::string& descriptors,
                                            const std::filesystem::path& out, int threads, Communicator& comm) {
  std::int64_t total = 0;
  const auto rows = read_matrix_rows(descriptors, &total, comm);
  require_enough_rows(total, config.cluster.k, "rows of " + descriptors, "Make some descriptors first.");
  const auto given = given_centroids(config, config.cluster.k, rows->dim(), comm);
  const auto results = kmeans(*rows, kmeans_options(config, config.cluster.k, threads), given, comm);

  std::optional<AtomicFile> file;
  std::optional<Hdf5Writer> writer;
  on_root(comm, [&] {
    file.emplace(out);
    writer.emplace(file->path());
  });
  std::vector<ClusterSummary> summaries;
  for (const auto& result : results) {
    const auto labels = gather_labels(result.assignment, comm);
    on_root(comm, [&] {
      const std::string group = "/" + RunDirectory::cluster_name(result.clusters);
      write_centroids(*writer, group, result.centroids, result.clusters, rows->dim(), result.inertia,
                      attributes_of(result, config.run.seed));
      writer->write<std::int32_t>(group + "/assignment", labels, {total}, ChunkHint::about_one_mib);
    });
    summaries.push_back(summary_of(result, total));
  }
  on_root(comm, [&] {
    writer->close();
    file->commit([](const std::filesystem::path& written) { require_verified(written); });
  });
  return summaries;
}

ClusterSummary assign_to_file(const std::string& descriptors, const std::string& centroids_text,
                              const std::filesystem::path& out, int threads, Communicator& comm) {
  Centroids centroids;
  collectively(comm, [&] { centroids = read_centroids(centroids_text); });
  std::int64_t total = 0;
  const auto rows = read_matrix_rows(descriptors, &total, comm);
  if (rows->dim() != centroids.dim) {
    throw AgreedError(ExitCode::bad_input,
                      "The centroids of " + centroids_text + " have " + std::to_string(centroids.dim) +
                          " values, the rows of " + descriptors + " " + std::to_string(rows->dim()),
                      "they come from another model", "Give centroids of the same width.");
  }
  const auto assignment = assign_rows(*rows, centroids.values, centroids.k, threads, best_simd_path(), comm);
  const auto labels = gather_labels(assignment.labels, comm);
  on_root(comm, [&] {
    AtomicFile file(out);
    Hdf5Writer writer(file.path());
    writer.write<std::int32_t>("assignment", labels, {total}, ChunkHint::about_one_mib);
    writer.write<float>("centroids", centroids.values, {centroids.k, centroids.dim});
    writer.attribute("/", "inertia", assignment.inertia);
    writer.close();
    file.commit([](const std::filesystem::path& written) { require_verified(written); });
  });
  ClusterSummary summary;
  summary.k = centroids.k;
  summary.rows = total;
  summary.inertia = assignment.inertia;
  return summary;
}

}  // namespace datus
