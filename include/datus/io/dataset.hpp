// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/dataset_type.hpp"
#include "datus/core/labels.hpp"
#include "datus/io/image_reader.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace datus {

/// Whether a folder is of some kind.
using FolderTest = std::function<std::string(const std::filesystem::path& folder)>;

/// Where a data set lies and how its ground truth is read: the `dataset` section of the
/// configuration.
struct DatasetOptions {
  /// One of
  /// - `folder`: every JPEG, PNG and BMP file below `images`, by extension (jpg, jpeg, jpe, jfif, png, bmp in any
  /// case); `truth` as for index_png, if given.
  /// - `list`: the text file `images`, or the text file `list` with `images` as root. One path per line, absolute or
  /// relative to the list's folder or the root, with or without the ending of an image; after a tab, the truth file,
  /// likewise but with its ending. Lines may be blank or start with
  /// #. A truth column replaces pairing with `truth` by stem.
  /// - `index_png`: as folder or, where there is `list` or `images` is a text file, as list, with a `truth` folder of
  /// PNGs whose value (palette index or grey level) is the class.
  /// - a description: `images` is the root of the data set, with images and ground truth in its folders; or `images`
  /// and `truth` are these folders themselves, or, without `split`, other folders with such files, or `images` a text
  /// file as for list.
  /// Images without ground truth are not scored.
  DatasetType kind = "folder";
  std::filesystem::path images;
  std::optional<std::filesystem::path> truth;
  /// Class names: a JSON file with an array, or with an object that has one as "classes"; a text file with a name per
  /// line; or the number of classes.
  std::optional<std::filesystem::path> classes;
  /// From stored values to classes: a JSON file with an array (value -> class), an object {"value":
  /// class}, or an object that has such an array as "fine_to_coarse"; class -1 is void, as is a
  /// value that an object leaves out. Or a label map of the description, whose first one is the default (a path with
  /// such a name at its end, where there is no such file). Of colours the value is their position in the description.
  std::optional<std::filesystem::path> label_map;
  /// The stored value that is no class, unless `label_map` makes it one; none for data sets without one. Descriptions
  /// may have void values of their own in its place.
  std::optional<int> void_value = 255;
  /// Of descriptions: the part of the data set, for example val.
  std::string split;
  /// All kinds but folder; the images of predictions by their names, with or without extension.
  std::optional<std::filesystem::path> list;
  /// The images are masks to compare with the ground truth: one that no image has is an error, where the layout has no
  /// other files in its folder.
  bool images_are_predictions = false;
  /// Names what a folder below `images` is ("datus run") where it holds results of datus, whose masks and pictures are
  /// no images of the data set, and nothing for others. Empty: none does.
  FolderTest results_in;
};

/// One image and its ground truth.
struct DatasetItem {
  std::string name;             ///< UTF-8, relative to the root of the images, '/' between folders, with extension
  std::filesystem::path image;  ///< may be missing or unreadable: that is found when it is read
  std::string truth_name;       ///< relative to the root of the truth; empty without truth
  std::filesystem::path truth;  ///< empty without truth
};

/// How a file of ground truth is read.
struct TruthReader {
  std::function<Labels(const std::filesystem::path&)> classes;
  std::function<ImageHeader(const std::filesystem::path&)> header;
};

/// The images of a data set in their fixed order, with their ground truth.
class Dataset {
 public:
  /// For `open_dataset`. Throws `InputError` for no items, a name that is not UTF-8, or two items
  /// with the same stem. `reader` may be empty: no truth.
  Dataset(std::vector<DatasetItem> items, std::vector<std::string> classes, std::optional<TruthReader> reader,
          std::string left_out = {}, std::string label_note = {},
          std::vector<DatasetDescription::Colour> class_colours = {});
  ~Dataset() = default;
  Dataset(const Dataset&) = delete;
  Dataset& operator=(const Dataset&) = delete;

  /// Never empty; names are unique, and so are names without their extension.
  [[nodiscard]] const std::vector<DatasetItem>& items() const noexcept { return items_; }
  /// Class names, one for each label; numbers where only their count is known, empty where not even
  /// that is.
  [[nodiscard]] const std::vector<std::string>& classes() const noexcept { return classes_; }
  /// The colours that a description gives the classes, one for each; empty where it gives none.
  [[nodiscard]] const std::vector<DatasetDescription::Colour>& class_colours() const noexcept { return class_colours_; }
  /// Whether any image has ground truth.
  [[nodiscard]] bool has_truth() const noexcept { return reader_.has_value(); }
  [[nodiscard]] std::int64_t truth_count() const;
  /// What the folder of the images holds besides them and was left out, counted: "3 .gif, 2 @eaDir folders, 1 datus
  /// run". Empty for nothing, and for lists.
  [[nodiscard]] const std::string& left_out() const noexcept { return left_out_; }

  /// What people should know of the ground truth before they read a score: that only some images have it, and of a
  /// setting without effect. Empty for nothing.
  [[nodiscard]] std::vector<std::string> truth_notes() const;

  /// The ground truth of one item, [height, width]: 0 … classes - 1, or `no_label` for void. Its
  /// size may differ from the image's: compare them. Not collective; safe to call from several
  /// threads. Throws `InputError` naming the file, and for a value that is no class the value and
  /// its pixel; `UsageError` when there is no truth.
  [[nodiscard]] LabelMap read_truth(const DatasetItem& item) const { return widened(read_truth_labels(item)); }
  /// The same in bytes where they hold every class of such files.
  [[nodiscard]] Labels read_truth_labels(const DatasetItem& item) const;
  /// The size of the ground truth of one item, from the first bytes of the file. Throws as `read_truth` does for what
  /// these tell.
  [[nodiscard]] ImageHeader read_truth_header(const DatasetItem& item) const;

  /// Leaves only the items of these indices, which ascend, as if nothing else had been found: a sample of the data set.
  void keep_only(std::span<const std::int64_t> indices);

 private:
  [[nodiscard]] const TruthReader& reader_of(const DatasetItem& item) const;

  std::vector<DatasetItem> items_;
  std::vector<std::string> classes_;
  std::optional<TruthReader> reader_;
  std::string left_out_;
  std::string label_note_;
  std::vector<DatasetDescription::Colour> class_colours_;
};

/// Finds the images and the ground truth of a data set; opens none of them. Folders are listed in
/// byte order of the relative path, hidden files, folders of thumbnails (@eaDir, __MACOSX) and runs left out; lists
/// keep their order.
///
/// Not collective: let one rank call it. Throws `UsageError` for an unknown kind or options that do
/// not fit it, `InputError` naming the file, and the line in it, for all that is missing, ambiguous
/// or malformed. A missing image of a list is no error here.
[[nodiscard]] std::unique_ptr<Dataset> open_dataset(const DatasetOptions& options);

/// The kind for plain files, whose ground truth is stored as in a data set of `kind`: `images` is a folder or a list,
/// the truth a folder. `has_truth`: there is such a folder, or `lists_truth`. Throws `UsageError` for an unknown kind.
[[nodiscard]] DatasetType kind_of_plain_files(const DatasetType& kind, const std::filesystem::path& images,
                                              bool has_truth);

/// Whether `images` is a list with ground truth in a second column. Throws `InputError` for a list that cannot be read.
[[nodiscard]] bool lists_truth(const std::filesystem::path& images);

}  // namespace datus
