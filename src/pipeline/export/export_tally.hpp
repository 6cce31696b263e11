// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/image.hpp"
#include "pipeline/export/label_classes.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace datus {

/// Pixels of the exported masks, by what they are.
struct ExportTally {
  std::vector<std::int64_t> of_class;
  std::int64_t unassigned = 0;     ///< of no cluster
  std::int64_t without_class = 0;  ///< of a cluster that has no class
  std::int64_t images = 0;

  explicit ExportTally(const LabelClasses& classes) : of_class(classes.names.size()) {}
  void add(const LabelMap& clusters, const LabelMap& classes);
  ExportTally& operator+=(const ExportTally& other);
  [[nodiscard]] std::int64_t no_class() const { return unassigned + without_class; }
  [[nodiscard]] std::int64_t total() const;
};

/// The text of classes.json: what the values of an export mean, and how many pixels have them.
[[nodiscard]] std::string classes_json(const std::string& format, const LabelClasses& classes,
                                       const ExportTally& tally);

/// A line for people: "8 images, 12 classes (ground truth, matched by strict), 3.1 % of the pixels without class: …".
[[nodiscard]] std::string export_text(const LabelClasses& classes, const ExportTally& tally);

}  // namespace datus
