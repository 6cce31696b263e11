// SPDX-License-Identifier: Apache-2.0
#include "pipeline/inputs/plain_images.hpp"

#include "datus/core/error.hpp"
#include "datus/core/log.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <system_error>

namespace datus {
namespace {

/// Two of a run's files tell it, also where the third was deleted; one may be anybody's. The names are
/// `RunDirectory`'s, which lies above this wing.
bool is_run(const std::filesystem::path& folder) {
  constexpr std::array names = {"config.yaml", "images.h5", "state.json"};
  return std::ranges::count_if(names, [&](const char* name) {
           std::error_code unknown;
           return std::filesystem::exists(folder / name, unknown);
         }) >= 2;
}

std::string results_in(const std::filesystem::path& folder) {
  std::error_code unknown;
  if (is_run(folder)) return "datus run";
  return std::filesystem::exists(folder / mask_folder_mark, unknown) ? "folder of masks" : "";
}

/// What of datus the folder is or lies in; empty for anything else. A run may have photos beside its results, where its
/// directory is that of a project.
std::string results_around(const std::filesystem::path& folder) {
  std::filesystem::path place = std::filesystem::absolute(folder).lexically_normal();
  if (!place.has_filename()) place = place.parent_path();
  if (is_run(place)) return "a run of datus";
  for (; place.has_relative_path(); place = place.parent_path()) {
    const std::string name = place.filename().string();
    if ((name == "masks" || name == "report") && is_run(place.parent_path())) return "a part of a run of datus";
    if (results_in(place) == "folder of masks") return "a folder of masks of datus";
  }
  return {};
}

/// Masks and the report's pictures are no photos.
void require_no_results(const std::filesystem::path& images) {
  const std::string results = results_around(images);
  if (results.empty()) return;
  throw UsageError("The images are to come from " + images.string() + ", which is " + results,
                   "it holds masks or pictures of a report, no photos",
                   "Give the folder of the photos (dataset.images in a run's config.yaml names it).");
}

}  // namespace

void log_left_out(const Dataset& dataset, const std::filesystem::path& images) {
  if (!dataset.left_out().empty()) log::info("left out of " + images.string() + ": " + dataset.left_out());
}

std::unique_ptr<Dataset> open_plain_images(const std::filesystem::path& images) {
  require_no_results(images);
  DatasetOptions options;
  options.kind = kind_of_plain_files("folder", images, /*has_truth=*/false);
  options.images = images;
  options.results_in = results_in;
  return open_dataset(options);
}

InputGuard guard_of_images(const std::filesystem::path& images, const Dataset& dataset,
                           std::initializer_list<std::filesystem::path> others) {
  InputGuard guard(others);
  guard.add(images);
  for (const DatasetItem& item : dataset.items()) guard.add(item.image);
  return guard;
}

std::optional<std::filesystem::path> classes_of(const DatasetConfig& config) {
  if (config.classes.count) return std::to_string(*config.classes.count);
  return config.classes.file;
}

std::unique_ptr<Dataset> open_configured_dataset(const DatasetConfig& config) {
  if (!config.images) {
    throw UsageError("dataset.images is missing", "the run needs images", "Set it to a folder, or a list of files.");
  }
  require_no_results(*config.images);
  DatasetOptions options;
  options.kind = config.kind;
  options.images = *config.images;
  options.truth = config.truth;
  options.classes = classes_of(config);
  options.label_map = config.label_map;
  options.void_value = config.void_label;
  options.split = config.split.value_or("");
  options.list = config.list;
  options.results_in = results_in;
  return open_dataset(options);
}

std::vector<DatasetItem> join_by_name(const Dataset& dataset, const std::vector<std::string>& names, std::int64_t count,
                                      const std::string& what) {
  const auto& items = dataset.items();
  if (names.empty()) {
    if (static_cast<std::int64_t>(items.size()) != count) {
      throw InputError(what + " has " + std::to_string(count) + " images, --images has " + std::to_string(items.size()),
                       "without /name they are joined by their order", "Give the images that the file was made from.");
    }
    log::warning(what + " has no /name: images are joined by their order.");
    return items;
  }
  std::map<std::string, const DatasetItem*> by_name;
  for (const auto& item : items) by_name.emplace(item.name, &item);
  std::vector<DatasetItem> joined;
  for (const auto& name : names) {
    const auto found = by_name.find(name);
    if (found == by_name.end()) {
      throw InputError("Image " + name + " of " + what + " is not in --images", "images are joined by name",
                       "Give the folder or list that the file was made from.");
    }
    joined.push_back(*found->second);
    by_name.erase(found);
  }
  if (!by_name.empty()) {
    throw InputError("Image " + by_name.begin()->first + " of --images is not in " + what,
                     "images are joined by name, and " + std::to_string(by_name.size()) + " are extra",
                     "Give the folder or list that the file was made from.");
  }
  return joined;
}

}  // namespace datus
