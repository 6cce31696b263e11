// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/dataset_description.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace datus::io_detail {

/// Where the files of one sort are looked for.
struct Search {
  const DatasetDescription& description;
  const DatasetDescription::Files& files;
  std::filesystem::path root;
  std::string split;     ///< as `dataset.split` names it; may be empty
  const char* key = "";  ///< of the configuration, that names the root
};

/// `pattern` with the folder of the split for `{split}`; nothing when it needs a split and there is none.
[[nodiscard]] std::optional<std::string> filled(const std::string& pattern, const DatasetDescription& description,
                                                const std::string& split);

/// The same of one of its patterns. Throws `UsageError` where a split has to be chosen.
[[nodiscard]] std::string filled_pattern(const Search& search, const std::string& pattern);

/// "holds 3 folders and 2 files: x, y, z, …"
[[nodiscard]] std::string content_of(const std::filesystem::path& folder);

/// The first folder of the description below the root that is there.
[[nodiscard]] std::optional<std::filesystem::path> described_folder(const Search& search);

/// The same, or the root itself where it may be such a folder: when its name is that of the split, or nothing depends
/// on a split. Throws `InputError` with what was looked for and what is there, `UsageError` when a split has to be
/// chosen.
[[nodiscard]] std::filesystem::path folder_of(const Search& search);

/// The list of the images of the split, below `root`; nothing where the description has none, or there is no split.
/// Throws as `folder_of` does.
[[nodiscard]] std::optional<std::filesystem::path> described_list(const DatasetDescription& description,
                                                                  const std::filesystem::path& root,
                                                                  const std::string& split);

/// "looked for A, B in ROOT, which holds 3 folders and 2 files: x, y, z, …".
[[nodiscard]] std::string looked_for(const Search& search);

}  // namespace datus::io_detail
