// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/comm/communicator.hpp"
#include "datus/io/dataset.hpp"
#include "datus/pipeline/run_directory.hpp"
#include "pipeline/files/image_list.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace datus {

/// COLLECTIVE. The images whose name, size and dimensions are those of the frozen list, but whose content is not what
/// their shard was made from: ascending places in the frozen list, on rank 0; nothing on the others. `frozen` is rank
/// 0's; without one the run's shards are compared with `list` itself.
///
/// A file of the same time and beginning is taken for the same. All others are read as a whole, by all ranks, and
/// compared with what their shard says. Where that says nothing (made by an earlier version, damaged, missing), another
/// beginning is another content, and another time alone is none; rank 0 says so of shards of earlier versions.
[[nodiscard]] std::vector<std::int64_t> rewritten_images(const RunDirectory& directory,
                                                         const std::optional<ImageList>& frozen, const ImageList& list,
                                                         const Dataset& dataset, int threads, Communicator& comm);

}  // namespace datus
