// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/dataset_description.hpp"
#include "datus/core/image.hpp"
#include "datus/io/palette.hpp"
#include "datus/pipeline/run_directory.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace datus {

/// The classes of an export: what its values mean.
struct LabelClasses {
  std::vector<std::string> names;                        ///< by their number
  std::vector<int> of_cluster;                           ///< [K] class of each cluster; -1: none
  std::string source;                                    ///< a phrase for people: who says so
  std::vector<DatasetDescription::Colour> colours = {};  ///< [classes] of the data set; empty where it has none

  [[nodiscard]] int count() const { return static_cast<int>(names.size()); }
  [[nodiscard]] Palette palette() const;
  [[nodiscard]] std::vector<int> clusters_of(int index) const;
  /// A map of clusters as one of classes; `no_label` where a cluster has none.
  [[nodiscard]] LabelMap classes_of(const LabelMap& clusters) const;
};

/// The classes that `names` gives to clusters, by their first line in the file; else those of the run's own ground
/// truth or of the run that it was labelled with; else each cluster is one, "cluster_000". Throws as
/// `read_cluster_names` and `classes_of_run` do.
[[nodiscard]] LabelClasses find_classes(const RunDirectory& run, int k,
                                        const std::optional<std::filesystem::path>& names, const std::string& protocol);

}  // namespace datus
