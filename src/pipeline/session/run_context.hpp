#pragma once

#include "datus/comm/communicator.hpp"
#include "datus/config/config.hpp"
#include "datus/core/job_identity.hpp"
#include "datus/core/stop_signals.hpp"
#include "datus/io/atomic_file.hpp"
#include "datus/io/dataset.hpp"
#include "datus/pipeline/run_directory.hpp"
#include "pipeline/backbone/model_placement.hpp"
#include "pipeline/files/image_list.hpp"
#include "pipeline/files/provenance.hpp"
#include "pipeline/session/event_log.hpp"
#include "pipeline/session/run_lock.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace datus {

/// A finished run whose centroids and cluster-to-class mapping label new images.
struct FittedRun {
  RunDirectory directory;
  std::string description;  ///< of the images that it was fitted on
};

/// What every stage of a run works with. Made by `open_run`.
struct RunContext {
  Config config;
  RunDirectory directory;
  Communicator& comm;
  std::unique_ptr<Dataset> dataset;
  ImageList list;
  Provenance provenance;
  std::optional<FittedRun> fitted;
  int threads = 1;
  ModelPlacement placement = {};               ///< of the model on this rank
  JobIdentity job;                             ///< this start of the job, the same on all ranks
  std::shared_ptr<const StopSignals> signals;  ///< longer than the lock: giving that back must not be cut short
  std::unique_ptr<RunLock> lock;               ///< none when the run is only looked at
  EventLog events;                             ///< of this rank
  bool force = false;                          ///< starts also what will not fit on the disk

  /// For every file that is written below the run: names the writer, and refuses the final name once the lock is lost.
  [[nodiscard]] WriteOptions writing() const;
  /// COLLECTIVE. Throws `AgreedError` (exit code interrupted) when any rank was asked to stop; `next` is what would
  /// come next ("the stage mask").
  void require_no_stop(const std::string& next) const;

  /// File of an image of the list.
  [[nodiscard]] std::filesystem::path image_path(std::int64_t image) const {
    return dataset->items()[static_cast<std::size_t>(image)].image;
  }
  [[nodiscard]] Orientation orientation() const;
  /// A phrase that names the images without a place on the disk, for score files.
  [[nodiscard]] std::string images_description() const;
};

/// What a run is opened for.
enum class RunAccess {
  write,                ///< takes the lock, makes the folder, freezes the list
  write_without_model,  ///< the same for stages that compute no embeddings: they go on from another backend too
  report,               ///< takes the lock too; what the run is made from stays what its record says
  look,                 ///< changes nothing
};

/// COLLECTIVE. Opens the run directory of the configuration, or makes it: lists and probes the images, freezes the list
/// in images.h5, hashes the weights and writes config.yaml. Throws `AgreedError` on all ranks when the directory cannot
/// be written to, when the images differ from the frozen list, when an input is missing, and with `RunAccess::write`
/// when the run was started on another backend.
[[nodiscard]] std::unique_ptr<RunContext> open_run(const Config& config, std::optional<FittedRun> fitted,
                                                   Communicator& comm, RunAccess access = RunAccess::write);

}  // namespace datus
