// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/io/atomic_file.hpp"
#include "datus/io/dataset.hpp"
#include "datus/pipeline/run_directory.hpp"
#include "pipeline/files/image_list.hpp"
#include "pipeline/session/open_run.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace datus {

/// The list of a run that is there; nothing when there is none, or when it is damaged, which is said: then the shards'
/// records still tell whether they belong to the images that are there now.
[[nodiscard]] std::optional<ImageList> frozen_image_list(const RunDirectory& directory);

/// Images per shard of a run that is there, by its list or else its configuration; nothing for a new one.
[[nodiscard]] std::optional<int> frozen_shard_size(const RunDirectory& directory,
                                                   const std::optional<ImageList>& frozen);

/// Freezes the list, where the access makes the run's record. One that is there is replaced when images came, went
/// or changed; this is said, and what the run has of images that went is removed. Throws `InputError` when most of the
/// images that the run has results of are not as they were, and for a new run when no image can be read. What was made
/// from `rewritten_images`, or without images that can be read now, is removed; where the access makes no record these
/// shards are returned instead: their files are still there, current by all that they say of themselves. Not
/// collective.
[[nodiscard]] OutdatedShards freeze_image_list(const RunDirectory& directory, const std::optional<ImageList>& frozen,
                                               const ImageList& list, const std::vector<std::int64_t>& rewritten,
                                               const Dataset& dataset, RunAccess access, const WriteOptions& options);

}  // namespace datus
