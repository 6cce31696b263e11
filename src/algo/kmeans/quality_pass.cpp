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

double distance(float squared_norm, float score) {
  const double squared = static_cast<double>(squared_norm) + static_cast<double>(score);
  // Written so that NaN stays.
  return std::sqrt(squared < 0.0 ? 0.0 : squared);
}

}  // namespace

QualityPass::QualityPass(const KMeansRows& rows, const KMeansQualityOptions& options,
                         std::span<const Candidate> candidates, std::vector<RestartPair> pairs, bool with_silhouettes,
                         double scale)
    : rows_(rows),
      threads_(options.threads),
      kernels_(kernels_of(options.path)),
      candidates_(candidates),
      tables_(std::move(pairs)),
      scale_(scale),
      workers_(static_cast<std::size_t>(options.threads)),
      sums_(candidates.size()) {
  for (const Candidate& candidate : candidates) {
    needs_labels_.emplace_back(candidate.packed.size(), false);
    needs_silhouette_.push_back(with_silhouettes && candidate.has_silhouette);
  }
  for (const RestartPair& pair : tables_.pairs()) {
    needs_labels_[pair.result][pair.first] = needs_labels_[pair.result][pair.second] = true;
  }
}

void QualityPass::run(Communicator& comm) {
  for_each_block(rows_, threads_, [&](std::size_t worker, const RowBlock& block) {
    for (std::int64_t begin = 0; begin < block.count; begin += chunk_rows) {
      add_rows(worker, block.values + begin * rows_.dim(), std::min(chunk_rows, block.count - begin));
    }
  });
  std::vector<std::int64_t> packed(2 * candidates_.size());
  for (const Worker& worker : workers_) {
    for (std::size_t i = 0; i < worker.sums.size(); ++i) {
      packed[2 * i] += worker.sums[i].units;
      packed[2 * i + 1] += worker.sums[i].invalid;
    }
  }
  comm.allreduce(packed, ReduceOp::sum);
  for (std::size_t i = 0; i < sums_.size(); ++i) sums_[i] = {packed[2 * i], packed[2 * i + 1]};
  comm.allreduce(tables_.cells(), ReduceOp::sum);
}

void QualityPass::add_rows(std::size_t worker_number, const float* values, std::int64_t count) {
  Worker& worker = workers_[worker_number];
  make_room(worker, count);
  for (std::int64_t begin = 0; begin < count; begin += strip_rows) {
    add_strip(worker, values + begin * rows_.dim(), begin, std::min(strip_rows, count - begin));
  }
  tables_.add(worker_number, worker.labels);
}

void QualityPass::make_room(Worker& worker, std::int64_t count) const {
  worker.sums.resize(candidates_.size());
  worker.labels.resize(candidates_.size());
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    worker.labels[i].resize(candidates_[i].packed.size());
    for (std::size_t restart = 0; restart < worker.labels[i].size(); ++restart) {
      if (needs_labels_[i][restart]) worker.labels[i][restart].resize(static_cast<std::size_t>(count));
    }
  }
}

/// All restarts of all candidates for a strip, which stays in the nearest cache. `at`: its place in the labels.
void QualityPass::add_strip(Worker& worker, const float* values, std::int64_t at, std::int64_t count) const {
  std::array<float, strip_rows> norms{};
  std::array<float, strip_rows> lowest{};
  std::array<float, strip_rows> second{};
  std::array<std::int32_t, strip_rows> unused{};
  kernels_.squared_norms(values, count, rows_.dim(), norms.data());
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    for (std::size_t restart = 0; restart < candidates_[i].packed.size(); ++restart) {
      const bool needs_labels = needs_labels_[i][restart];
      const PackedView centroids = candidates_[i].packed[restart].view();
      std::int32_t* const labels = needs_labels ? worker.labels[i][restart].data() + at : unused.data();
      if (needs_silhouette_[i] && restart == candidates_[i].kept) {
        kernels_.nearest_two(values, count, centroids, labels, lowest.data(), second.data());
        add_silhouettes(norms.data(), lowest.data(), second.data(), count, worker.sums[i]);
      } else if (needs_labels) {
        kernels_.nearest(values, count, centroids, labels, lowest.data());
      }
    }
  }
}

void QualityPass::add_silhouettes(const float* norms, const float* lowest, const float* second, std::int64_t count,
                                  SilhouetteSum& sum) const {
  for (std::int64_t i = 0; i < count; ++i) {
    const double a = distance(norms[i], lowest[i]);
    const double b = distance(norms[i], second[i]);
    if (!std::isfinite(a) || !std::isfinite(b)) {
      ++sum.invalid;
    } else if (b > 0.0) {
      sum.units += std::llrint((b - a) / b * scale_);  // a <= b
    }
  }
}

}  // namespace datus::clustering
