#include "datus/core/error.hpp"
#include "datus/core/names.hpp"
#include "io/datasets/file_listing.hpp"
#include "io/datasets/kinds.hpp"
#include "io/datasets/list_file.hpp"
#include "io/datasets/protocols.hpp"

#include <map>
#include <string>
#include <utility>

namespace datus::io_detail {
namespace {

namespace fs = std::filesystem;

/// All 27 classes (the default), the 15 of stuff, and the 3 of the early experiments: sky, plant,
/// ground.
std::vector<BuiltInMap> label_maps() {
  constexpr int first_stuff = 12;
  constexpr int sky = 23;
  constexpr int ground = 21;
  const auto& names = protocols::coco_stuff_27_classes;
  std::vector<BuiltInMap> maps = {{"coco_stuff_27", {}, names_of(names)},
                                  {"coco_stuff_15", {}, {names.begin() + first_stuff, names.end()}},
                                  {"coco_stuff_3", {}, {"sky", "plant", "ground"}}};
  for (const int coarse : protocols::coco_stuff_fine_to_coarse) {
    maps[0].labels.push_back(coarse);
    maps[1].labels.push_back(coarse < first_stuff ? no_label : coarse - first_stuff);
    maps[2].labels.push_back(coarse < ground || coarse > sky ? no_label : sky - coarse);
  }
  return maps;
}

/// The folder of the split: below the folder `inner` of `root`, below `root`, or `root` itself.
fs::path split_folder(const fs::path& root, const std::string& inner, const std::string& split, const char* key) {
  std::error_code unknown;
  if (!split.empty()) {
    if (fs::is_directory(root / inner / split, unknown)) return root / inner / split;
    if (fs::is_directory(root / split, unknown)) return root / split;
    const fs::path itself = fs::absolute(root).lexically_normal();
    if ((itself.has_filename() ? itself : itself.parent_path()).filename() == split) return root;
    throw InputError("Cannot find split " + split + " of dataset." + key + " " + root.string(),
                     "there is no folder " + split + " in it", "Check the path and dataset.split.");
  }
  for (const char* usual : {"train2017", "val2017"}) {
    if (fs::is_directory(root / usual, unknown) || fs::is_directory(root / inner / usual, unknown)) {
      throw UsageError("dataset.split is missing", root.string() + " holds several splits",
                       "Say which one to use, for example dataset.split: val2017.");
    }
  }
  return root;
}

/// The images that a curated list names by their id, in its order.
std::vector<DatasetItem> listed_images(const fs::path& list, const fs::path& folder) {
  std::vector<DatasetItem> items;
  std::map<std::string, std::int64_t> line_of;
  for (const auto& entry : read_list_file(list)) {
    const std::string id = has_extension(entry.image, image_extensions()) ? stem_of(entry.image) : entry.image;
    if (!entry.truth.empty() || id.find('/') != std::string::npos) {
      throw InputError("Not an image id in " + place_in(list, entry.line), "it reads " + entry.image,
                       "Write one id per line, for example 000000001234.");
    }
    const auto [other, is_new] = line_of.emplace(id, entry.line);
    if (!is_new) {
      throw InputError("An image is listed twice in " + place_in(list, entry.line),
                       id + " is also in line " + std::to_string(other->second), "Remove one of the lines.");
    }
    items.push_back({.name = id + ".jpg", .image = folder / (id + ".jpg"), .truth_name = {}, .truth = {}});
  }
  return items;
}

FoundImages find_images(const DatasetOptions& options) {
  std::error_code unknown;
  if (options.images_are_predictions || fs::is_regular_file(options.images, unknown)) {
    return images_of_folder_or_list(options);
  }
  const fs::path folder = split_folder(options.images, "images", options.split, "images");
  if (options.list) return {.items = listed_images(*options.list, folder)};
  return list_images(folder, options.split.empty() ? Depth::recursive : Depth::top_level, options.results_in);
}

void pair_truth(std::vector<DatasetItem>& items, const DatasetOptions& options) {
  const bool is_one_folder = options.images_are_predictions && options.split.empty();
  if (is_one_folder) return pair_png_truth(items, options);
  const fs::path truth = split_folder(*options.truth, "stuffthingmaps", options.split, "truth");
  pair_truth_by_stem(items, truth, png_extension(), options.split.empty() ? Depth::recursive : Depth::top_level);
}

}  // namespace

DatasetKind coco_stuff_kind() {
  return {.name = "coco_stuff",
          .takes_list = true,
          .takes_split = true,
          .has_own_truth = true,
          .find_images = find_images,
          .pair_truth = pair_truth,
          .label_maps = label_maps()};
}

}  // namespace datus::io_detail
