// SPDX-License-Identifier: Apache-2.0
#include "chaos/campaign.hpp"

#include "chaos/shard_counts.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <iostream>

#include <sys/stat.h>

namespace datus::chaos {
namespace {

namespace fs = std::filesystem;

/// A killed rank may be computing one shard while the one before it is being written.
constexpr int shards_in_flight = 2;

/// With more, too many jobs end before their kill: then it is the kills that do not work.
constexpr int most_jobs_per_kill = 4;

/// The folder of a stage's shards.
/// How the names of the shards of each stage begin: keys/mean.h5 is none.
constexpr std::array<std::pair<const char*, const char*>, 3> shard_names = {
    {{"extract", "keys/0"}, {"segment", "segments/0"}, {"describe", "descriptors/0"}}};

std::string seconds_text(double seconds) {
  std::array<char, 32> text{};
  (void)std::snprintf(text.data(), text.size(), "%.1f s", seconds);
  return text.data();
}

std::optional<std::string> state_of(const fs::path& run) {
  if (!fs::exists(run / "state.json")) return std::nullopt;
  return test::bytes_of(run / "state.json");
}

}  // namespace

Campaign::Campaign(Options options) : options_(std::move(options)), runner_(scratch_ / "mpi") {}

bool Campaign::make_reference() {
  const test::TempFolder folder;
  const JobEnd end = runner_.run_and_count(folder.path(), sample_.iterations);
  if (end.outcome.code != 0) {
    std::cout << "the undisturbed run failed: " << end.outcome << std::endl;
    return false;
  }
  const fs::path run = folder / JobRunner::run_name;
  reference_ = test::results_of(run);
  reference_state_ = state_of(run);
  seconds_[1] = end.seconds;
  for (const auto& [name, bytes] : reference_) {
    sample_.files.push_back(name);
    if (name.starts_with("keys/0")) ++shards_;
  }
  chooser_ = std::make_unique<KillChooser>(options_.seed, sample_);
  std::cout << "undisturbed: " << reference_.size() << " files, " << sample_.iterations << " iterations of k-means, "
            << seconds_text(end.seconds) << std::endl;
  return true;
}

bool Campaign::run() {
  if (!make_reference()) return false;
  bool is_right = true;
  while (is_right && kills_ < options_.kills) {
    Directory directory;
    for (bool is_finished = false; is_right && !is_finished;) is_right = do_job(directory, is_finished);
  }
  print_summary();
  return is_right;
}

/// Another number than the job before.
int Campaign::choose_ranks() {
  int ranks = chooser_->number(1, options_.ranks_max);
  if (ranks == last_ranks_ && options_.ranks_max > 1) ranks = ranks % options_.ranks_max + 1;
  last_ranks_ = ranks;
  return ranks;
}

/// Nothing is killed when there were enough kills, and the more often the more the directory has been through.
std::optional<Kill> Campaign::choose_kill(const Directory& directory, int ranks) {
  if (kills_ >= options_.kills || chooser_->chance(std::min(0.9, 0.07 * directory.kills))) return std::nullopt;
  return chooser_->next(directory.run(), ranks);
}

/// Of a job that goes on with this directory: starting takes a part of the time, the rest goes by the missing files.
double Campaign::expected_seconds(const Directory& directory, int ranks) const {
  const auto known = seconds_.find(ranks);
  const double whole = known != seconds_.end() ? known->second : seconds_.at(1) * (ranks > 2 ? 1.5 : 1.0);
  const auto is_missing = [&](const auto& file) { return !fs::exists(directory.run() / file.first); };
  const auto missing = static_cast<double>(std::ranges::count_if(reference_, is_missing));
  return whole * (0.3 + 0.7 * missing / static_cast<double>(reference_.size()));
}

bool Campaign::do_job(Directory& directory, bool& is_finished) {
  const int ranks = choose_ranks();
  const auto kill = choose_kill(directory, ranks);
  const bool is_fresh = directory.kills == 0;
  // The more kills, the later, so that the run gets on also on a machine that is slower than before.
  const double window = expected_seconds(directory, ranks) * (1 + 0.1 * directory.kills);
  const JobEnd end = runner_.run(directory.folder.path(), ranks, kill, window);
  ++jobs_;
  std::cout << "run " << finished_ + 1 << ", job " << jobs_ << " on " << ranks << (ranks == 1 ? " rank, " : " ranks, ")
            << seconds_text(end.seconds) << ": " << (kill ? kill->text : "undisturbed")
            << (kill && !end.was_killed ? " (too late, the job was done)" : "") << std::endl;
  if (end.outcome.timed_out || (end.outcome.code != 0 && !end.was_killed)) {
    std::cout << end.outcome;
    return complain(directory, {std::string("the job ") + (end.outcome.timed_out ? "hangs" : "failed by itself")});
  }
  if (jobs_ > most_jobs_per_kill * (options_.kills + 5)) {
    return complain(directory, {"the kills do not hit: too few jobs were killed"});
  }
  is_finished = !end.was_killed;
  if (is_finished) {
    if (kill) chooser_->put_back(kill->kind);
    if (is_fresh && !kill) seconds_[ranks] = end.seconds;
    return check_finished(directory);
  }
  ++kills_;
  ++kills_by_kind_[kill->kind];
  ++directory.kills;
  return check_after_kill(directory, ranks);
}

void Campaign::check_kept(Directory& directory, std::vector<std::string>& problems) {
  std::map<std::string, std::pair<ino_t, fs::file_time_type>> now;
  for (const char* stage : {"keys", "segments", "descriptors"}) {
    for (const std::string& name : test::files_below(directory.run() / stage)) {
      if (test::is_unfinished(name)) continue;
      const fs::path file = directory.run() / stage / name;
      struct stat status {};
      if (::stat(file.c_str(), &status) == 0) {
        now[std::string(stage) + "/" + name] = {status.st_ino, fs::last_write_time(file)};
      }
    }
  }
  for (const auto& [name, identity] : directory.finished) {
    const auto found = now.find(name);
    if (found == now.end()) {
      problems.push_back(name + " was finished and is gone");
    } else if (found->second != identity) {
      problems.push_back(name + " was finished and was made again");
    }
  }
  directory.finished = std::move(now);
}

/// Of a job that was killed just now: no rank has more than two shards in flight, and no finished one is.
void Campaign::count_in_flight(Directory& directory, int ranks) const {
  for (const auto& [stage, beginning] : shard_names) {
    const auto is_of_stage = [prefix = beginning](const auto& file) { return file.first.starts_with(prefix); };
    const auto finished = std::ranges::count_if(directory.finished, is_of_stage);
    directory.bound[stage] += std::min(shards_in_flight * ranks, shards_ - static_cast<int>(finished));
  }
}

bool Campaign::check_after_kill(Directory& directory, int ranks) {
  std::vector<std::string> problems = test::damage(test::results_of(directory.run()), reference_);
  check_kept(directory, problems);
  count_in_flight(directory, ranks);
  return complain(directory, problems);
}

void Campaign::check_counts(const Directory& directory, std::vector<std::string>& problems) {
  const ShardCounts counts = count_shards(directory.run());
  problems.insert(problems.end(), counts.problems.begin(), counts.problems.end());
  for (const auto& [stage, beginning] : shard_names) {
    const auto computed = counts.computed.find(stage);
    const auto distinct = computed == counts.computed.end() ? 0 : std::ssize(computed->second);
    if (distinct != shards_) {
      problems.push_back("the logs tell of " + std::to_string(distinct) + " shards of the stage " + stage);
    }
    const int recomputed = counts.recomputed(stage);
    const auto bound = directory.bound.find(stage);
    const int allowed = bound == directory.bound.end() ? 0 : bound->second;
    if (recomputed > allowed) {
      problems.push_back(std::string("the stage ") + stage + " computed " + std::to_string(recomputed) +
                         " shards again, where at most " + std::to_string(allowed) + " were in flight");
    }
    recomputed_[stage] += recomputed;
    bound_[stage] += allowed;
  }
}

bool Campaign::check_finished(Directory& directory) {
  ++finished_;
  std::vector<std::string> problems = test::differences(directory.run(), reference_);
  if (state_of(directory.run()) != reference_state_) problems.emplace_back("state.json differs");
  check_kept(directory, problems);
  check_counts(directory, problems);
  return complain(directory, problems);
}

/// True when there is nothing to complain of.
bool Campaign::complain(const Directory& directory, const std::vector<std::string>& problems) {
  for (const std::string& problem : problems) std::cout << "  WRONG: " << problem << "\n";
  if (problems.empty()) return true;
  if (!options_.keep.empty()) {
    fs::create_directories(options_.keep);
    fs::copy(directory.run(), options_.keep, fs::copy_options::recursive | fs::copy_options::overwrite_existing);
    std::cout << "  the run is in " << options_.keep.string() << "\n";
  }
  std::cout << std::flush;
  return false;
}

void Campaign::print_summary() const {
  std::cout << "\nseed " << options_.seed << ": " << kills_ << " kills of " << jobs_ << " jobs on 1 to "
            << options_.ranks_max << " ranks; " << finished_ << " runs finished\n";
  for (const KillKind kind : kill_kinds) {
    const auto found = kills_by_kind_.find(kind);
    std::cout << "  " << (found == kills_by_kind_.end() ? 0 : found->second) << "  " << name_of(kind) << "\n";
  }
  std::cout << "shards computed again (at most, being in flight when a job was killed):";
  for (const auto& [stage, count] : recomputed_) {
    std::cout << " " << stage << " " << count << " (" << bound_.at(stage) << ")";
  }
  std::cout << std::endl;
}

}  // namespace datus::chaos
