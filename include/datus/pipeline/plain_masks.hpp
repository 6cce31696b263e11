// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/comm/communicator.hpp"
#include "datus/config/config.hpp"

#include <cstdint>
#include <filesystem>
#include <string>

namespace datus {

/// COLLECTIVE. `datus mask --segments FILE --clusters FILE:/kK --images DIR --out DIR`. Ranks share the images.
/// Returns the number of masks.
std::int64_t masks_to_folder(const Config& config, const std::filesystem::path& segments, const std::string& clusters,
                             const std::filesystem::path& images, const std::filesystem::path& out, int threads,
                             Communicator& comm);

/// COLLECTIVE. `datus mask --keys FILE --clusters FILE:/kK --images DIR --out DIR`, with mask.labels: dense: from the
/// embeddings themselves.
std::int64_t dense_masks_to_folder(const Config& config, const std::filesystem::path& keys, const std::string& clusters,
                                   const std::filesystem::path& images, const std::filesystem::path& out, int threads,
                                   Communicator& comm);

}  // namespace datus
