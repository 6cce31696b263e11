// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "io/datasets/file_listing.hpp"
#include "io/datasets/layout.hpp"

#include <filesystem>
#include <vector>

namespace datus::io_detail {

/// Leaves the images below `folder` that the patterns of the description match, and counts the others. Throws
/// `InputError` with what was looked for and what is there when none does, `UsageError` when a split has to be chosen.
void keep_matching(FoundImages& found, const Search& images, const std::filesystem::path& folder);

/// Gives each item the file below `folder` whose name is a pattern of the ground truth with what those of the images
/// matched in it. An image that no pattern matches, as predictions of another ending, is matched without its ending.
/// Throws as `keep_matching`, and for an image with two such files.
void pair_truth_by_patterns(std::vector<DatasetItem>& items, const Search& images, const Search& truth,
                            const std::filesystem::path& folder);

}  // namespace datus::io_detail
