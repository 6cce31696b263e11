// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/io/palette.hpp"
#include "datus/pipeline/cluster.hpp"
#include "datus/pipeline/score_files.hpp"
#include "pipeline/report/picture.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace datus {

/// A segment that shows what a cluster is.
struct ClusterExample {
  std::int64_t image = 0;
  int segment = 0;
  double distance = 0;  ///< to the centroid
};

/// What the page says of one cluster.
struct ReportCluster {
  Colour colour;
  int matched = -1;                             ///< its class
  std::string name;                             ///< by a person; empty for none
  std::int64_t segments = 0;                    ///< of all images
  int fine = 0;                                 ///< fine clusters that it was joined from; 0 without a tree
  std::vector<ClusterExample> nearest;          ///< the nearest first
  std::vector<ClusterExample> farthest;         ///< the farthest first
  std::vector<std::pair<int, double>> similar;  ///< clusters with the most similar centroids, and the cosine
};

/// Two of the clusters, or of earlier joints, that the tree joins next.
struct ReportJoint {
  int first = 0;  ///< 0 … k - 1 are the clusters, k + i joint i
  int second = 0;
  double height = 0;
};

/// A centroid in the plane in which they differ most.
struct ReportPoint {
  std::array<double, 2> place{};
  int cluster = 0;
  std::int64_t rows = 0;
};

/// What the page shows of one K.
struct ReportResult {
  int k = 0;
  std::optional<Evaluation> evaluation;  ///< empty without ground truth
  std::string left_out;                  ///< a sentence: why scores that are there are not these
  std::string names_left_out;            ///< likewise of names that the run has
  std::vector<int> mapping;              ///< [K] class or -1, of the first protocol; empty where no classes are known
  int classes = 0;                       ///< without ground truth: those that clusters have from elsewhere
  std::vector<std::string> class_names;  ///< of them
  std::vector<DatasetDescription::Colour> class_colours;  ///< of them, where their data set gives them colours
  std::string classes_from;                               ///< whose they are
  std::vector<ReportCluster> clusters;                    ///< [K]
  std::vector<ReportJoint> joints;  ///< [K - 1] in the order of their heights; empty without a tree
  std::vector<ReportPoint> points;
  std::vector<std::vector<std::array<double, 2>>> dots;  ///< [K] some segments of each cluster in the same plane
  std::array<double, 2> point_shares{};                  ///< of the variance along both axes

  /// Of the first protocol; null without ground truth.
  [[nodiscard]] const ProtocolScores* scores() const {
    return evaluation && !evaluation->protocols.empty() ? &evaluation->protocols.front() : nullptr;
  }
};

/// Everything on the page.
struct ReportData {
  std::string title;
  std::string version;
  std::int64_t image_count = 0;
  std::vector<std::string> names;       ///< of all images of the list
  std::vector<ReportPicture> pictures;  ///< in the order of the list; with a photo or with cut-outs alone
  /// Photos and maps lie in the folder `pictures` beside the page, for the page would get too large.
  bool pictures_apart = false;
  std::vector<ReportResult> results;      ///< in the order of cluster.k
  std::vector<ClusterSummary> selection;  ///< ordered by K; empty where nothing is known
  std::vector<std::string> class_names;
  int classes = 0;
  Palette class_palette;              ///< [classes]
  bool has_truth = false;             ///< the data set, for some of its images
  std::string evaluation_failure;     ///< why there are no scores; empty where nothing failed
  std::string segmentation;           ///< what the images have of segments; empty when it is not known
  std::vector<std::string> warnings;  ///< sentences
  std::vector<std::pair<std::string, std::string>> facts;  ///< what was run: a word, and what is said of it
  std::string settings;
  std::vector<std::pair<std::string, std::string>> links;  ///< what else the run has: relative address, what it is

  [[nodiscard]] std::string class_name(int index) const;
  [[nodiscard]] const ReportPicture* picture_of(std::int64_t image) const;
};

/// The classes of a report and their colours.
struct ReportClasses {
  int count = 0;
  std::vector<DatasetDescription::Colour> given = {};  ///< by the data set, one for each; or empty

  [[nodiscard]] Palette palette() const;
};

/// The colours of clusters: a matched one has that of its class, lighter or darker where several have the same class;
/// all others have colours that no class has. Without classes, those of `label_palette`.
[[nodiscard]] Palette cluster_colours(int k, const std::vector<int>& mapping, const ReportClasses& classes);

}  // namespace datus
