// SPDX-License-Identifier: Apache-2.0
#include "config/yaml_source.hpp"
#include "datus/config/dataset_descriptions.hpp"
#include "datus/core/environment.hpp"
#include "datus/core/error.hpp"

#include <algorithm>
#include <set>
#include <system_error>

namespace datus {
namespace {

namespace fs = std::filesystem;

constexpr const char* ending = ".yaml";

/// The folder of the user's own descriptions; empty where there is none.
fs::path own_folder() {
  return environment_variable("DATUS_DATASETS");
}

}  // namespace

DatasetText read_dataset_text(const fs::path& file) {
  return {file.stem().string(), file.string(), yaml_file_content(file, "the description of a data set,")};
}

std::optional<DatasetText> find_dataset_text(const std::string& name) {
  std::error_code unknown;
  const fs::path own = own_folder();
  if (!own.empty() && fs::exists(own / (name + ending), unknown)) return read_dataset_text(own / (name + ending));
  const auto shipped = std::ranges::find(shipped_datasets(), name, &DatasetText::name);
  return shipped == shipped_datasets().end() ? std::nullopt : std::optional(*shipped);
}

std::vector<std::string> dataset_names() {
  std::set<std::string> names;
  for (const DatasetText& text : shipped_datasets()) names.insert(text.name);
  if (const fs::path own = own_folder(); !own.empty()) {
    std::error_code failure;
    for (fs::directory_iterator entry(own, failure); !failure && entry != fs::directory_iterator();
         entry.increment(failure)) {
      if (entry->path().extension() == ending) names.insert(entry->path().stem().string());
    }
    if (failure) {
      throw UsageError("Cannot list the folder " + own.string(), "$DATUS_DATASETS names it: " + failure.message(),
                       "Correct the variable, or unset it.");
    }
  }
  return {names.begin(), names.end()};
}

}  // namespace datus
