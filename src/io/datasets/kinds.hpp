// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/io/dataset.hpp"
#include "datus/io/image_reader.hpp"
#include "io/datasets/file_listing.hpp"
#include "io/datasets/label_table.hpp"
#include "io/images/png_decoder.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace datus::io_detail {

/// A kind of data set: all that tells it from another one. `open_dataset` does the rest.
struct DatasetKind {
  std::string name;
  bool takes_list = false;   ///< knows `DatasetOptions::list`
  bool takes_split = false;  ///< knows `DatasetOptions::split`
  bool needs_truth = false;
  /// Ground truth of its own, whatever folders it lies in: plain images with such a truth are of this kind too. Not so
  /// for index PNGs.
  bool has_own_truth = false;
  /// In place of `DatasetOptions::void_value`.
  std::optional<std::vector<int>> void_values = {};

  /// The images in their order. A list may give them their ground truth as well.
  std::function<FoundImages(const DatasetOptions&)> find_images;
  /// The root of ground truth that nobody names, where there may be some; empty where not.
  std::function<std::filesystem::path(const DatasetOptions&)> truth_root = {};
  /// Gives each image its ground truth in `DatasetOptions::truth`, which is there.
  std::function<void(std::vector<DatasetItem>&, const DatasetOptions&)> pair_truth;
  /// The values in one file of ground truth, before any map.
  std::function<IndexImage(const std::filesystem::path&)> read_truth = read_index_png;
  /// Its size, from the header alone, which must be one of such a file.
  std::function<ImageHeader(const std::filesystem::path&)> read_truth_header = read_index_png_header;
  /// From these values to named classes, the default first; none: each value is a class.
  std::vector<DatasetDescription::LabelMap> label_maps = {};
};

/// The kind that is described, or of that name. Throws `UsageError` naming those that there are.
[[nodiscard]] DatasetKind dataset_kind(const DatasetType& type);

// The rows of the table.

[[nodiscard]] DatasetKind folder_kind();
[[nodiscard]] DatasetKind index_png_kind();
[[nodiscard]] DatasetKind list_kind();
/// Of what a description says.
[[nodiscard]] DatasetKind described_kind(const std::shared_ptr<const DatasetDescription>& description);

// Parts for them.

/// Every image in the folder `options.images` and below, or those that the text file `options.images` lists.
[[nodiscard]] FoundImages images_of_folder_or_list(const DatasetOptions& options);
/// The same, or those that `options.list` names below `options.images`.
[[nodiscard]] FoundImages images_of_folder_and_list(const DatasetOptions& options);
/// The images that the text file `list` names below `root`; `ending` is that of a name without one for which there is
/// no file. May be empty.
[[nodiscard]] FoundImages images_of_list(const std::filesystem::path& list, const std::filesystem::path& root,
                                         const std::string& ending);
/// Leaves only the predictions whose images `list` names, relative to the root of the images, with or without
/// extension. Throws `InputError` naming a line without a prediction.
void keep_listed(std::vector<DatasetItem>& predictions, const std::filesystem::path& list);
/// Pairs by stem with the PNGs in `options.truth` and below.
void pair_png_truth(std::vector<DatasetItem>& items, const DatasetOptions& options);

}  // namespace datus::io_detail
