// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "chaos/job.hpp"
#include "chaos/kill.hpp"
#include "support/run_files.hpp"
#include "support/temp_folder.hpp"

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

namespace datus::chaos {

struct Options {
  int kills = 0;
  unsigned seed = 1;
  int ranks_max = 4;
  std::filesystem::path keep = {};  ///< gets the run directory that shows a difference; empty: nothing is kept
};

/// Jobs that are killed and go on, one run directory after the other, until there were enough kills and the last run is
/// finished.
class Campaign {
 public:
  explicit Campaign(Options options);

  /// Prints each job and a summary. False when anything was lost, damaged, left over or done again without need.
  bool run();

 private:
  /// A run directory and what happened to it.
  struct Directory {
    test::TempFolder folder;
    int kills = 0;
    std::map<std::string, int> bound;  ///< by stage: shards that were in flight when a job was killed, at most
    std::map<std::string, std::pair<ino_t, std::filesystem::file_time_type>> finished;  ///< shards, by file
    [[nodiscard]] std::filesystem::path run() const { return folder / JobRunner::run_name; }
  };

  bool make_reference();
  bool do_job(Directory& directory, bool& is_finished);
  [[nodiscard]] std::optional<Kill> choose_kill(const Directory& directory, int ranks);
  [[nodiscard]] int choose_ranks();
  [[nodiscard]] double expected_seconds(const Directory& directory, int ranks) const;
  bool check_after_kill(Directory& directory, int ranks);
  bool check_finished(Directory& directory);
  void count_in_flight(Directory& directory, int ranks) const;
  void check_counts(const Directory& directory, std::vector<std::string>& problems);
  /// Finished shards must stay the files that they are.
  static void check_kept(Directory& directory, std::vector<std::string>& problems);
  bool complain(const Directory& directory, const std::vector<std::string>& problems);
  void print_summary() const;

  Options options_;
  test::TempFolder scratch_;
  JobRunner runner_;
  Sample sample_;
  int shards_ = 0;
  std::unique_ptr<KillChooser> chooser_;
  test::Contents reference_;
  std::optional<std::string> reference_state_;
  std::map<int, double> seconds_;  ///< of undisturbed jobs from the start, by ranks
  int last_ranks_ = 0;

  int jobs_ = 0;
  int kills_ = 0;
  int finished_ = 0;
  std::map<KillKind, int> kills_by_kind_;
  std::map<std::string, int> recomputed_;  ///< by stage
  std::map<std::string, int> bound_;       ///< by stage
};

}  // namespace datus::chaos
