// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/pipeline/report_limits.hpp"

#include <filesystem>
#include <optional>

namespace datus {

/// What a report is to show.
struct ReportRequest {
  int max_images = report_images;
  /// That a person gave to clusters (`read_cluster_names`): they stay with the run, for later reports too.
  std::optional<std::filesystem::path> names = {};
  bool drops_names = false;   ///< those that the run has from before
  std::optional<int> k = {};  ///< whose clusters they are, where the run has several K; all, where they are dropped
};

}  // namespace datus
