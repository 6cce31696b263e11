// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/dataset_description.hpp"
#include "datus/io/atomic_file.hpp"
#include "datus/io/palette.hpp"
#include "datus/pipeline/run_directory.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace datus {

/// What a run knows of the classes of its clusters: from its own ground truth, or from the run whose clusters it was
/// labelled with.
struct ClusterClasses {
  std::vector<int> mapping;                                    ///< [K] class of each cluster, or -1
  int classes = 0;                                             ///< how many there are
  std::vector<std::string> class_names;                        ///< [classes], or empty where they have none
  std::vector<DatasetDescription::Colour> class_colours = {};  ///< [classes], or empty where they have none
  std::string source;                                          ///< a phrase for people: what they come from
};

/// The colours of so many classes: those that their data set gives, or else `label_palette`.
[[nodiscard]] Palette class_palette(int classes, const std::vector<DatasetDescription::Colour>& given);

/// The mapping of RUN/scores/kNNN.json by `protocol`, by "strict" or else the first where that is empty; without scores
/// that of RUN/clusters/kNNN/classes.json; nothing without either. Throws `InputError` naming the file for a protocol
/// that the scores do not have, and for a file that cannot be used.
[[nodiscard]] std::optional<ClusterClasses> classes_of_run(const RunDirectory& run, int k,
                                                           const std::string& protocol = {});

/// RUN/clusters/kNNN/classes.json: the classes that a run has from another one. Atomic; equal classes give equal bytes.
void write_carried_classes(const std::filesystem::path& path, const ClusterClasses& classes,
                           const WriteOptions& options);

}  // namespace datus
