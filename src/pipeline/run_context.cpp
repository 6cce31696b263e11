#include "datus/pipeline/run_context.hpp"

#include "datus/core/log.hpp"
#include "datus/core/parallel.hpp"
#include "datus/io/atomic_file.hpp"
#include "datus/io/hdf5_types.hpp"
#include "datus/model/backend.hpp"
#include "datus/pipeline/load_images.hpp"
#include "datus/pipeline/plain_images.hpp"

#include <algorithm>
#include <fstream>
#include <span>
#include <utility>

namespace datus {
namespace {

namespace fs = std::filesystem;

/// Removes what killed processes left behind: temporary files that never got their final name.
void remove_leftovers(const RunDirectory& directory) {
  std::vector<fs::path> leftovers;
  for (const auto& entry : fs::recursive_directory_iterator(directory.root())) {
    const std::string name = entry.path().filename().string();
    if (entry.is_regular_file() && name.starts_with(".") && name.find(".tmp-") != std::string::npos) {
      leftovers.push_back(entry.path());
    }
  }
  for (const auto& path : leftovers) fs::remove(path);
  if (!leftovers.empty()) {
    log::info("removed " + std::to_string(leftovers.size()) + " unfinished files of an earlier job");
  }
}

void make_folders(const RunDirectory& directory) {
  try {
    for (const char* name : {"", "keys", "segments", "descriptors", "clusters", "masks", "scores"}) {
      fs::create_directories(directory.root() / name);
    }
    write_text_atomically(directory.root() / ".write-test", "");
    fs::remove(directory.root() / ".write-test");
    remove_leftovers(directory);
  } catch (const fs::filesystem_error& error) {
    throw SystemError("Cannot use " + directory.root().string() + " as run directory", error.code().message(),
                      "Choose a writable folder with --run or run.directory.");
  }
}

/// Compares with the list of the directory, or freezes this one.
void freeze_image_list(const RunDirectory& directory, const ImageList& list) {
  if (!fs::exists(directory.image_list())) {
    write_image_list(directory.image_list(), list);
    return;
  }
  const std::string difference = first_difference(read_image_list(directory.image_list()), list);
  if (difference.empty()) return;
  throw InputError("The images are not those that " + directory.root().string() + " was started with", difference,
                   "Restore them, or choose another run directory with --run.");
}

std::optional<Hash> hash_of(const std::optional<fs::path>& file) {
  if (!file) return std::nullopt;
  return hash_file(*file);
}

/// File of the given centroids, without the name of the dataset in it.
std::optional<fs::path> given_centroids(const Config& config) {
  if (!config.cluster.centroids) return std::nullopt;
  return parse_dataset_path(*config.cluster.centroids, "/centroids").file;
}

/// The hash that rank 0 computed, on all ranks: a large file is read once.
std::optional<Hash> agreed_hash(Communicator& comm, const std::optional<fs::path>& file) {
  if (!file) return std::nullopt;
  Hash hash;
  on_root(comm, [&] { hash = *hash_of(file); });
  comm.broadcast(std::as_writable_bytes(std::span(&hash, 1)), 0);
  return hash;
}

RunInputs agreed_inputs(const Config& config, const std::optional<FittedRun>& fitted, const ImageList& list,
                        Communicator& comm) {
  RunInputs inputs;
  inputs.images = list.hash();
  inputs.weights = agreed_hash(comm, config.model.weights);
  inputs.descriptor_weights = agreed_hash(comm, config.descriptor.weights);
  inputs.centroids = agreed_hash(comm, given_centroids(config));
  if (fitted) {
    // All centroids of the fitted run together: the new run has the same list of K.
    Hasher hasher;
    for (const int k : config.cluster.k) hasher.add(agreed_hash(comm, fitted->directory.centroids(k))->hex());
    inputs.centroids = hasher.finish();
  }
  return inputs;
}

constexpr const char* backend_comment = "# backend: ";

/// The backend that the run was started on, from the first line of its config.yaml; empty for a new run.
std::string recorded_backend(const RunDirectory& directory) {
  std::ifstream file(directory.config());
  std::string line;
  const std::string prefix = backend_comment;
  if (!std::getline(file, line) || !line.starts_with(prefix)) return {};
  return line.substr(prefix.size());
}

/// The backend that counts for the run's provenance. A rank or a resume on another one would mix bits of two machines.
std::string agreed_backend(const Config& config, const RunDirectory& directory, Communicator& comm) {
  std::string backend = torch_backend();
  const std::string recorded = broadcast_text(comm, comm.rank() == 0 ? recorded_backend(directory) : std::string());
  if (config.run.mixed_hardware) {
    return broadcast_text(comm, recorded.empty() ? backend : recorded);
  }
  require_same_everywhere(comm, backend, "the backend of the model (device, instruction set, LibTorch, BLAS)");
  if (recorded.empty() || recorded == backend) return backend;
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

int threads_per_rank(const Communicator& comm) {
  return std::max(1, available_cores() / comm.local_size());
}

std::unique_ptr<RunContext> open_run(const Config& config, std::optional<FittedRun> fitted, Communicator& comm) {
  require_same_everywhere(comm, dump_config(config, false), "the configuration");
  const int threads = threads_per_rank(comm);
  std::unique_ptr<Dataset> dataset;
  collectively(comm, [&] { dataset = open_configured_dataset(config.dataset); });
  const RunDirectory directory(config.run.directory);
  on_root(comm, [&] { make_folders(directory); });

  auto list = list_images(*dataset, config.dataset.shard_size, orientation_of(config.dataset), threads, comm);
  on_root(comm, [&] { freeze_image_list(directory, list); });
  auto inputs = agreed_inputs(config, fitted, list, comm);
  inputs.backend = agreed_backend(config, directory, comm);
  on_root(comm, [&] {
    write_text_atomically(directory.config(), backend_comment + inputs.backend + "\n" + dump_config(config, false));
  });

  Provenance provenance(config, std::move(inputs));
  return std::unique_ptr<RunContext>(new RunContext{config, directory, comm, std::move(dataset), std::move(list),
                                                    std::move(provenance), std::move(fitted), threads});
}

}  // namespace datus
