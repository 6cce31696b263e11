// SPDX-License-Identifier: Apache-2.0
#include "datus/core/error.hpp"
#include "datus/core/names.hpp"
#include "io/datasets/file_listing.hpp"
#include "io/datasets/kinds.hpp"
#include "io/datasets/list_file.hpp"

#include <algorithm>
#include <cctype>
#include <map>
#include <string>
#include <utility>

namespace datus::io_detail {
namespace {

namespace fs = std::filesystem;

/// An absolute path without "." and "..", and without a slash at its end.
fs::path normal(const fs::path& path) {
  fs::path result = fs::absolute(path).lexically_normal();
  return result.has_filename() ? result : result.parent_path();
}

/// The name of a file under which results are stored: relative to `root`, or, outside it, the
/// absolute path without its leading slash, since results must stay below the folder of the run.
std::string name_below(const fs::path& root, const fs::path& file) {
  const fs::path relative = file.lexically_relative(root);
  const bool is_inside = !relative.empty() && *relative.begin() != "..";
  return is_inside ? relative.generic_string() : file.relative_path().generic_string();
}

/// The file that an entry means: that of its name, or, for a name without the ending of an image, the one that has it.
/// Where there is neither, the name with `ending`.
fs::path image_of_entry(const fs::path& path, const std::string& place, const std::string& ending_of_missing) {
  std::error_code unknown;
  if (has_extension(path.filename().string(), image_extensions()) || fs::exists(path, unknown)) return path;
  std::vector<fs::path> found;
  for (const std::string_view extension : image_extensions()) {
    std::string upper(extension);
    for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    for (const std::string& ending : {std::string(extension), upper}) {
      const fs::path file = fs::path(path) += ending;
      if (fs::exists(file, unknown)) found.push_back(file);
    }
  }
  if (found.size() > 1) {
    throw InputError("Several images are meant in " + place,
                     found[0].filename().string() + " and " + found[1].filename().string(),
                     "Write the ending as well.");
  }
  return found.empty() ? fs::path(path) += ending_of_missing : found.front();
}

/// Items of `list`, whose relative paths start at `root`.
std::vector<DatasetItem> items_of(const fs::path& list, const fs::path& root, const std::string& ending = {}) {
  std::vector<DatasetItem> items;
  std::map<std::string, std::int64_t> line_of;
  visit_list_file(list, [&](const ListEntry& entry) {
    DatasetItem item;
    item.image = image_of_entry(normal(root / entry.image), place_in(list, entry.line), ending);
    item.name = name_below(root, item.image);
    if (!entry.truth.empty()) {
      item.truth = normal(root / entry.truth);
      item.truth_name = name_below(root, item.truth);
      if (std::error_code unknown; !fs::exists(item.truth, unknown)) {
        throw InputError("No ground truth for " + place_in(list, entry.line), "there is no file " + item.truth.string(),
                         "Correct the second column.");
      }
    }
    const auto [other, is_new] = line_of.emplace(item.name, entry.line);
    if (!is_new) {
      throw InputError("An image is listed twice in " + place_in(list, entry.line),
                       item.name + " is also in line " + std::to_string(other->second), "Remove one of the lines.");
    }
    items.push_back(std::move(item));
  });
  return items;
}

FoundImages find_images(const DatasetOptions& options) {
  if (!options.list && is_image_file(options.images)) return one_image(options.images);
  const fs::path list = options.list.value_or(options.images);
  return {.items = items_of(list, normal(options.list ? options.images : normal(list).parent_path()))};
}

}  // namespace

FoundImages images_of_list(const fs::path& list, const fs::path& root, const std::string& ending) {
  return {.items = items_of(list, normal(root), ending)};
}

FoundImages images_of_folder_or_list(const DatasetOptions& options) {
  std::error_code unknown;
  if (fs::is_regular_file(options.images, unknown)) return find_images(options);
  return list_images(options.images, Depth::recursive, options.results_in);
}

FoundImages images_of_folder_and_list(const DatasetOptions& options) {
  return options.list ? find_images(options) : images_of_folder_or_list(options);
}

void keep_listed(std::vector<DatasetItem>& predictions, const fs::path& list) {
  std::map<std::string, std::int64_t> line_of;
  visit_list_file(list, [&](const ListEntry& entry) {
    const std::string name = fs::path(entry.image).lexically_normal().generic_string();
    line_of.emplace(has_extension(name, image_extensions()) ? stem_of(name) : name, entry.line);
  });
  std::erase_if(predictions, [&](const DatasetItem& item) { return line_of.erase(stem_of(item.name)) == 0; });
  if (line_of.empty()) return;
  const auto& [name, line] = *std::ranges::min_element(line_of, {}, [](const auto& entry) { return entry.second; });
  throw InputError("No prediction for " + place_in(list, line),
                   "there is none named " + name + " with an extension of images",
                   "Take it off the list, or point --predictions at the folder of all masks.");
}

DatasetKind list_kind() {
  return {.name = "list", .takes_list = true, .find_images = find_images, .pair_truth = pair_png_truth};
}

}  // namespace datus::io_detail
