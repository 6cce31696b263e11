// SPDX-License-Identifier: Apache-2.0
#include "datus/core/error.hpp"
#include "datus/core/stop_signals.hpp"
#include "datus/io/atomic_file.hpp"
#include "datus/io/atomic_hdf5.hpp"
#include "datus/io/hdf5_types.hpp"
#include "datus/io/input_guard.hpp"
#include "datus/pipeline/cluster.hpp"
#include "datus/pipeline/cluster_selection.hpp"
#include "datus/pipeline/run_directory.hpp"
#include "pipeline/files/cluster_checkpoint.hpp"
#include "pipeline/files/cluster_files.hpp"
#include "pipeline/inputs/options_of_config.hpp"
#include "pipeline/stages/cluster/cluster_gpu.hpp"
#include "pipeline/stages/cluster/clustering.hpp"
#include "pipeline/stages/cluster/descriptor_rows.hpp"
#include "pipeline/stages/cluster/examples.hpp"
#include "pipeline/stages/cluster/fine_clusters.hpp"

#include <cstddef>
#include <optional>

namespace datus {
namespace {

/// COLLECTIVE.
void guard_inputs(const std::vector<std::string>& descriptors, const std::optional<std::string>& centroids,
                  const std::filesystem::path& out, Communicator& comm) {
  on_root(comm, [&] {
    InputGuard guard;
    for (const std::string& text : descriptors) guard.add(parse_dataset_path(text, "").file);
    if (centroids) guard.add(parse_dataset_path(*centroids, "").file);
    guard.check(out);
  });
}

}  // namespace

std::vector<ClusterSummary> cluster_to_file(const Config& config, const std::vector<std::string>& descriptors,
                                            const std::filesystem::path& out, int threads, Communicator& comm) {
  const StopSignals signals;
  guard_inputs(descriptors, config.cluster.centroids, out, comm);
  const auto& fine = config.cluster.fine;
  const auto options = kmeans_options(config, fine ? std::vector{*fine} : config.cluster.k, threads);
  const ClusterGpu gpu(config, comm);
  const DescriptorRows data = open_matrix_rows(descriptors, options, examples_bytes(config.cluster),
                                               config.cluster.memory, may_go_on(signals, config.run), comm);
  require_enough_rows(data.total(), config.cluster.k, "rows of " + data.sources->description(),
                      "Make some descriptors first.");
  // Beside the result, and named after it: the same command finds it again.
  const ClusterCheckpoint checkpoint(out.string() + ".checkpoint", {}, comm);
  std::vector<FineFit> fits;
  std::vector<const FineFit*> fit_of_k;
  std::vector<Clustering> made;
  std::vector<ExamplesOfK> examples;
  if (fine) {
    fits = fit_fine(data, config.cluster, config.cluster.k, options, {}, gpu, checkpoint, signals, comm);
    for (const int k : config.cluster.k) {
      fit_of_k.push_back(&fit_for(fits, config.cluster, k));
      made.push_back(cut(*fit_of_k.back(), k));
    }
    examples = find_examples(data, made, fit_of_k, threads, comm);
  } else {
    auto results = fit_rows(data, config.cluster, options, gpu, checkpoint, signals, comm);
    made = with_quality(std::move(results), data, options.threads, comm);
    examples = find_examples(data, made, threads, comm);
  }

  std::optional<AtomicHdf5> file;
  on_root(comm, [&] {
    remove_unfinished(out);
    file.emplace(out);
  });
  std::vector<ClusterSummary> summaries;
  for (std::size_t i = 0; i < made.size(); ++i) {
    const KMeansResult& result = made[i].result;
    const std::string group = "/" + RunDirectory::cluster_name(result.clusters);
    const FineClusters* const cut_from = fine ? &fit_of_k[i]->clusters : nullptr;
    on_root(comm, [&] {
      write_clusters_of_k(file->writer(), group,
                          made[i].contents(config.run.seed, data.rows->dim(), cut_from, examples[i]));
    });
    write_labels(file ? &file->writer() : nullptr, group + "/assignment",
                 fine ? labels_of_cut(*fit_of_k[i], result.clusters) : result.assignment, comm);
    summaries.push_back(made[i].summary());
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
  const StopSignals signals;
  guard_inputs(descriptors, centroids_text, out, comm);
  Centroids centroids;
  collectively(comm, [&] { centroids = read_centroids(centroids_text); });
  const DescriptorRows data = open_matrix_rows(descriptors, assign_options(centroids.k, threads), 0,
                                               config.cluster.memory, may_go_on(signals, config.run), comm);
  const int dim = data.rows->dim();
  if (data.total() == 0) require_enough_rows(0, {1}, "rows of " + data.sources->description(), "Give other files.");
  if (dim != centroids.dim) {
    throw AgreedError(ExitCode::bad_input,
                      "The centroids of " + centroids_text + " have " + std::to_string(centroids.dim) +
                          " values, the rows of " + data.sources->description() + " " + std::to_string(dim),
                      "they come from another model", "Give centroids of the same width.");
  }
  const ClusterGpu gpu(config, comm);
  const Assignment assignment = assign_to(data, centroids, threads, gpu, comm);
  std::optional<AtomicHdf5> file;
  on_root(comm, [&] { file.emplace(out); });
  write_labels(file ? &file->writer() : nullptr, "assignment", assignment.labels, comm);
  on_root(comm, [&] {
    write_centroid_matrix(file->writer(), "centroids", centroids.values, centroids.k, dim);
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
