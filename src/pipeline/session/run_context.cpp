#include "pipeline/session/run_context.hpp"

#include "datus/comm/rank_threads.hpp"
#include "datus/core/log.hpp"
#include "datus/io/atomic_file.hpp"
#include "datus/io/hdf5_types.hpp"
#include "datus/model/model_files.hpp"
#include "pipeline/files/checksums.hpp"
#include "pipeline/files/config_file.hpp"
#include "pipeline/inputs/load_images.hpp"
#include "pipeline/inputs/plain_images.hpp"

#include <functional>
#include <span>
#include <utility>

namespace datus {
namespace {

namespace fs = std::filesystem;

/// Removes what killed processes left behind: temporary files that never got their final name.
void remove_leftovers(const RunDirectory& directory) {
  std::vector<fs::path> leftovers;
  for (const auto& entry : fs::recursive_directory_iterator(directory.root())) {
    if (entry.is_regular_file() && is_unfinished(entry.path())) leftovers.push_back(entry.path());
  }
  for (const auto& path : leftovers) fs::remove(path);
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
void prepare_folders(const RunDirectory& directory) {
  for (const Stage stage : all_stages) fs::create_directories(directory.folder(stage));
  remove_leftovers(directory);
  fs::remove_all(directory.claims());
  remove_checksums(directory);
}

/// The frozen list; nothing when there is none, or when it is damaged (then the shards' records still tell whether they
/// belong to the images that are there now).
std::optional<ImageList> frozen_image_list(const RunDirectory& directory) {
  if (!fs::exists(directory.image_list())) return std::nullopt;
  try {
    return read_image_list(directory.image_list());
  } catch (const InputError& error) {
    log::warning(std::string("the list of images is made anew: ") + error.what());
    return std::nullopt;
  }
}

/// Whether the run's own record, its configuration and list of images, is written.
bool makes_record(RunAccess access) {
  return access == RunAccess::write || access == RunAccess::write_without_model;
}

/// Compares with the list of the directory, or freezes this one.
void freeze_image_list(const RunDirectory& directory, const ImageList& list, RunAccess access,
                       const WriteOptions& options) {
  const auto frozen = frozen_image_list(directory);
  if (!frozen) {
    if (makes_record(access)) write_image_list(directory.image_list(), list, options);
    return;
  }
  const std::string difference = first_difference(*frozen, list);
  if (difference.empty()) return;
  throw InputError("The images are not those that " + directory.root().string() + " was started with", difference,
                   "Restore them, or choose another run directory with --run.");
}

/// File of the given centroids, without the name of the dataset in it.
std::optional<fs::path> given_centroids(const Config& config) {
  if (!config.cluster.centroids) return std::nullopt;
  return parse_dataset_path(*config.cluster.centroids, "/centroids").file;
}

/// The hash that rank 0 computed, on all ranks: a large file is read once.
std::optional<Hash> agreed_hash(Communicator& comm, const std::optional<fs::path>& file,
                                Hash (*hash_of)(const fs::path&) = hash_file) {
  if (!file) return std::nullopt;
  Hash hash;
  on_root(comm, [&] { hash = hash_of(*file); });
  comm.broadcast(std::as_writable_bytes(std::span(&hash, 1)), 0);
  return hash;
}

RunInputs agreed_inputs(const Config& config, const std::optional<FittedRun>& fitted, const ImageList& list,
                        Communicator& comm) {
  RunInputs inputs;
  inputs.images = list.hash();
  inputs.weights = agreed_hash(comm, config.model.weights, hash_model_files);
  inputs.descriptor_weights = agreed_hash(comm, config.descriptor.weights, hash_model_files);
  inputs.centroids = agreed_hash(comm, given_centroids(config));
  if (fitted) {
    // All centroids of the fitted run together: the new run has the same list of K.
    Hasher hasher;
    for (const int k : config.cluster.k) hasher.add(agreed_hash(comm, fitted->directory.centroids(k))->hex());
    inputs.centroids = hasher.finish();
  }
  return inputs;
}

/// What a run that is there was made from, by its own record.
RunInputs recorded_inputs(const RunDirectory& directory, const ImageList& list, Communicator& comm) {
  RunInputs inputs;
  collectively(comm, [&] {
    const auto record = read_config_file_record(directory.config());
    if (!record || !record->intact) {
      throw InputError(directory.config().string() + " cannot be used", "it was damaged or changed by hand",
                       "Start the run again: it writes the file anew.");
    }
    inputs = record->inputs;
    inputs.images = list.hash();
  });
  return inputs;
}

/// COLLECTIVE. Rank 0's view of the job, on all ranks.
JobIdentity agreed_job(Communicator& comm) {
  return job_from_text(broadcast_text(comm, to_text(job_from_environment())));
}

/// The backend that the run was started on; empty for a new run.
std::string recorded_backend(const RunDirectory& directory) {
  const auto record = read_config_file_record(directory.config());
  if (!record) return {};
  if (record->intact) return record->inputs.backend;
  log::warning(directory.config().string() + " was damaged or changed by hand; it is written anew");
  return {};
}

/// COLLECTIVE. Where the model runs. Who only looks, or makes nothing with the model, needs no GPU.
ModelPlacement placement_for(const ModelConfig& config, RunAccess access, Communicator& comm) {
  ModelPlacement placement;
  placement.batch_size = config.batch_size;
  const bool needs_model = access == RunAccess::write;
  collectively(comm, [&] {
    try {
      placement = place_model(config, comm);
    } catch (const UsageError&) {
      if (needs_model) throw;
    }
  });
  return placement;
}

/// The backend that counts for the run's provenance. A rank or a resume on another one would mix bits of two machines,
/// where embeddings are computed.
std::string agreed_backend(const Config& config, const RunDirectory& directory, RunAccess access,
                           ModelPlacement& placement, Communicator& comm) {
  std::string backend;
  collectively(comm, [&] { backend = backend_of(placement); });
  const std::string recorded = broadcast_text(comm, comm.rank() == 0 ? recorded_backend(directory) : std::string());
  if (config.run.mixed_hardware || access == RunAccess::write_without_model) {
    return broadcast_text(comm, recorded.empty() ? backend : recorded);
  }
  require_same_everywhere(comm, backend, "the backend of the model (device, instruction set, LibTorch, BLAS)");
  // Once halved, batches stay so: another free GPU must not bring other bits.
  if (recorded == with_halved_batches(backend, halved(config.model.batch_size))) {
    placement.batch_size = halved(config.model.batch_size);
    backend = recorded;
  }
  if (recorded.empty() || recorded == backend) return backend;
  if (access == RunAccess::look) {
    if (comm.rank() == 0) {
      log::warning("the run was started on another backend (it was " + recorded + ", here it is " + backend +
                   "): embeddings cannot be computed here");
    }
    return recorded;
  }
  throw AgreedError(ExitCode::bad_input, "The run in " + directory.root().string() + " was started on another backend",
                    "it was " + recorded + ", here it is " + backend + "; the last bits of the embeddings differ",
                    "Go on where it was started, or choose another run directory, or set run.mixed_hardware: true.");
}

}  // namespace

Orientation RunContext::orientation() const {
  return orientation_of(config.dataset);
}

std::string RunContext::images_description() const {
  std::string text = std::to_string(list.size()) + " images";
  if (config.dataset.split) text += ", split " + *config.dataset.split;
  return text + ", list " + list.hash().hex().substr(0, 12);
}

WriteOptions RunContext::writing() const {
  const RunLock* held = lock.get();
  return {.tag = job.launch() + "-r" + std::to_string(comm.rank()), .before_rename = [held] {
            if (held != nullptr) held->require_held();
          }};
}

void RunContext::require_no_stop(const std::string& next) const {
  std::int64_t requested = signals->requested() ? 1 : 0;
  comm.allreduce(std::span(&requested, 1), ReduceOp::max);
  if (requested == 0) return;
  throw AgreedError(ExitCode::interrupted, "The run was interrupted before " + next, "a signal asked for a stop",
                    "Start it again: it goes on where it stopped.");
}

std::unique_ptr<RunContext> open_run(const Config& config, std::optional<FittedRun> fitted, Communicator& comm,
                                     RunAccess access) {
  auto signals = std::make_shared<const StopSignals>();
  require_same_everywhere(comm, dump_config(config, false), "the configuration");
  const bool writes = access != RunAccess::look;
  const RunDirectory directory(config.run.directory);
  auto job = agreed_job(comm);
  std::unique_ptr<Dataset> dataset;
  collectively(comm, [&] { dataset = open_configured_dataset(config.dataset); });
  std::unique_ptr<RunLock> lock;
  if (writes) {
    // The lock needs a place.
    on_root(comm, [&] { in_folder(directory, [&] { fs::create_directories(directory.root()); }); });
    lock = std::make_unique<RunLock>(directory.lock(), job, comm, LockTiming{}, [&] { return signals->requested(); });
    on_root(comm, [&] { in_folder(directory, [&] { prepare_folders(directory); }); });
  }
  const int threads = threads_per_rank(comm);
  std::unique_ptr<RunContext> run(new RunContext{.config = config,
                                                 .directory = directory,
                                                 .comm = comm,
                                                 .dataset = std::move(dataset),
                                                 .list = {},
                                                 .provenance = Provenance(config, {}),
                                                 .fitted = std::move(fitted),
                                                 .threads = threads,
                                                 .placement = {},
                                                 .job = std::move(job),
                                                 .signals = std::move(signals),
                                                 .lock = std::move(lock),
                                                 .events = {}});
  if (writes) run->events = EventLog(directory.log(run->job.launch(), comm.rank()));

  run->list = list_images(*run->dataset, config.dataset.shard_size, orientation_of(config.dataset), run->threads, comm);
  on_root(comm, [&] { freeze_image_list(directory, run->list, access, run->writing()); });
  auto inputs = access == RunAccess::report ? recorded_inputs(directory, run->list, comm)
                                            : agreed_inputs(config, run->fitted, run->list, comm);
  if (access != RunAccess::report) {
    run->placement = placement_for(config.model, access, comm);
    inputs.backend = agreed_backend(config, directory, access, run->placement, comm);
  }
  if (makes_record(access)) {
    on_root(comm, [&] { write_text_atomically(directory.config(), config_file_text(config, inputs), run->writing()); });
  }
  run->provenance = Provenance(config, std::move(inputs));
  return run;
}

}  // namespace datus
