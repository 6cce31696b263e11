// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/pipeline/run_directory.hpp"

#include <filesystem>
#include <map>
#include <vector>

namespace datus {

/// What a run holds of values of K that it is no longer asked for, by K: folders and files that exist, in byte order.
[[nodiscard]] std::map<int, std::vector<std::filesystem::path>> unused_clusters(const RunDirectory& directory,
                                                                                const std::vector<int>& wanted);

}  // namespace datus
