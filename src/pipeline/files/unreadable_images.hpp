// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/types.hpp"
#include "datus/pipeline/run_directory.hpp"

#include <cstdint>
#include <vector>

namespace datus {

/// The images of a shard that could not be read when it was made, by their place in the list: from whichever of its
/// files exists, since keys may not be kept and segments may not be made yet. Empty when there is none. Throws
/// `InputError` for a file that is none of HDF5.
[[nodiscard]] std::vector<std::int64_t> unreadable_images(const RunDirectory& directory, ShardIndex shard);

}  // namespace datus
