// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/dataset_reader.hpp"
#include "datus/core/dataset_description.hpp"

namespace datus {

/// One label map of a description, without its void values. Throws `UsageError` naming file and line.
[[nodiscard]] DatasetDescription::LabelMap read_dataset_labels(const YamlEntry& entry, const YamlSource& source);

/// Makes `values` void in `map`. Throws for one that is a class.
void make_void(DatasetDescription::LabelMap& map, const std::vector<int>& values, const YamlEntry& entry);

}  // namespace datus
