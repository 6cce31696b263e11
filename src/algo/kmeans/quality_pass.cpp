// SPDX-License-Identifier: Apache-2.0
#include "algo/kmeans/quality_pass.hpp"

#include "algo/kmeans/blocks.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace datus::clustering {
namespace {

/// Labels are kept for this many rows before they go into the tables: a lock for each strip would cost too much.
constexpr std::int64_t chunk_rows = 16 * strip_rows;

}  // namespace

QualityPass::QualityPass(const KMeansRows& rows, const KMeansQualityOptions& options,
                         std::span<const Candidate> candidates, std::vector<RestartPair> pairs, bool with_silhouettes,
                         double scale)
    : rows_(rows),
      threads_(options.threads),
      kernels_(kernels_of(options.path)),
      zero_(static_cast<std::size_t>(rows.dim())),
      candidates_(candidates),
      tables_(std::move(pairs)),
      scale_(scale),
      workers_(static_cast<std::size_t>(options.threads)),
      sums_(candidates.size()) {
  for (const Candidate& candidate : candidates) {
    needs_labels_.emplace_back(candidate.targets.size(), false);
    needs_silhouette_.push_back(with_silhouettes && candidate.has_silhouette);
  }
  for (const RestartPair& pair : tables_.pairs()) {
    needs_labels_[pair.result][pair.first] = needs_labels_[pair.result][pair.second] = true;
  }
}

void QualityPass::run(Communicator& comm) {
  for_each_block(rows_, threads_, [&](std::size_t worker, const RowBlock& block) {
    for (std::int64_t begin = 0; begin < block.count; begin += chunk_rows) {
      add_rows(worker, part_of(block, begin, std::min(chunk_rows, block.count - begin), rows_.dim()));
    }
  });
  std::vector<std::int64_t> packed(candidates_.size());
  for (const Worker& worker : workers_) {
    for (std::size_t i = 0; i < worker.sums.size(); ++i) packed[i] += worker.sums[i].units;
  }
  comm.allreduce(packed, ReduceOp::sum);
  for (std::size_t i = 0; i < sums_.size(); ++i) sums_[i] = {packed[i]};
  comm.allreduce(tables_.cells(), ReduceOp::sum);
}

void QualityPass::add_rows(std::size_t worker_number, const RowBlock& rows) {
  Worker& worker = workers_[worker_number];
  make_room(worker, rows.count);
  for (std::int64_t begin = 0; begin < rows.count; begin += strip_rows) {
    add_strip(worker, part_of(rows, begin, std::min(strip_rows, rows.count - begin), rows_.dim()), begin);
  }
  tables_.add(worker_number, worker.labels);
}

void QualityPass::make_room(Worker& worker, std::int64_t count) const {
  worker.sums.resize(candidates_.size());
  worker.labels.resize(candidates_.size());
  for (std::size_t i = worker.searches.size(); i < candidates_.size(); ++i) {
    auto& searches = worker.searches.emplace_back();
    for (const SearchCentroids& centroids : candidates_[i].targets) searches.emplace_back(centroids, kernels_);
  }
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    worker.labels[i].resize(candidates_[i].targets.size());
    for (std::size_t restart = 0; restart < worker.labels[i].size(); ++restart) {
      if (needs_labels_[i][restart]) worker.labels[i][restart].resize(static_cast<std::size_t>(count));
    }
  }
}

/// All restarts of all candidates for a strip, which stays in the nearest cache. `at`: its place in the labels.
void QualityPass::add_strip(Worker& worker, const RowBlock& strip, std::int64_t at) const {
  std::array<double, strip_rows> norms{};
  squared_distances(kernels_, strip, rows_.dim(), zero_.data(), 1, norms.data());
  NearestRows& found = worker.found;
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    for (std::size_t restart = 0; restart < candidates_[i].targets.size(); ++restart) {
      const bool needs_silhouette = needs_silhouette_[i] && restart == candidates_[i].kept;
      if (!needs_silhouette && !needs_labels_[i][restart]) continue;
      if (needs_silhouette && candidates_[i].precise) {
        worker.searches[i][restart].find_precisely(strip, found);
      } else {
        worker.searches[i][restart].find(strip, norms.data(), found);
        if (needs_silhouette) worker.searches[i][restart].refine(strip, found);
      }
      if (needs_silhouette) add_silhouettes(found, strip.count, worker.sums[i]);
      if (needs_labels_[i][restart]) {
        std::copy_n(found.labels, strip.count, worker.labels[i][restart].begin() + at);
      }
    }
  }
}

void QualityPass::add_silhouettes(const NearestRows& found, std::int64_t count, SilhouetteSum& sum) const {
  for (std::int64_t i = 0; i < count; ++i) {
    const double a = std::sqrt(std::max(0.0, found.lowest[i]));
    const double b = std::sqrt(std::max(0.0, found.second[i]));
    // a <= b but for the rounding of squares near 0.
    if (b > a) sum.units += std::llrint((b - a) / b * scale_);
  }
}

}  // namespace datus::clustering
