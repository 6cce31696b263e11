// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/config/config.hpp"

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace datus {

/// Names of images that could not be read, each with its reason.
using UnreadableImages = std::vector<std::pair<std::string, std::string>>;

/// `datus extract --images DIR|LIST --out FILE`: one process, one file. Images that cannot be read are left out and
/// returned. Throws `InputError` when none is left.
UnreadableImages extract_to_file(const Config& config, const std::filesystem::path& images,
                                 const std::filesystem::path& out, int threads);

}  // namespace datus
