// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "algo/kmeans/agreement.hpp"
#include "algo/kmeans/kernels.hpp"
#include "algo/kmeans/nearest_search.hpp"
#include "algo/kmeans/search_centroids.hpp"
#include "datus/algo/kmeans_quality.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace datus::clustering {

/// One K as the passes use it.
struct Candidate {
  /// [K, D] of each restart, relative to the rows' origin; of the kept one without the clusters that have no rows.
  std::vector<std::vector<double>> centroids;
  std::vector<SearchCentroids> targets;
  std::size_t kept = 0;
  /// At least two clusters of the kept restart have rows.
  bool has_silhouette = false;
  /// Distances are to be made in f64.
  bool precise = false;
};

/// The sum of silhouettes in fixed point, of a thread, a rank, or all ranks.
struct SilhouetteSum {
  std::int64_t units = 0;
};

/// One pass over the local rows for all candidates: contingency tables of some pairs of restarts and, if asked for, the
/// silhouettes in units of 1 / scale.
class QualityPass {
 public:
  QualityPass(const KMeansRows& rows, const KMeansQualityOptions& options, std::span<const Candidate> candidates,
              std::vector<RestartPair> pairs, bool with_silhouettes, double scale);

  /// COLLECTIVE. Afterwards `sums` [candidates] and `tables` are those of all ranks.
  void run(Communicator& comm);
  [[nodiscard]] const std::vector<SilhouetteSum>& sums() const { return sums_; }
  [[nodiscard]] const AgreementTables& tables() const { return tables_; }

 private:
  /// What a thread works with.
  struct Worker {
    /// [candidates][restarts][rows at hand]; empty where nobody asks.
    std::vector<std::vector<std::vector<std::int32_t>>> labels;
    /// [candidates].
    std::vector<SilhouetteSum> sums;
    /// [candidates][restarts].
    std::vector<std::vector<NearestSearch>> searches;
    NearestRows found;
  };

  void add_rows(std::size_t worker, const RowBlock& rows);
  void make_room(Worker& worker, std::int64_t count) const;
  void add_strip(Worker& worker, const RowBlock& strip, std::int64_t at) const;
  void add_silhouettes(const NearestRows& found, std::int64_t count, SilhouetteSum& sum) const;

  const KMeansRows& rows_;
  int threads_;
  Kernels kernels_;
  /// [D].
  std::vector<double> zero_;
  std::span<const Candidate> candidates_;
  AgreementTables tables_;
  double scale_;
  /// [candidates][restarts] and [candidates].
  std::vector<std::vector<bool>> needs_labels_;
  std::vector<bool> needs_silhouette_;
  std::vector<Worker> workers_;
  std::vector<SilhouetteSum> sums_;
};

}  // namespace datus::clustering
