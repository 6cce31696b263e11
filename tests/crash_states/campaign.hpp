// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "crash_states/disk.hpp"
#include "crash_states/history.hpp"
#include "support/program.hpp"
#include "support/run_files.hpp"
#include "support/small_sample.hpp"
#include "support/temp_folder.hpp"

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

namespace datus::crash {

struct Options {
  int states = 0;
  unsigned seed = 1;
  int ranks = 1;                    ///< of the job that is recorded, and at most of those that go on
  std::filesystem::path keep = {};  ///< gets the states that are wrong; empty: nothing is kept
};

/// A power cut: after how many calls, what it takes, and the seed of what is left to chance.
struct Cut {
  std::size_t steps = 0;
  Loss loss = Loss::all;
  unsigned seed = 0;
};

/// Records a job, makes what power cuts in it may leave, and lets the same command go on from each.
class Campaign {
 public:
  explicit Campaign(Options options);
  /// Prints a summary and what is wrong. False when anything was lost, damaged or left over.
  bool run();

 private:
  bool record_job();
  [[nodiscard]] std::vector<std::string> lost_at_the_end() const;
  [[nodiscard]] std::vector<Cut> choose_cuts() const;
  void try_cuts(const std::vector<Cut>& cuts);
  void try_cut(const Cut& cut, int number);
  bool go_on_from(const Tree& state, const std::filesystem::path& folder, int ranks,
                  const std::filesystem::path& record, const std::string& what);
  void complain(const std::vector<std::string>& problems, const Tree& state, const std::string& what);

  Options options_;
  test::SmallSample sample_{3};
  std::unique_ptr<History> history_;
  test::Contents reference_;
  std::atomic<int> next_ = 0;
  std::mutex mutex_;  ///< of what follows
  int tried_ = 0;
  int wrong_ = 0;
  int cut_again_ = 0;
};

}  // namespace datus::crash
