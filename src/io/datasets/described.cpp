// SPDX-License-Identifier: Apache-2.0
#include "datus/core/error.hpp"
#include "datus/core/names.hpp"
#include "datus/core/text.hpp"
#include "io/datasets/coco_panoptic.hpp"
#include "io/datasets/colour_truth.hpp"
#include "io/datasets/file_listing.hpp"
#include "io/datasets/kinds.hpp"
#include "io/datasets/layout.hpp"
#include "io/datasets/list_file.hpp"
#include "io/datasets/patterns.hpp"

#include <algorithm>
#include <string>
#include <system_error>
#include <utility>

namespace datus::io_detail {
namespace {

namespace fs = std::filesystem;
using Description = DatasetDescription;

Depth depth_of(const Description::Files& files) {
  return files.is_flat ? Depth::top_level : Depth::recursive;
}

std::vector<std::string_view> endings_of(const Description::Files& files) {
  return {files.endings.begin(), files.endings.end()};
}

/// Refuses a line that names no stem.
void require_stems(const fs::path& list) {
  visit_list_file(list, [&](const ListEntry& entry) {
    if (entry.truth.empty() && entry.image.find('/') == std::string::npos) return;
    throw InputError("Not an image id in " + place_in(list, entry.line), "it reads " + entry.image,
                     "Write one id per line, for example 000000001234.");
  });
}

/// Leaves the images that are named as the description says, and counts the others.
void keep_named(FoundImages& found, const Description::Files& files) {
  const auto endings = endings_of(files);
  const auto is_other = [&](const DatasetItem& item) {
    return !stem_of(item.name).ends_with(files.suffix) || (!endings.empty() && !has_extension(item.name, endings));
  };
  const auto others = std::erase_if(found.items, is_other);
  if (others == 0) return;
  found.left_out += (found.left_out.empty() ? "" : ", ") + counted(static_cast<std::int64_t>(others), "image") +
                    " named otherwise than *" + files.suffix + (endings.empty() ? "" : files.endings.front());
}

FoundImages find_images(const Description& description, const DatasetOptions& options) {
  std::error_code unknown;
  if (options.images_are_predictions || fs::is_regular_file(options.images, unknown)) {
    return images_of_folder_and_list(options);
  }
  const Description::Files& files = description.images;
  const Search search{description, files, options.images, options.split, "images"};
  const fs::path folder = folder_of(search);
  const auto list = options.list ? options.list : described_list(description, options.images, options.split);
  if (list) {
    if (description.lists_stems) require_stems(*list);
    return images_of_list(*list, folder, files.endings.empty() ? std::string() : files.suffix + files.endings.front());
  }
  FoundImages found = list_images(folder, depth_of(files), options.results_in);
  if (!files.patterns.empty()) {
    keep_matching(found, search, folder);
  } else if (described_folder(search)) {
    keep_named(found, files);
  }
  if (!found.items.empty()) return found;
  throw InputError("No image in " + folder.string(), "found but left out: " + found.left_out,
                   "Check dataset.images and the images of " + description.origin + ".");
}

/// Empty where there is none; throws where it should be there.
fs::path truth_root(const Description& description, const DatasetOptions& options) {
  std::error_code unknown;
  const Search search{description, description.truth, options.images, options.split, "truth"};
  const Search images{description, description.images, options.images, options.split, "images"};
  const bool is_list = fs::is_regular_file(options.images, unknown);
  const auto folder = is_list ? std::nullopt : described_folder(search);
  const bool is_apart = folder != described_folder(images) || !description.truth.patterns.empty();
  if (folder && is_apart) return options.images;
  if (description.truth_is_optional) return {};
  throw UsageError("dataset.truth is missing",
                   is_list ? "the list " + options.images.string() + " has no column of it" : looked_for(search),
                   "Set dataset.truth to its folder, or use dataset.kind: folder.");
}

void pair_truth(std::vector<DatasetItem>& items, const Description& description, const DatasetOptions& options) {
  const Description::Files& files = description.truth;
  const Search search{description, files, *options.truth, options.split, "truth"};
  const bool is_one_folder = options.images_are_predictions && options.split.empty();
  const fs::path folder = is_one_folder ? described_folder(search).value_or(*options.truth) : folder_of(search);
  if (!files.patterns.empty()) {
    const Search images{description, description.images, options.images, options.split, "images"};
    return pair_truth_by_patterns(items, images, search, folder);
  }
  const auto endings = endings_of(files);
  if (description.storage == Description::Storage::coco_panoptic) require_segments_file(folder);
  pair_truth_by_stem(items, folder, endings, depth_of(files), {description.images.suffix, files.suffix});
  const bool has_other_files = files.is_flat || !files.suffix.empty();
  if (is_one_folder && !options.list && !has_other_files) require_no_extra_truth(items, folder);
}

/// How its files of ground truth are read.
void set_reader(DatasetKind& kind, const std::shared_ptr<const Description>& description) {
  const auto colour_header = [](const fs::path& path) { return read_image_header(path); };
  switch (description->storage) {
    case Description::Storage::index:
      return;
    case Description::Storage::colours:
      kind.read_truth = [description](const fs::path& path) { return read_colour_truth(path, *description); };
      kind.read_truth_header = colour_header;
      return;
    case Description::Storage::coco_panoptic:
      kind.read_truth = [reader = std::make_shared<CocoPanoptic>()](const fs::path& path) {
        return reader->read(path);
      };
      kind.read_truth_header = colour_header;
      return;
  }
}

}  // namespace

DatasetKind described_kind(const std::shared_ptr<const Description>& description) {
  const Description& set = *description;
  DatasetKind kind{
      .name = set.origin,
      .takes_list = true,
      .takes_split = !set.splits.empty(),
      .has_own_truth = true,
      .void_values = set.void_values,
      .find_images = [description](const DatasetOptions& options) { return find_images(*description, options); },
      .truth_root = [description](const DatasetOptions& options) { return truth_root(*description, options); },
      .pair_truth = [description](std::vector<DatasetItem>& items,
                                  const DatasetOptions& options) { pair_truth(items, *description, options); },
      .label_maps = set.label_maps};
  set_reader(kind, description);
  return kind;
}

}  // namespace datus::io_detail
