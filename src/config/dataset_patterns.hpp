// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/dataset_reader.hpp"
#include "datus/core/dataset_description.hpp"

namespace datus {

/// Reads patterns into the folder that all of them begin with and the rest of each. Throws `UsageError` naming file and
/// line for what is no pattern.
void read_patterns(DatasetDescription::Files& files, const YamlEntry& entry);

/// Refuses patterns of ground truth in which what those of the images match has no place, or another one.
void require_pairing_patterns(const DatasetDescription& description, const YamlEntry& entry);

}  // namespace datus
