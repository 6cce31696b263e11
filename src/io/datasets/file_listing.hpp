// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/io/dataset.hpp"

#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace datus::io_detail {

enum class Depth { top_level, recursive };

[[nodiscard]] std::span<const std::string_view> image_extensions();
[[nodiscard]] std::span<const std::string_view> png_extension() noexcept;

/// Names relative to `root` of the files below it with one of `extensions`, in byte order, '/'
/// between folders. Hidden files and folders, and what the system keeps (@eaDir, #recycle, ...), are left
/// out; links are followed, but for those to a folder around them. An entry that cannot be opened, a dangling link for
/// example, is listed: whoever reads it reports it. Throws `InputError` naming a folder that is missing or cannot be
/// listed.
[[nodiscard]] std::vector<std::string> list_files(const std::filesystem::path& root,
                                                  std::span<const std::string_view> extensions, Depth depth);

/// The images of a data set as they are found.
struct FoundImages {
  std::vector<DatasetItem> items;
  std::string left_out = {};  ///< see `Dataset::left_out`
};

/// Whether this is a file that is named as an image.
[[nodiscard]] bool is_image_file(const std::filesystem::path& path);
/// It alone, by its own name.
[[nodiscard]] FoundImages one_image(const std::filesystem::path& file);

/// The images below `root`, or `root` itself where it is one; without results of datus (`DatasetOptions::results_in`;
/// may be empty). Throws `InputError` when there are none.
[[nodiscard]] FoundImages list_images(const std::filesystem::path& root, Depth depth, const FolderTest& results_in);

/// What ends stems and is no part of what pairs them.
struct StemSuffixes {
  std::string_view image;
  std::string_view truth;  ///< files without it are no ground truth
};

/// Gives each item the file below `root` that has the same stem, but for `suffixes`, and one of `extensions`, where
/// there is one; other files there are left alone. Throws `InputError` when no item has one, or naming the stem with
/// two.
void pair_truth_by_stem(std::vector<DatasetItem>& items, const std::filesystem::path& root,
                        std::span<const std::string_view> extensions, Depth depth, const StemSuffixes& suffixes = {});

/// Throws `InputError` naming a PNG or BMP file in `root` or below that is no item's ground truth by its stem.
void require_no_extra_truth(const std::vector<DatasetItem>& items, const std::filesystem::path& root);

}  // namespace datus::io_detail
