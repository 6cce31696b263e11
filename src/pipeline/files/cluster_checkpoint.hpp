// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/algo/kmeans_state.hpp"
#include "datus/comm/communicator.hpp"
#include "datus/io/atomic_file.hpp"

#include <filesystem>
#include <optional>

namespace datus {

/// The file in which k-means keeps what it needs to go on after an interruption: one for all (K, restart) pairs, small
/// (nothing of the rows' size), the same for any number of ranks, replaced atomically.
class ClusterCheckpoint {
 public:
  /// Removes unfinished files that an earlier, killed job left beside `path`. COLLECTIVE.
  ClusterCheckpoint(std::filesystem::path path, WriteOptions options, Communicator& comm);

  /// COLLECTIVE. The state; nothing when there is no file, or when it is damaged, which is logged.
  [[nodiscard]] std::optional<KMeansState> read() const;
  /// COLLECTIVE. Rank 0 replaces the file by the state, if it is `due` by its opinion alone; `dim` is the length of the
  /// rows.
  void save(const KMeansState& state, int dim, bool due = true) const;
  /// COLLECTIVE. Removes the file, where there is one: its results are written. Asks `before_rename` first.
  void remove() const;

 private:
  std::filesystem::path path_;
  WriteOptions options_;
  Communicator& comm_;
};

}  // namespace datus
