// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/config/config.hpp"

#include <filesystem>

namespace datus {

/// `datus describe --images DIR --segments FILE --out FILE`. Every image of the file must be there and readable.
void describe_to_file(const Config& config, const std::filesystem::path& images, const std::filesystem::path& segments,
                      const std::filesystem::path& out, int threads);

}  // namespace datus
