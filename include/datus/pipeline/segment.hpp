// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/comm/communicator.hpp"
#include "datus/config/config.hpp"

#include <filesystem>

namespace datus {

/// `datus segment --keys FILE --out FILE`: reads /keys image by image, so a file may be larger than memory. Graphs are
/// made on the GPU where model.device finds one for this rank of `comm`. Not collective.
void segment_to_file(const Config& config, const std::filesystem::path& keys, const std::filesystem::path& out,
                     int threads, const Communicator& comm);

}  // namespace datus
