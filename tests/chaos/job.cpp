// SPDX-License-Identifier: Apache-2.0
#include "chaos/job.hpp"

#include "support/temp_folder.hpp"

#include <algorithm>
#include <csignal>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace datus::chaos {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

/// A job of the sample that takes longer hangs, also on a loaded machine.
constexpr std::chrono::seconds longest_job(180);

/// One shard for each photo, a checkpoint after each of k-means' iterations, and masks in every format: many instants
/// to be killed at.
test::Arguments sample_run() {
  test::Arguments arguments = {"run", test::source_path("tests/sample.yaml").string(), "--run", JobRunner::run_name};
  for (const char* setting : {"model.input_size=224", "dataset.shard_size=1", "cluster.restarts=20",
                              "cluster.checkpoint_every=1", "mask.formats=[png,hdf5]"}) {
    arguments.insert(arguments.end(), {"--set", setting});
  }
  return arguments;
}

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Kills one rank; false if there is none any more.
bool kill_one(const test::Process& job, unsigned victim) {
  const std::vector<pid_t> ranks = job.children();
  return !ranks.empty() && ::kill(ranks[victim % ranks.size()], SIGKILL) == 0;
}

/// Kills all ranks and mpirun, which is stopped first so that it cannot end them in its own way.
bool kill_all(test::Process& job) {
  if (!job.running()) return false;
  job.send(SIGSTOP);
  const std::vector<pid_t> ranks = job.children();
  for (const pid_t rank : ranks) (void)::kill(rank, SIGKILL);
  // The next job must not meet a rank that a busy machine is still about to end.
  const auto start = Clock::now();
  while (!std::ranges::all_of(ranks, test::has_ended) && Clock::now() - start < longest_job) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  (void)job.kill();
  return !ranks.empty();
}

/// Waits for the instant, and for the ranks to be there. False if the job ended before.
bool wait_for_instant(test::Process& job, Clock::time_point start, double instant) {
  while (job.running()) {
    if (seconds_since(start) >= instant && !job.children().empty()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

}  // namespace

JobRunner::JobRunner(fs::path scratch) : scratch_(std::move(scratch)) {
  fs::create_directories(scratch_);
}

test::Launch JobRunner::launch(const fs::path& folder, int ranks) const {
  test::Launch launch{.folder = folder, .ranks = ranks, .limit = longest_job};
  launch.mpirun = {"--mca",          "orte_tmpdir_base", scratch_.string(), "--mca", "btl_vader_backing_directory",
                   scratch_.string()};
  return launch;
}

void JobRunner::add_plan(test::Launch& launch, const std::string& plan, int rank) const {
  launch.environment = {"LD_PRELOAD=" + test::faults_library_path(), "DATUS_FAULT=" + plan,
                        "DATUS_FAULT_LOG=" + (scratch_ / "faults").string()};
  if (rank >= 0) launch.environment.push_back("DATUS_FAULT_RANK=" + std::to_string(rank));
}

JobEnd JobRunner::run(const fs::path& folder, int ranks, const std::optional<Kill>& kill, double window) const {
  test::Launch how = launch(folder, ranks);
  fs::remove(scratch_ / "faults");
  if (kill && !kill->plan.empty()) add_plan(how, kill->plan, kill->rank);
  const auto start = Clock::now();
  test::Process job = test::start_program(sample_run(), how);
  JobEnd end;
  if (kill && kill->plan.empty() && wait_for_instant(job, start, kill->instant * window)) {
    end.was_killed = kill->kind == KillKind::instant_all ? kill_all(job) : kill_one(job, kill->victim);
  }
  end.outcome = end.was_killed ? job.wait_without_rank(longest_job) : job.wait(longest_job);
  end.seconds = seconds_since(start);
  end.was_killed |= fs::exists(scratch_ / "faults");
  // A rank may be hit when it has nothing left to do: then the job is done.
  end.was_killed &= end.outcome.code != 0;
  return end;
}

JobEnd JobRunner::run_and_count(const fs::path& folder, int& iterations) const {
  test::Launch how = launch(folder, 1);
  fs::remove(scratch_ / "faults");
  add_plan(how, "MPI_Allreduce:*:log:1000", -1);
  const auto start = Clock::now();
  JobEnd end{.outcome = test::run_program(sample_run(), how)};
  end.seconds = seconds_since(start);
  const std::string log = fs::exists(scratch_ / "faults") ? test::bytes_of(scratch_ / "faults") : "";
  iterations = static_cast<int>(std::count(log.begin(), log.end(), '\n'));
  return end;
}

}  // namespace datus::chaos
