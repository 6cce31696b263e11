// SPDX-License-Identifier: Apache-2.0
#include "pipeline/session/run_origin.hpp"

#include "datus/core/error.hpp"
#include "datus/core/gpu.hpp"
#include "datus/core/hash.hpp"
#include "datus/core/log.hpp"
#include "datus/io/hdf5_types.hpp"
#include "datus/model/weights_hash.hpp"
#include "pipeline/files/config_file.hpp"
#include "pipeline/files/key_mean.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>

namespace datus {
namespace {

namespace fs = std::filesystem;

/// File of the given centroids, without the name of the dataset in it.
std::optional<fs::path> given_centroids(const Config& config) {
  if (!config.cluster.centroids) return std::nullopt;
  return parse_dataset_path(*config.cluster.centroids, "/centroids").file;
}

/// The hash that rank 0 computed, on all ranks: a large file is read once.
std::optional<Hash> agreed_hash(Communicator& comm, const std::optional<fs::path>& file,
                                const std::function<Hash(const fs::path&)>& hash_of = hash_file) {
  if (!file) return std::nullopt;
  Hash hash;
  on_root(comm, [&] { hash = hash_of(*file); });
  comm.broadcast(std::as_writable_bytes(std::span(&hash, 1)), 0);
  return hash;
}

/// COLLECTIVE. Of the mean embedding that an earlier job left, on all ranks.
std::optional<Hash> known_mean(const Config& config, const RunDirectory& directory, Communicator& comm) {
  std::optional<Hash> hash;
  if (!needs_dataset_mean(config)) return hash;
  on_root(comm, [&] { hash = hash_of_key_mean(directory.key_mean()); });
  std::int64_t is_known = hash ? 1 : 0;
  comm.broadcast(std::as_writable_bytes(std::span(&is_known, 1)), 0);
  Hash agreed = hash.value_or(Hash());
  comm.broadcast(std::as_writable_bytes(std::span(&agreed, 1)), 0);
  return is_known != 0 ? std::optional(agreed) : std::nullopt;
}

RunInputs agreed_inputs(const Config& config, const std::optional<FittedRun>& fitted, const ImageList& list,
                        Communicator& comm) {
  RunInputs inputs;
  inputs.set_images(list);
  const auto hash_of_model = [branch = config.model.branch.value_or("auto")](const fs::path& weights) {
    return hash_model(weights, branch);
  };
  inputs.weights = agreed_hash(comm, config.model.weights, hash_of_model);
  inputs.descriptor_weights = agreed_hash(comm, config.descriptor.weights, hash_of_model);
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
    inputs.set_images(list);
  });
  return inputs;
}

/// The backend that the run was started on; empty for a new run.
std::string recorded_backend(const RunDirectory& directory) {
  const auto record = read_config_file_record(directory.config());
  if (!record) return {};
  if (record->intact) return record->inputs.backend;
  log::warning(directory.config().string() + " was damaged or changed by hand; it is written anew");
  return {};
}

/// A single rank uses a single GPU.
void tell_of_idle_gpus(const ModelPlacement& placement, const Communicator& comm) {
  if (!placement.gpu || comm.size() > 1) return;
  const auto gpus = survey_gpus().gpus.size();
  if (gpus < 2) return;
  const std::string count = std::to_string(gpus);
  log::info("one of " + count + " GPUs is used: mpirun -n " + count +
            " datus …, or a job with a rank for each GPU (docs/cluster.md), uses all of them");
}

/// COLLECTIVE. Where the model runs. Who only looks, or makes nothing with the model, needs no GPU.
ModelPlacement placement_for(const Config& config, RunAccess access, Communicator& comm) {
  ModelPlacement placement;
  placement.batch_size = config.model.batch_size;
  const bool needs_model = access == RunAccess::write;
  collectively(comm, [&] {
    // Those of later stages too: not after hours of this one's work.
    if (needs_model) refuse_idle_gpus(config, comm);
    try {
      placement = place_model(config.model, comm);
    } catch (const UsageError&) {
      if (needs_model) throw;
    }
    if (needs_model) tell_of_idle_gpus(placement, comm);
  });
  return placement;
}

/// The backend that counts for the run's provenance. A rank or a resume on another one would mix bits of two machines,
/// where embeddings are computed.
std::string agreed_backend(const Config& config, const RunDirectory& directory, RunAccess access,
                           ModelPlacement& placement, Communicator& comm) {
  const std::string recorded = broadcast_text(comm, comm.rank() == 0 ? recorded_backend(directory) : std::string());
  // To know one's own takes LibTorch, half a second.
  if (access == RunAccess::write_without_model && !recorded.empty()) return recorded;
  std::string backend;
  collectively(comm, [&] { backend = backend_of(placement); });
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

RunOrigin find_origin(const Config& config, const RunDirectory& directory, const std::optional<FittedRun>& fitted,
                      const ImageList& list, RunAccess access, Communicator& comm) {
  const auto mean = known_mean(config, fitted ? fitted->directory : directory, comm);
  if (access == RunAccess::report) {
    RunOrigin origin{recorded_inputs(directory, list, comm), {}};
    origin.inputs.dataset_mean = mean;
    return origin;
  }
  RunOrigin origin{agreed_inputs(config, fitted, list, comm), placement_for(config, access, comm)};
  origin.inputs.dataset_mean = mean;
  origin.inputs.backend = agreed_backend(config, directory, access, origin.placement, comm);
  return origin;
}

}  // namespace datus
