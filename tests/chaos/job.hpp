// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "chaos/kill.hpp"
#include "support/program.hpp"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

namespace datus::chaos {

/// How a job ended.
struct JobEnd {
  test::Outcome outcome;
  bool was_killed = false;  ///< the kill hit a job that was running
  double seconds = 0;
};

/// Starts `datus run` on the sample, always under mpirun.
class JobRunner {
 public:
  /// `scratch` takes what MPI and the fault library leave behind: killed jobs do not clean up.
  explicit JobRunner(std::filesystem::path scratch);

  /// `folder` gets or has the run directory, `run_name`. Without `kill` the job is left alone; `window` is the time in
  /// seconds in which random instants lie.
  [[nodiscard]] JobEnd run(const std::filesystem::path& folder, int ranks, const std::optional<Kill>& kill,
                           double window) const;

  /// Allreduces of k-means' iterations in an undisturbed job on one rank, which this runs.
  [[nodiscard]] JobEnd run_and_count(const std::filesystem::path& folder, int& iterations) const;

  static constexpr const char* run_name = "run";

 private:
  [[nodiscard]] test::Launch launch(const std::filesystem::path& folder, int ranks) const;
  void add_plan(test::Launch& launch, const std::string& plan, int rank) const;

  std::filesystem::path scratch_;
};

}  // namespace datus::chaos
