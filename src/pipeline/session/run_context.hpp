// SPDX-License-Identifier: Apache-2.0
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
#include "pipeline/files/key_mean.hpp"
#include "pipeline/files/provenance.hpp"
#include "pipeline/session/event_log.hpp"
#include "pipeline/session/run_lock.hpp"

#include <cstdint>
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

/// Of the files that this rank of the job writes: names the writer, and refuses the final name once the lock is lost,
/// which must live as long as the options (null: there is none).
[[nodiscard]] WriteOptions writing_as(const JobIdentity& job, int rank, const RunLock* lock);

/// Shards that were made from other images than there are now, though neither list nor records can tell.
struct OutdatedShards {
  std::vector<std::int64_t> shards;
  std::string why;  ///< "an image can be read now"
};

/// What every stage of a run works with. Made by `open_run`; stages leave it as it is.
struct RunContext {
  const Config config;
  const RunDirectory directory;
  Communicator& comm;
  const std::shared_ptr<const Dataset> dataset;
  const ImageList list;
  Provenance provenance;
  const std::optional<FittedRun> fitted;
  /// Not removed yet, for the run is only looked at.
  const OutdatedShards outdated = {};
  const int truth_classes = 0;  ///< of the ground truth at least, as `check_truth` found
  const int threads = 1;
  ModelPlacement placement = {};                     ///< of the model on this rank
  const JobIdentity job;                             ///< this start of the job, the same on all ranks
  const std::shared_ptr<const StopSignals> signals;  ///< longer than the lock: giving that back must not be cut short
  const std::unique_ptr<const RunLock> lock;         ///< none when the run is only looked at
  const EventLog events;                             ///< of this rank
  KeyMean key_mean = {};                             ///< of the data set, where segments need it and it is known
  const bool force = false;                          ///< starts also what will not fit on the disk

  /// For every file that is written below the run, as `writing_as` says.
  [[nodiscard]] WriteOptions writing() const;
  /// Not collective. Throws `SystemError` where another job has taken the run over: before a shard is taken, or a file
  /// removed.
  void require_held() const;
  /// COLLECTIVE. Throws `AgreedError` (exit code interrupted) when any rank was asked to stop; `next` is what would
  /// come next ("the stage mask").
  void require_no_stop(const std::string& next) const;

  /// COLLECTIVE. From now on the model takes batches of `size`, which its bits depend on: the run's record is written
  /// anew.
  void use_batches_of(int size);

  /// From now on segments take this mean embedding, which is a part of their record.
  void use_key_mean(KeyMean mean);

  /// File of an image of the list.
  [[nodiscard]] std::filesystem::path image_path(std::int64_t image) const {
    return dataset->items()[static_cast<std::size_t>(image)].image;
  }
  [[nodiscard]] Orientation orientation() const;
  /// A phrase that names the images without a place on the disk, for score files.
  [[nodiscard]] std::string images_description() const;
};

}  // namespace datus
