// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pipeline/report/report_data.hpp"

#include <string>

namespace datus {

/// The page as HTML, with its style and script inside, and the pictures too unless they lie apart. It needs no network;
/// without script it shows all but what can be switched: the photo of each image beside the mask of the first K.
[[nodiscard]] std::string report_page(const ReportData& data);

// Its parts, each a section element.

[[nodiscard]] std::string overview_section(const ReportData& data);
[[nodiscard]] std::string image_section(const ReportData& data);
[[nodiscard]] std::string cluster_section(const ReportData& data);
[[nodiscard]] std::string chart_section(const ReportData& data);
/// What the script works with: classes, clusters and images, and the pictures inside of the page; script elements.
[[nodiscard]] std::string data_scripts(const ReportData& data);

/// "13 · reef": a cluster with the name that a person gave it, or else its class.
[[nodiscard]] std::string cluster_title(const ReportData& data, const ReportResult& result, int cluster);
/// Where a picture lies, relative to the page: "pictures/000012.jpg".
[[nodiscard]] std::string picture_file(std::int64_t image, const std::string& ending);
/// The element "division" that the page shows while K is chosen.
[[nodiscard]] std::string of_k(int k, const std::string& content);

}  // namespace datus
