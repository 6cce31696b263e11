// SPDX-License-Identifier: Apache-2.0
#include "chaos/kill.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

namespace datus::chaos {
namespace {

namespace fs = std::filesystem;

std::string per_mille(double part) {
  return std::to_string(static_cast<int>(part * 1000)) + " per mille";
}

/// What the job is still going to write, by the folder that it is in.
std::map<std::string, std::vector<std::string>> targets_of(const fs::path& run, const Sample& sample) {
  // Every job writes these, whatever is there.
  std::map<std::string, std::vector<std::string>> targets = {{"", {"config.yaml", "state.json", "summary.json"}}};
  // A lock that is there is replaced; making one is not like writing other files.
  if (fs::exists(run / "lock")) targets[""].emplace_back("lock");
  // Written while k-means runs, and removed when it is done.
  if (!fs::exists(run / "clusters" / "selection.json")) targets["clusters"].emplace_back("clusters/checkpoint.h5");
  for (const std::string& file : sample.files) {
    const std::size_t slash = file.find('/');
    const std::string folder = slash == std::string::npos ? "" : file.substr(0, slash);
    if (!fs::exists(run / file) && file != "config.yaml") targets[folder].push_back(file);
  }
  return targets;
}

}  // namespace

std::string_view name_of(KillKind kind) {
  switch (kind) {
    case KillKind::instant_one:
      return "one rank at a random instant";
    case KillKind::instant_all:
      return "all ranks and mpirun at a random instant";
    case KillKind::before_write:
      return "before a write";
    case KillKind::before_fsync:
      return "after the writes, before fsync";
    case KillKind::before_rename:
      return "before the rename";
    case KillKind::after_rename:
      return "after the rename";
    case KillKind::mid_iteration:
      return "in an iteration of k-means";
  }
  return "";
}

Kill KillChooser::at_file(KillKind kind, const fs::path& run) {
  auto targets = targets_of(run, sample_);
  // What is lost with a shard costs the most.
  const auto is_other = [](const auto& one) {
    return one.first != "keys" && one.first != "segments" && one.first != "descriptors";
  };
  if (!std::ranges::all_of(targets, is_other) && chance(0.6)) std::erase_if(targets, is_other);
  const auto group = std::next(targets.begin(), number(0, static_cast<int>(targets.size()) - 1));
  const std::string& target =
      group->second[static_cast<std::size_t>(number(0, static_cast<int>(group->second.size()) - 1))];
  const fs::path file(target);
  // The unfinished file: /FOLDER/.NAME.tmp-…
  const std::string unfinished = "/" + (file.parent_path() / ("." + file.filename().string() + ".tmp-")).string();
  const bool is_hdf5 = file.extension() == ".h5";
  Kill kill{.kind = kind};
  switch (kind) {
    case KillKind::before_write:
      // HDF5 files are written piece by piece, at positions; text and pictures at once.
      kill.plan = is_hdf5 ? "pwrite:" + std::to_string(number(1, 4)) + ":kill-before:" : "write:1:kill-before:";
      break;
    case KillKind::before_fsync:
      kill.plan = "fsync:1:kill-before:";
      break;
    case KillKind::before_rename:
      kill.plan = "rename:1:kill-before:";
      break;
    default:
      kill.plan = "rename:1:kill-after:";
      break;
  }
  kill.plan += unfinished;
  kill.text = std::string(name_of(kind)) + " of " + target;
  return kill;
}

std::optional<Kill> KillChooser::attempt(KillKind kind, const fs::path& run, int ranks) {
  switch (kind) {
    case KillKind::instant_one:
    case KillKind::instant_all: {
      Kill kill{.kind = kind, .instant = number(0, 999) / 1000.0, .victim = static_cast<unsigned>(number(0, 999))};
      kill.text = std::string(name_of(kind)) + ", " + per_mille(kill.instant);
      return kill;
    }
    case KillKind::mid_iteration: {
      if (fs::exists(run / "clusters" / "selection.json")) return std::nullopt;
      // After some of the iterations a checkpoint has been left by an earlier job, so that fewer are to come.
      const int left = fs::exists(run / "clusters" / "checkpoint.h5") ? 2 : sample_.iterations;
      const int iteration = number(1, std::max(left, 1));
      Kill kill{.kind = kind, .rank = number(0, ranks - 1)};
      // An iteration's sums are K x D numbers; every other allreduce is smaller by far.
      kill.plan =
          "MPI_Allreduce:" + std::to_string(iteration) + (chance(0.5) ? ":kill-before:" : ":kill-after:") + "1000";
      kill.text = "rank " + std::to_string(kill.rank) + " in iteration " + std::to_string(iteration) + " of k-means";
      return kill;
    }
    default:
      return at_file(kind, run);
  }
}

Kill KillChooser::next(const fs::path& run, int ranks) {
  for (;;) {
    // All kinds once more, before the last ones are used up: these may be those that cannot be done now.
    if (waiting_.size() < kill_kinds.size() / 2) {
      std::vector<KillKind> more(kill_kinds.begin(), kill_kinds.end());
      std::ranges::shuffle(more, generator_);
      waiting_.insert(waiting_.end(), more.begin(), more.end());
    }
    for (auto place = waiting_.begin(); place != waiting_.end(); ++place) {
      const auto kill = attempt(*place, run, ranks);
      if (!kill) continue;
      waiting_.erase(place);
      return *kill;
    }
    waiting_.clear();
  }
}

}  // namespace datus::chaos
