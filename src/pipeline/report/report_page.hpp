// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/pipeline/cluster.hpp"
#include "datus/pipeline/score_files.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace datus {

/// What the page shows of one K.
struct ReportResult {
  int k = 0;
  std::optional<Evaluation> evaluation;    ///< empty without ground truth
  std::vector<int> mapping;                ///< [K] class or -1, of the first protocol; empty where no classes are known
  std::vector<std::optional<double>> iou;  ///< [classes] of the first protocol; empty without ground truth
  int classes = 0;                         ///< without ground truth: those that clusters have from another run
  std::vector<std::string> class_names;    ///< of them
  std::string classes_from;                ///< whose they are
};

/// Everything on the page; pictures lie beside it under `picture_name`.
struct ReportData {
  struct Picture {
    std::int64_t image;
    std::string name;
    bool has_truth = false;
  };
  std::string title;
  std::int64_t image_count = 0;
  std::vector<Picture> images;
  std::vector<ReportResult> results;
  std::vector<ClusterSummary> selection;  ///< ordered by K; empty where nothing is known
  std::vector<std::string> class_names;
  int classes = 0;
  bool has_truth = false;          ///< the data set, for some of its images
  std::string evaluation_failure;  ///< why there are no scores; empty where nothing failed
  std::string segmentation;        ///< what the images have of segments; empty when it is not known
  std::string warning;             ///< of it; empty for none
  std::string settings;
  std::string backend;
  std::string images_description;
};

/// The page as HTML with its style inside; it needs no script and no network.
[[nodiscard]] std::string report_page(const ReportData& data);

/// Where a picture lies, relative to the page: "images/000012-segments.png".
[[nodiscard]] std::string picture_name(std::int64_t image, const std::string& what);

}  // namespace datus
