// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pipeline/report/painter.hpp"
#include "pipeline/report/report_data.hpp"
#include "pipeline/session/run_context.hpp"

#include <filesystem>
#include <optional>
#include <vector>

namespace datus {

/// Names that a person gave to the clusters of one K.
struct NamesOfClusters {
  std::filesystem::path file;
  int k = 0;
};

/// What the files of a run say of each K: scores, classes, clusters with their colours and examples. Not collective.
/// Throws `InputError` naming a file that cannot be used, `UsageError` for names that are none.
[[nodiscard]] std::vector<ReportResult> collect_results(const RunContext& run,
                                                        const std::optional<NamesOfClusters>& names);

/// The classes that colours are needed for: of the ground truth, or those that clusters have.
[[nodiscard]] ReportClasses classes_of(const RunContext& run, const std::vector<ReportResult>& results);

/// Adds what takes longer and the page alone needs: numbers of segments, similar clusters, trees, the plane of the
/// centroids. Not collective; throws `InputError`.
void describe_clusters(const RunContext& run, std::vector<ReportResult>& results);

/// Which images to draw: up to `max_images` of the readable ones, evenly chosen, and those that have examples of
/// clusters. In the order of the list.
[[nodiscard]] std::vector<PictureRequest> choose_pictures(const RunContext& run, std::vector<ReportResult>& results,
                                                          int max_images);

}  // namespace datus
