// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/dataset_description.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace datus {

/// A description of a data set as text.
struct DatasetText {
  std::string name;    ///< as `dataset.kind` names it
  std::string origin;  ///< the file, for messages; of a shipped one its path in the sources
  std::string text;    ///< YAML
};

/// The descriptions of configs/datasets, which are part of the program, in the order of their names.
[[nodiscard]] std::span<const DatasetText> shipped_datasets();

/// Names of all descriptions: those of the folder $DATUS_DATASETS, where it is set, and the shipped ones; sorted.
/// Throws `UsageError` for a folder that cannot be listed.
[[nodiscard]] std::vector<std::string> dataset_names();

/// The description of that name: $DATUS_DATASETS/NAME.yaml, or else the shipped one; nothing where there is neither.
/// Throws `UsageError` for a file that cannot be read.
[[nodiscard]] std::optional<DatasetText> find_dataset_text(const std::string& name);

/// The description in a file. Throws as `find_dataset_text` does.
[[nodiscard]] DatasetText read_dataset_text(const std::filesystem::path& file);

/// What the text says. Throws `UsageError` naming file, line and key for what is not understood.
[[nodiscard]] std::shared_ptr<const DatasetDescription> parse_dataset(const DatasetText& text);

}  // namespace datus
