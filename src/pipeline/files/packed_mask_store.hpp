// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pipeline/files/mask_store.hpp"

#include <memory>

namespace datus {

/// mask.formats: hdf5. RUN/masks/kK-packed/SHARD.h5 for each shard, with its own record, and RUN/masks/kK.h5, whose
/// links lead to the masks of all shards.
[[nodiscard]] std::unique_ptr<const MaskStore> make_packed_mask_store(MaskedRun run);

}  // namespace datus
