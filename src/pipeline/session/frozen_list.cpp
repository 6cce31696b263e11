// SPDX-License-Identifier: Apache-2.0
#include "pipeline/session/frozen_list.hpp"

#include "datus/config/config.hpp"
#include "datus/core/error.hpp"
#include "datus/core/log.hpp"
#include "datus/core/names.hpp"
#include "datus/core/text.hpp"
#include "datus/io/atomic_file.hpp"
#include "datus/io/image_reader.hpp"
#include "pipeline/files/config_file.hpp"
#include "pipeline/files/image_changes.hpp"
#include "pipeline/files/stage_files.hpp"
#include "pipeline/files/unreadable_images.hpp"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace datus {
namespace {

namespace fs = std::filesystem;

/// Files are removed only while nobody else has the run.
void require_held(const WriteOptions& options) {
  if (options.before_rename) options.before_rename();
}

/// As its files say: a header can be whole where the rest is not. Damaged files tell nothing.
std::vector<std::int64_t> unreadable_of(const RunDirectory& directory, ShardIndex shard) {
  try {
    return unreadable_images(directory, shard);
  } catch (const InputError&) {
    return {};
  }
}

/// Whether an image of the list was; asked about ascending images, it reads each shard once.
std::function<bool(std::int64_t)> was_readable_in(const RunDirectory& directory, const ImageList& frozen) {
  return [&, shard = ShardIndex{-1}, unreadable = std::vector<std::int64_t>()](std::int64_t image) mutable {
    const ShardIndex its{image / frozen.shard_size};
    if (its.value != shard.value) unreadable = unreadable_of(directory, its);
    shard = its;
    return std::ranges::find(unreadable, image) == unreadable.end();
  };
}

/// A list of wrong paths must not become the run's.
void require_a_readable_image(const ImageList& list, const Dataset& dataset) {
  if (std::ranges::any_of(list.images, &ListedImage::is_readable)) return;
  std::string why = "its header cannot be read";
  try {
    (void)read_image_header(dataset.items().front().image, Orientation::stored);
  } catch (const InputError& error) {
    why = error.what();
  }
  throw InputError("None of the " + std::to_string(list.size()) + " images can be read", "of the first: " + why,
                   "Check dataset.images and dataset.list; nothing was written.");
}

/// The folder of the records of all K.
fs::path records_of_masks(const RunDirectory& directory) {
  return directory.mask_record(1, {0}).parent_path().parent_path();
}

/// Those of packed masks, of all K that have any, and what lies beside them.
std::vector<fs::path> packed_masks(const RunDirectory& directory) {
  std::vector<fs::path> paths;
  if (!fs::exists(directory.folder(Stage::mask))) return paths;
  for (const auto& entry : fs::directory_iterator(directory.folder(Stage::mask))) {
    const std::string name = entry.path().filename().string();
    const bool is_of_clusters = name.size() > 1 && name[0] == 'k' && name[1] >= '0' && name[1] <= '9';
    if (is_of_clusters && (name.ends_with("-packed") || name.ends_with(".h5"))) paths.push_back(entry.path());
  }
  return paths;
}

/// Removes what is of shards, images and pictures that the new list no longer has: all else is made anew by its record.
void remove_leftovers(const RunDirectory& directory, const ImageList& frozen, const ImageList& list,
                      const std::vector<std::string>& gone, const WriteOptions& options) {
  std::vector<fs::path> leftovers;
  const auto add_of_all_clusters = [&](const fs::path& folder, const fs::path& name) {
    if (!fs::exists(folder)) return;
    for (const auto& cluster : fs::directory_iterator(folder)) {
      if (cluster.is_directory()) leftovers.push_back(cluster.path() / name);
    }
  };
  for (std::int64_t i = list.shards(); i < frozen.shards(); ++i) {
    for (const StageFiles& files : stage_files) {
      if (files.is_by_shard) leftovers.push_back(directory.shard_file(files.stage, {i}));
    }
    add_of_all_clusters(records_of_masks(directory), directory.mask_record(1, {i}).filename());
    add_of_all_clusters(directory.folder(Stage::mask), directory.packed_masks(1, {i}).filename());
  }
  for (const std::string& name : gone) add_of_all_clusters(directory.folder(Stage::mask), mask_name(name));
  require_held(options);
  for (const fs::path& path : leftovers) fs::remove(path);
  // Its pictures are named by places in the list.
  fs::remove_all(directory.report().parent_path());
}

bool can_be_read(const fs::path& image) {
  try {
    (void)read_image(image, Orientation::stored);
    return true;
  } catch (const InputError&) {
    return false;
  }
}

/// Images whose pixels can be read now but could not be when their shard was made, though their size and header are the
/// same: a disk that failed, a file restored after damage. The list cannot tell.
std::vector<std::int64_t> readable_again(const RunDirectory& directory, const ImageList& frozen, const ImageList& list,
                                         const Dataset& dataset) {
  std::vector<std::int64_t> images;
  // What a job that ended well had; without it there is nothing to open all shards for.
  if (!fs::exists(directory.unreadable())) return images;
  for (std::int64_t shard = 0; shard < std::min(frozen.shards(), list.shards()); ++shard) {
    for (const std::int64_t i : unreadable_of(directory, {shard})) {
      const auto place = static_cast<std::size_t>(i);
      const bool is_same =
          i >= 0 && i < std::min(frozen.size(), list.size()) && list.images[place] == frozen.images[place];
      if (is_same && frozen.images[place].is_readable() && can_be_read(dataset.items()[place].image))
        images.push_back(i);
    }
  }
  return images;
}

/// Removes what was made without these images, and what was made from that: by its record it would pass for current.
void forget(const RunDirectory& directory, const ImageList& list, const std::vector<std::int64_t>& images,
            const WriteOptions& options) {
  require_held(options);
  fs::remove_all(directory.folder(Stage::cluster));
  make_folders(directory.folder(Stage::cluster));
  fs::remove_all(records_of_masks(directory));
  for (const fs::path& packed : packed_masks(directory)) fs::remove_all(packed);
  // Last: until then they tell that there is something to forget.
  for (const std::int64_t image : images) {
    for (const StageFiles& files : stage_files) {
      if (files.is_by_shard) fs::remove(directory.shard_file(files.stage, {image / list.shard_size}));
    }
  }
}

/// Of two equal lists.
bool has_signs_of(const ImageList& frozen, const ImageList& list) {
  return std::ranges::equal(frozen.images, list.images, {}, &ListedImage::sign, &ListedImage::sign);
}

}  // namespace

std::optional<ImageList> frozen_image_list(const RunDirectory& directory) {
  if (!fs::exists(directory.image_list())) return std::nullopt;
  try {
    return read_image_list(directory.image_list());
  } catch (const InputError& error) {
    log::warning(std::string("the list of images is made anew: ") + error.what());
    return std::nullopt;
  }
}

std::optional<int> frozen_shard_size(const RunDirectory& directory, const std::optional<ImageList>& frozen) {
  if (frozen) return frozen->shard_size;
  const auto record = read_config_file_record(directory.config());
  if (!record || !record->intact) return std::nullopt;
  return load_config(directory.config(), {}).dataset.shard_size;
}

OutdatedShards freeze_image_list(const RunDirectory& directory, const std::optional<ImageList>& frozen,
                                 const ImageList& list, const std::vector<std::int64_t>& rewritten,
                                 const Dataset& dataset, RunAccess access, const WriteOptions& options) {
  const auto outdated = [&](const std::vector<std::int64_t>& again) {
    OutdatedShards found;
    for (const auto& [images, why] :
         {std::pair(&again, "an image can be read now"), {&rewritten, "an image was replaced"}}) {
      for (const std::int64_t image : *images) {
        if (image < list.size()) found.shards.push_back(image / list.shard_size);
      }
      if (!images->empty()) found.why += (found.why.empty() ? "" : "; ") + std::string(why);
    }
    return found;
  };
  if (!frozen) {
    if (!makes_record(access)) return outdated({});
    require_a_readable_image(list, dataset);
    if (!rewritten.empty()) forget(directory, list, rewritten, options);
    write_image_list(directory.image_list(), list, options);
    return {};
  }
  const auto refuse = [&](const std::string& why, const std::string& what_to_do) {
    throw InputError("The images are not those that " + directory.root().string() + " was started with", why,
                     what_to_do);
  };
  const std::string restore = "Restore them, or choose another run directory with --run.";
  if (frozen->shard_size != list.shard_size) refuse(first_difference(*frozen, list), restore);
  const ImageChanges changes = changes_of(*frozen, list, was_readable_in(directory, *frozen), rewritten);
  if (changes.are_other_images()) {
    refuse(std::to_string(changes.lost) + " of " + std::to_string(changes.with_results) +
               " are not as they were: " + changes.first_lost,
           restore);
  }
  const auto again = readable_again(directory, *frozen, list, dataset);
  if (!again.empty()) {
    log::info(counted(std::ssize(again), "image") + " can be read now (" +
              list.images[static_cast<std::size_t>(again[0])].name + (again.size() > 1 ? ", …" : "") +
              "): their shards are made again, and all clusters");
    if (makes_record(access)) forget(directory, list, again, options);
  }
  if (!changes.any()) {
    if (!makes_record(access)) return outdated(again);
    if (!has_signs_of(*frozen, list)) write_image_list(directory.image_list(), list, options);
    return {};
  }
  if (access == RunAccess::report) refuse(changes.text(), "Start the run again, then make the report.");
  log::info(
      "the images changed: " + changes.text() +
      "; their shards are made again, and all clusters ('datus apply' labels new images with the clusters as they "
      "are)");
  if (!makes_record(access)) return outdated(again);
  if (!rewritten.empty()) forget(directory, list, rewritten, options);
  remove_leftovers(directory, *frozen, list, changes.gone, options);
  write_image_list(directory.image_list(), list, options);
  return {};
}

}  // namespace datus
