// SPDX-License-Identifier: Apache-2.0
#include "datus/algo/extreme_rows.hpp"

#include "algo/kmeans/blocks.hpp"
#include "algo/kmeans/checks.hpp"
#include "algo/kmeans/float_mode.hpp"
#include "algo/kmeans/kernels.hpp"
#include "datus/core/error.hpp"
#include "datus/core/hash.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <mutex>
#include <string>

namespace datus {
namespace {

using clustering::Kernels;
using clustering::strip_rows;

constexpr std::int64_t no_row = std::numeric_limits<std::int64_t>::max();
constexpr double no_rank = std::numeric_limits<double>::infinity();

/// A row and what it is chosen by: the lowest ranks are kept, the lower row on ties.
struct Candidate {
  double rank = no_rank;
  std::int64_t row = no_row;
  friend bool operator<(const Candidate& a, const Candidate& b) {
    return a.rank != b.rank ? a.rank < b.rank : a.row < b.row;
  }
};

/// The best candidates of each of several clusters, in order.
class BestRows {
 public:
  BestRows(int clusters, int count)
      : count_(static_cast<std::size_t>(count)), best_(static_cast<std::size_t>(clusters) * count_) {}

  void offer(std::int32_t cluster, const Candidate& candidate) {
    const auto mine = std::span(best_).subspan(static_cast<std::size_t>(cluster) * count_, count_);
    if (mine.empty() || !(candidate < mine.back())) return;
    const auto place = std::ranges::upper_bound(mine, candidate, std::less<>());
    std::shift_right(place, mine.end(), 1);
    *place = candidate;
  }

  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] std::size_t clusters() const { return count_ == 0 ? 0 : best_.size() / count_; }
  [[nodiscard]] Candidate at(std::size_t cluster, std::size_t place) const {
    return place < count_ ? best_[cluster * count_ + place] : Candidate();
  }

 private:
  std::size_t count_;
  std::vector<Candidate> best_;
};

/// COLLECTIVE. The best of all ranks, place by place: what the ranks have to tell each other does not grow with their
/// number.
ChosenRows best_of_ranks(const BestRows& mine, Communicator& comm) {
  const std::size_t clusters = mine.clusters();
  ChosenRows chosen{.count = static_cast<int>(mine.count()), .row = {}, .distance = {}};
  chosen.row.resize(clusters * mine.count(), -1);
  chosen.distance.resize(clusters * mine.count(), std::numeric_limits<double>::quiet_NaN());
  std::vector<std::size_t> next(clusters);  // of this rank's, the first that is not chosen yet
  std::vector<double> ranks(clusters);
  std::vector<std::int64_t> rows(clusters);
  for (std::size_t place = 0; place < mine.count(); ++place) {
    for (std::size_t c = 0; c < clusters; ++c) ranks[c] = mine.at(c, next[c]).rank;
    comm.allreduce(ranks, ReduceOp::min);
    for (std::size_t c = 0; c < clusters; ++c) {
      const Candidate own = mine.at(c, next[c]);
      rows[c] = own.rank == ranks[c] ? own.row : no_row;
    }
    comm.allreduce(rows, ReduceOp::min);
    for (std::size_t c = 0; c < clusters; ++c) {
      if (rows[c] == no_row) continue;
      chosen.row[c * mine.count() + place] = rows[c];
      chosen.distance[c * mine.count() + place] = std::abs(ranks[c]);
      if (mine.at(c, next[c]).row == rows[c]) ++next[c];
    }
  }
  return chosen;
}

/// What a rank has found for one clustering so far.
struct Found {
  BestRows nearest;
  BestRows farthest;
};

/// What a thread works with.
struct Worker {
  std::vector<double> rows;            ///< [strip rows, D]
  std::vector<std::int32_t> clusters;  ///< [clusterings, strip rows]
  std::vector<double> squares;         ///< likewise
};

class Pass {
 public:
  Pass(const KMeansRows& rows, std::span<const RowClusters> clusterings, ExtremeCounts counts, int threads,
       SimdPath path)
      : rows_(rows),
        clusterings_(clusterings),
        threads_(threads),
        kernels_(clustering::kernels_of(path)),
        workers_(static_cast<std::size_t>(threads)) {
    for (const RowClusters& one : clusterings) {
      found_.push_back({BestRows(one.clusters, counts.nearest), BestRows(one.clusters, counts.farthest)});
    }
  }

  [[nodiscard]] const std::vector<Found>& run() {
    clustering::for_each_block(rows_, threads_, [&](std::size_t worker, const RowBlock& block) {
      for (std::int64_t begin = 0; begin < block.count; begin += strip_rows) {
        const std::int64_t count = std::min(strip_rows, block.count - begin);
        add_strip(workers_[worker], clustering::part_of(block, begin, count, rows_.dim()));
      }
    });
    return found_;
  }

 private:
  void add_strip(Worker& worker, const RowBlock& strip) {
    const std::int64_t values = strip.count * rows_.dim();
    if (strip.precise != nullptr) {
      worker.rows.assign(strip.precise, strip.precise + values);
    } else {
      worker.rows.assign(strip.values, strip.values + values);
    }
    worker.clusters.resize(clusterings_.size() * static_cast<std::size_t>(strip_rows));
    worker.squares.resize(worker.clusters.size());
    for (std::size_t i = 0; i < clusterings_.size(); ++i) {
      const RowClusters& one = clusterings_[i];
      std::int32_t* const clusters = worker.clusters.data() + static_cast<std::int64_t>(i) * strip_rows;
      for (std::int64_t row = 0; row < strip.count; ++row) {
        const std::int32_t label = one.labels[static_cast<std::size_t>(strip.first + row)];
        clusters[row] = one.cluster_of_label.empty() ? label : one.cluster_of_label[static_cast<std::size_t>(label)];
      }
      kernels_.own_distances(worker.rows.data(), strip.count, rows_.dim(), one.centroids.data(), clusters,
                             worker.squares.data() + static_cast<std::int64_t>(i) * strip_rows);
    }
    offer(worker, strip);
  }

  void offer(const Worker& worker, const RowBlock& strip) {
    const std::scoped_lock lock(mutex_);
    for (std::size_t i = 0; i < found_.size(); ++i) {
      for (std::int64_t row = 0; row < strip.count; ++row) {
        const std::size_t at = i * static_cast<std::size_t>(strip_rows) + static_cast<std::size_t>(row);
        const double distance = std::sqrt(worker.squares[at]);
        const std::int64_t global = rows_.first() + strip.first + row;
        found_[i].nearest.offer(worker.clusters[at], {distance, global});
        found_[i].farthest.offer(worker.clusters[at], {-distance, global});
      }
    }
  }

  const KMeansRows& rows_;
  std::span<const RowClusters> clusterings_;
  int threads_;
  Kernels kernels_;
  std::vector<Worker> workers_;
  std::mutex mutex_;
  std::vector<Found> found_;
};

/// All that the result depends on but for the rows' own, as a text to compare between ranks.
std::string fingerprint(std::span<const RowClusters> clusterings, ExtremeCounts counts) {
  Hasher hasher;
  hasher.add(counts.nearest).add(counts.farthest);
  for (const RowClusters& one : clusterings) {
    hasher.add(one.clusters).add(std::ssize(one.centroids)).add_bytes(std::as_bytes(one.centroids));
    hasher.add(std::ssize(one.cluster_of_label)).add_bytes(std::as_bytes(one.cluster_of_label));
  }
  return hasher.finish().hex();
}

bool all_below(std::span<const std::int32_t> values, std::int64_t end) {
  return std::ranges::all_of(values, [&](std::int32_t value) { return value >= 0 && value < end; });
}

/// Throws `UsageError` unless the clustering is one of these rows.
void check(const RowClusters& one, const KMeansRows& rows) {
  clustering::check_centroids(one.centroids, one.clusters, rows.dim());
  const std::int64_t labels = one.cluster_of_label.empty() ? one.clusters : std::ssize(one.cluster_of_label);
  if (std::ssize(one.labels) == rows.count() && all_below(one.labels, labels) &&
      all_below(one.cluster_of_label, one.clusters)) {
    return;
  }
  throw UsageError("Labels of " + std::to_string(one.clusters) + " clusters do not fit the rows",
                   std::to_string(one.labels.size()) + " labels of " + std::to_string(rows.count()) +
                       " rows, or one that names no cluster",
                   "Pass the labels of these rows.");
}

}  // namespace

std::vector<ExtremeRows> extreme_rows(const KMeansRows& rows, std::span<const RowClusters> clusterings,
                                      ExtremeCounts counts, int threads, SimdPath path, Communicator& comm) {
  const clustering::IeeeFloatMode ieee;
  require_same_everywhere(comm, fingerprint(clusterings, counts), "The clusters whose rows are looked for");
  collectively(comm, [&] {
    clustering::check_execution(threads, path, rows.dim());
    for (const RowClusters& one : clusterings) check(one, rows);
    if (counts.nearest < 0 || counts.farthest < 0) {
      throw UsageError("A cluster has no negative number of rows", "that was asked for", "Ask for 0 or more.");
    }
  });
  Pass pass(rows, clusterings, counts, threads, path);
  std::vector<ExtremeRows> extremes;
  for (const Found& found : pass.run()) {
    extremes.push_back({best_of_ranks(found.nearest, comm), best_of_ranks(found.farthest, comm)});
  }
  return extremes;
}

std::int64_t extreme_rows_bytes(std::int64_t clusters, ExtremeCounts counts) noexcept {
  constexpr std::int64_t of_row = sizeof(Candidate) + sizeof(std::int64_t) + sizeof(double);
  return clusters * (counts.nearest + counts.farthest) * of_row;
}

}  // namespace datus
