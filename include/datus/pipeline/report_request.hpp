// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/pipeline/report_limits.hpp"

#include <filesystem>
#include <optional>

namespace datus {

/// What a report is to show.
struct ReportRequest {
  int max_images = report_images;
  std::optional<std::filesystem::path> names = {};  ///< that a person gave to clusters (`read_cluster_names`)
  std::optional<int> k = {};                        ///< whose clusters they are, where the run has several K
};

}  // namespace datus
