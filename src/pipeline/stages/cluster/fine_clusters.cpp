// SPDX-License-Identifier: Apache-2.0
#include "pipeline/stages/cluster/fine_clusters.hpp"

#include "datus/core/error.hpp"
#include "datus/core/log.hpp"

#include <algorithm>
#include <cstddef>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>

namespace datus {
namespace {

std::vector<std::int64_t> rows_of_each(const std::vector<std::int32_t>& labels, int clusters, Communicator& comm) {
  std::vector<std::int64_t> rows(static_cast<std::size_t>(clusters));
  for (const std::int32_t label : labels) ++rows[static_cast<std::size_t>(label)];
  comm.allreduce(rows, ReduceOp::sum);
  return rows;
}

}  // namespace

int fine_clusters_for(std::int64_t rows, int wanted, int k) {
  constexpr std::int64_t rows_for_each = 5;
  return static_cast<int>(std::min<std::int64_t>(wanted, std::max<std::int64_t>(k, rows / rows_for_each)));
}

std::vector<int> fitted_clusters(const ClusterConfig& config, const std::vector<int>& clusters, std::int64_t rows) {
  std::set<int> counts;
  for (const int k : clusters) counts.insert(config.fine ? fine_clusters_for(rows, *config.fine, k) : k);
  return {counts.begin(), counts.end()};
}

std::vector<FineFit> fit_fine(const DescriptorRows& data, const ClusterConfig& config, const std::vector<int>& clusters,
                              KMeansOptions options, std::vector<FineFit> current, const ClusterGpu& gpu,
                              const ClusterCheckpoint& checkpoint, const StopSignals& signals, Communicator& comm) {
  std::vector<int> counts = fitted_clusters(config, clusters, data.total());
  if (comm.rank() == 0 && counts.front() < *config.fine) {
    log::info(std::to_string(counts.front()) + " fine clusters in place of " + std::to_string(*config.fine) +
              " (cluster.fine): there are " + std::to_string(data.total()) + " rows, and five are wanted for each");
  }
  for (const FineFit& fit : current) std::erase(counts, fit.clusters.tree.leaves);
  if (counts.empty()) return current;
  options.clusters = std::move(counts);
  for (KMeansResult& result : fit_rows(data, config, options, gpu, checkpoint, signals, comm)) {
    FineFit fit{.clusters = {.centroids = std::move(result.centroids), .dim = data.rows->dim(), .rows = {}, .tree = {}},
                .labels = std::move(result.assignment),
                .total_rows = data.total(),
                .inertia = result.final_inertia,
                .history = std::move(result.inertia),
                .converged = result.converged,
                .restart = result.restart};
    fit.clusters.inertia = fit.inertia;
    fit.clusters.rows = rows_of_each(fit.labels, result.clusters, comm);
    collectively(comm, [&] {
      fit.clusters.tree =
          agreed_tree(fit.clusters.centroids, fit.clusters.dim, fit.clusters.rows, result.restarts, options.threads);
    });
    current.push_back(std::move(fit));
  }
  return current;
}

const FineFit& fit_for(const std::vector<FineFit>& fits, const ClusterConfig& config, int k) {
  const auto found = std::ranges::find_if(fits, [&](const FineFit& fit) {
    return fit.clusters.tree.leaves == fine_clusters_for(fit.total_rows, *config.fine, k);
  });
  if (found == fits.end()) throw std::logic_error("No fine clusters were fitted for K = " + std::to_string(k));
  return *found;
}

FineFit assign_fine(FineClusters clusters, const DescriptorRows& data, int threads, const ClusterGpu& gpu,
                    Communicator& comm) {
  if (clusters.dim != data.rows->dim()) {
    throw AgreedError(ExitCode::bad_input,
                      "The fine clusters have " + std::to_string(clusters.dim) + " values, the descriptors " +
                          std::to_string(data.rows->dim()),
                      "they come from another model", "Use the same weights.");
  }
  const Centroids centroids{.values = clusters.centroids, .k = clusters.tree.leaves, .dim = clusters.dim};
  Assignment assignment = assign_to(data, centroids, threads, gpu, comm);
  return {.clusters = std::move(clusters),
          .labels = std::move(assignment.labels),
          .total_rows = data.total(),
          .inertia = assignment.inertia,
          .history = {}};
}

Clustering cut(const FineFit& fit, int k) {
  const FineClusters& fine = fit.clusters;
  const std::vector<std::int32_t> cluster = cut_tree(fine.tree, k, fine.rows);
  const auto dim = static_cast<std::size_t>(fine.dim);
  std::vector<double> weight(static_cast<std::size_t>(k));
  std::vector<double> centroids(weight.size() * dim);
  const auto weight_of = [&](std::size_t leaf) {
    return static_cast<double>(std::max<std::int64_t>(1, fine.rows[leaf]));
  };
  for (std::size_t leaf = 0; leaf < cluster.size(); ++leaf) {
    const auto to = static_cast<std::size_t>(cluster[leaf]);
    weight[to] += weight_of(leaf);
    for (std::size_t d = 0; d < dim; ++d) centroids[to * dim + d] += weight_of(leaf) * fine.centroids[leaf * dim + d];
  }
  for (std::size_t i = 0; i < centroids.size(); ++i) centroids[i] /= weight[i / dim];

  Clustering clustering;
  clustering.rows = fit.total_rows;
  KMeansResult& result = clustering.result;
  result.clusters = k;
  result.final_inertia = fit.inertia;
  for (std::size_t leaf = 0; leaf < cluster.size(); ++leaf) {
    double square = 0;
    for (std::size_t d = 0; d < dim; ++d) {
      const double difference =
          fine.centroids[leaf * dim + d] - centroids[static_cast<std::size_t>(cluster[leaf]) * dim + d];
      square += difference * difference;
    }
    result.final_inertia += static_cast<double>(fine.rows[leaf]) * square;
  }
  result.centroids = std::move(centroids);
  result.inertia = fit.history;
  result.converged = fit.converged;
  result.restart = fit.restart;
  clustering.separations = separations(fine.tree);
  if (k > 1) clustering.separation = clustering.separations[static_cast<std::size_t>(k - 2)];
  return clustering;
}

std::vector<std::int32_t> labels_of_cut(const FineFit& fit, int k) {
  const std::vector<std::int32_t> cluster = cut_tree(fit.clusters.tree, k, fit.clusters.rows);
  std::vector<std::int32_t> labels(fit.labels.size());
  std::ranges::transform(fit.labels, labels.begin(),
                         [&](std::int32_t leaf) { return cluster[static_cast<std::size_t>(leaf)]; });
  return labels;
}

}  // namespace datus
