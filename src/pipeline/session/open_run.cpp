// SPDX-License-Identifier: Apache-2.0
#include "pipeline/session/open_run.hpp"

#include "datus/comm/rank_threads.hpp"
#include "datus/core/error.hpp"
#include "datus/core/log.hpp"
#include "datus/core/text.hpp"
#include "datus/io/atomic_file.hpp"
#include "pipeline/files/checksums.hpp"
#include "pipeline/files/config_file.hpp"
#include "pipeline/files/truth_check.hpp"
#include "pipeline/inputs/load_images.hpp"
#include "pipeline/inputs/options_of_config.hpp"
#include "pipeline/inputs/plain_images.hpp"
#include "pipeline/session/frozen_list.hpp"
#include "pipeline/session/progress.hpp"
#include "pipeline/session/rewritten_images.hpp"
#include "pipeline/session/run_origin.hpp"

#include <filesystem>
#include <functional>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace datus {
namespace {

namespace fs = std::filesystem;

/// COLLECTIVE. Rank 0's view of the job, on all ranks.
JobIdentity agreed_job(Communicator& comm) {
  return job_from_text(broadcast_text(comm, to_text(job_from_environment())));
}

/// Removes what killed processes left behind: temporary files that never got their final name, and claims. Another job
/// may take the lock at any time: what it makes has names of its own, and is not among what was found before.
void remove_leftovers(const RunDirectory& directory, const RunLock& lock) {
  std::vector<fs::path> leftovers;
  for (const auto& entry : fs::recursive_directory_iterator(directory.root())) {
    if (entry.is_regular_file() && is_unfinished(entry.path())) leftovers.push_back(entry.path());
  }
  std::vector<fs::path> claims;
  if (fs::is_directory(directory.claims())) {
    for (const auto& entry : fs::directory_iterator(directory.claims())) claims.push_back(entry.path());
  }
  lock.require_held();
  for (const auto& path : leftovers) fs::remove(path);
  for (const auto& path : claims) fs::remove_all(path);
  if (!leftovers.empty()) {
    log::info("removed " + std::to_string(leftovers.size()) + " unfinished files of an earlier job");
  }
}

/// Runs `body`, and says of what the file system refuses which folder cannot be used.
void in_folder(const RunDirectory& directory, const std::function<void()>& body) {
  try {
    body();
  } catch (const fs::filesystem_error& error) {
    throw SystemError("Cannot use " + directory.root().string() + " as run directory", error.code().message(),
                      "Choose a writable folder with --run or run.directory.");
  }
}

/// Makes the folders and clears away what killed jobs left: only the holder of the lock may.
void prepare_folders(const RunDirectory& directory, const RunLock& lock) {
  for (const Stage stage : all_stages) make_folders(directory.folder(stage));
  remove_leftovers(directory, lock);
  lock.require_held();
  remove_checksums(directory);
}

void require_own_folder(const RunDirectory& directory, const Config& config) {
  if (!config.dataset.images ||
      fs::weakly_canonical(directory.root()) != fs::weakly_canonical(*config.dataset.images)) {
    return;
  }
  throw UsageError("The run directory " + directory.root().string() + " is the folder of the images",
                   "its masks and pictures would be images too", "Choose another one with --run or run.directory.");
}

/// COLLECTIVE. The configuration with the size of shards that counts: as asked for, else as the run has it, else by the
/// number of images.
Config with_shard_size(Config config, const RunDirectory& directory, const std::optional<ImageList>& frozen,
                       std::int64_t images, Communicator& comm) {
  if (config.dataset.shard_size) return config;
  std::int64_t size = 0;
  on_root(comm, [&] { size = frozen_shard_size(directory, frozen).value_or(default_shard_size(images)); });
  config.dataset.shard_size = static_cast<int>(largest_of_ranks(comm, size));
  return config;
}

/// COLLECTIVE.
ImageList look_at_images(const Dataset& dataset, const DatasetConfig& config, int threads, Communicator& comm) {
  Progress progress("looking at the images", share_of(std::ssize(dataset.items()), comm).size(), comm.rank() != 0);
  return list_images(dataset, *config.shard_size, orientation_of(config), threads, comm, [&] {
    give_up_when_asked("looking at the images");
    progress.add(1);
  });
}

void say_who_has_no_shard(const ImageList& list, const Communicator& comm) {
  const std::int64_t idle = comm.size() - list.shards();
  if (idle <= 0 || comm.rank() != 0) return;
  log::info(counted(list.shards(), "shard") + " for " + counted(comm.size(), "rank") + ": " + std::to_string(idle) +
            (idle == 1 ? " has" : " have") +
            " nothing to do before the clusters (dataset.shard_size: " + std::to_string(list.shard_size) + ")");
}

/// COLLECTIVE. Makes the run's folders and takes its lock.
std::unique_ptr<const RunLock> take_folder(const RunDirectory& directory, const JobIdentity& job,
                                           const StopSignals& signals, Communicator& comm) {
  // The lock needs a place.
  on_root(comm, [&] { in_folder(directory, [&] { make_folders(directory.root()); }); });
  auto lock =
      std::make_unique<const RunLock>(directory.lock(), job, comm, LockTiming{}, [&] { return signals.requested(); });
  on_root(comm, [&] { in_folder(directory, [&] { prepare_folders(directory, *lock); }); });
  return lock;
}

}  // namespace

std::unique_ptr<RunContext> open_run(const Config& wanted, std::optional<FittedRun> fitted, Communicator& comm,
                                     RunAccess access, bool force) {
  // Who works.
  auto signals = std::make_shared<const StopSignals>();
  require_same_everywhere(comm, dump_config(wanted, false), "the configuration");
  const bool writes = access != RunAccess::look;
  const RunDirectory directory(wanted.run.directory);
  JobIdentity job = agreed_job(comm);
  std::shared_ptr<const Dataset> dataset;
  const bool is_silent = comm.rank() != 0;
  collectively(comm, [&] {
    require_own_folder(directory, wanted);
    const Progress progress("listing the images", 0, is_silent);
    dataset = open_configured_dataset(wanted.dataset);
  });
  log_left_out(*dataset, *wanted.dataset.images);
  std::unique_ptr<const RunLock> lock;
  if (writes) lock = take_folder(directory, job, *signals, comm);
  const int threads = threads_per_rank(comm);
  EventLog events = writes ? EventLog(directory.log(job.launch(), comm.rank())) : EventLog();

  log::detail("run directory " + directory.root().string() + ", " + counted(comm.size(), "rank") + " with " +
              counted(threads, "thread"));

  // On which images.
  const WriteOptions writing = writing_as(job, comm.rank(), lock.get());
  std::optional<ImageList> frozen;
  on_root(comm, [&] { frozen = frozen_image_list(directory); });
  const Config config = with_shard_size(wanted, directory, frozen, std::ssize(dataset->items()), comm);
  ImageList list = look_at_images(*dataset, config.dataset, threads, comm);
  // Before the list is frozen, so that files of ground truth with other names can still take their place.
  int truth_classes = 0;
  if (access != RunAccess::report) {
    const Progress progress("looking at the ground truth", 0, is_silent || !dataset->has_truth());
    truth_classes = check_truth(*dataset, list, config.dataset.void_label, threads, comm);
  }
  const auto rewritten = rewritten_images(directory, frozen, list, *dataset, threads, comm);
  OutdatedShards outdated;
  on_root(comm, [&] {
    const Progress progress("comparing the images with those of before", 0, false);
    outdated = freeze_image_list(directory, frozen, list, rewritten, *dataset, access, writing);
  });
  outdated.shards = allgather_values(comm, outdated.shards);
  outdated.why = broadcast_text(comm, outdated.why);
  say_who_has_no_shard(list, comm);

  // Made from what.
  const auto find = [&] {
    const Progress progress("reading the weights", 0, is_silent);
    return find_origin(config, directory, fitted, list, access, comm);
  };
  RunOrigin origin = find();
  if (makes_record(access)) {
    on_root(comm, [&] {
      write_text_atomically(directory.config(), config_file_text(config, origin.inputs), writing);
      log::info("preset " + config.preset +
                (config.preset == "paper" ? ", the method as published ('preset: best' makes better masks)" : "") +
                "; all settings are in " + directory.config().string());
    });
  }
  return std::unique_ptr<RunContext>(new RunContext{.config = config,
                                                    .directory = directory,
                                                    .comm = comm,
                                                    .dataset = std::move(dataset),
                                                    .list = std::move(list),
                                                    .provenance = Provenance(config, std::move(origin.inputs)),
                                                    .fitted = std::move(fitted),
                                                    .outdated = std::move(outdated),
                                                    .truth_classes = truth_classes,
                                                    .threads = threads,
                                                    .placement = origin.placement,
                                                    .job = std::move(job),
                                                    .signals = std::move(signals),
                                                    .lock = std::move(lock),
                                                    .events = std::move(events),
                                                    .force = force});
}

}  // namespace datus
