// SPDX-License-Identifier: Apache-2.0
#include "datus/io/dataset.hpp"

#include "datus/core/error.hpp"
#include "datus/core/names.hpp"
#include "datus/core/text.hpp"
#include "datus/core/utf8.hpp"
#include "io/datasets/file_listing.hpp"
#include "io/datasets/kinds.hpp"
#include "io/datasets/truth_reader.hpp"

#include <algorithm>
#include <iterator>
#include <system_error>
#include <unordered_map>
#include <utility>

namespace datus {
namespace {

void require_names(const std::vector<DatasetItem>& items) {
  if (items.empty()) throw InputError("The data set has no image", "nothing was found", "Check dataset.images.");
  std::unordered_map<std::string, const DatasetItem*> item_of;
  for (const auto& item : items) {
    if (!is_utf8(item.name)) {
      throw InputError("The name of image " + item.image.string() + " is not UTF-8",
                       "names are stored in files as text", "Rename the file.");
    }
    const auto [other, is_new] = item_of.emplace(stem_of(item.name), &item);
    if (!is_new) {
      throw InputError("Two images have the same name but for their extension",
                       other->second->name + " and " + item.name + " would share one mask",
                       "Rename or remove one of them.");
    }
  }
}

/// Refuses options that the kind does not know, or that it misses.
void require_fitting(const DatasetOptions& options, const io_detail::DatasetKind& kind) {
  if (options.images.empty()) throw UsageError("dataset.images is missing", "it says where the images are", "Set it.");
  if (options.list && !kind.takes_list) {
    throw UsageError("dataset.list does not go with dataset.kind: " + options.kind.name,
                     "this kind takes all images of a folder", "Remove it, or use dataset.kind: list.");
  }
  if (!options.split.empty() && !kind.takes_split) {
    throw UsageError("dataset.split does not go with dataset.kind: " + options.kind.name, "this kind has no splits",
                     "Remove it, and point dataset.images at the split's folder.");
  }
}

/// The images in their order; some have ground truth already.
io_detail::FoundImages find_images(const DatasetOptions& options, const io_detail::DatasetKind& kind) {
  if (!options.images_are_predictions || !options.list) return kind.find_images(options);
  DatasetOptions all = options;
  all.list.reset();
  auto found = kind.find_images(all);
  io_detail::keep_listed(found.items, *options.list);
  return found;
}

/// Whatever is compared with itself is right.
void require_truth_of_its_own(const std::vector<DatasetItem>& items) {
  std::error_code unknown;
  const auto same = std::ranges::find_if(items, [](const DatasetItem& item) { return !item.truth.empty(); });
  if (same == items.end() || !std::filesystem::equivalent(same->image, same->truth, unknown)) return;
  throw UsageError("The ground truth of " + same->name + " is the same file", same->truth.string(),
                   "Give the folder of the ground truth (dataset.truth, --truth), another than that of the images.");
}

/// Gives the images their ground truth, where the list did not. Returns whether there is any.
bool find_truth(std::vector<DatasetItem>& items, DatasetOptions options, const io_detail::DatasetKind& kind) {
  const bool has_column = std::ranges::any_of(items, [](const DatasetItem& item) { return !item.truth.empty(); });
  if (options.truth && has_column) {
    throw UsageError("dataset.truth and a second column in " + options.list.value_or(options.images).string() +
                         " exclude each other",
                     "both say where the ground truth is", "Remove one of them.");
  }
  if (!options.truth && !has_column && kind.truth_root) {
    const auto root = kind.truth_root(options);
    if (!root.empty()) options.truth = root;
  }
  if (!options.truth && !has_column && kind.needs_truth) {
    throw UsageError("dataset.truth is missing", "dataset.kind: " + options.kind.name + " has ground truth",
                     "Set dataset.truth to its folder, or use dataset.kind: folder.");
  }
  if (options.truth) kind.pair_truth(items, options);
  require_truth_of_its_own(items);
  return options.truth || has_column;
}

}  // namespace

Dataset::Dataset(std::vector<DatasetItem> items, std::vector<std::string> classes, std::optional<TruthReader> reader,
                 std::string left_out, std::string label_note, std::vector<DatasetDescription::Colour> class_colours)
    : items_(std::move(items)),
      classes_(std::move(classes)),
      reader_(std::move(reader)),
      left_out_(std::move(left_out)),
      label_note_(std::move(label_note)),
      class_colours_(std::move(class_colours)) {
  if (class_colours_.size() != classes_.size()) class_colours_.clear();
  require_names(items_);
}

std::int64_t Dataset::truth_count() const {
  return std::ranges::count_if(items_, [](const DatasetItem& item) { return !item.truth.empty(); });
}

std::vector<std::string> Dataset::truth_notes() const {
  std::vector<std::string> notes;
  if (!reader_) return notes;
  const auto without = std::ranges::find_if(items_, [](const DatasetItem& item) { return item.truth.empty(); });
  if (without != items_.end()) {
    notes.push_back("ground truth for " + std::to_string(truth_count()) + " of " +
                    counted(std::ssize(items_), "image") + ": the others, " + without->name +
                    " the first of them, are not scored");
  }
  if (!label_note_.empty()) notes.push_back(label_note_);
  return notes;
}

const TruthReader& Dataset::reader_of(const DatasetItem& item) const {
  if (reader_ && !item.truth.empty()) return *reader_;
  throw UsageError("There is no ground truth for " + item.name,
                   reader_ ? "none was found" : "the data set was opened without it", "Set dataset.truth.");
}

Labels Dataset::read_truth_labels(const DatasetItem& item) const {
  return reader_of(item).classes(item.truth);
}

ImageHeader Dataset::read_truth_header(const DatasetItem& item) const {
  return reader_of(item).header(item.truth);
}

void Dataset::keep_only(std::span<const std::int64_t> indices) {
  std::vector<DatasetItem> kept;
  for (const std::int64_t index : indices) kept.push_back(std::move(items_.at(static_cast<std::size_t>(index))));
  items_ = std::move(kept);
}

std::unique_ptr<Dataset> open_dataset(const DatasetOptions& options) {
  const io_detail::DatasetKind kind = io_detail::dataset_kind(options.kind);
  require_fitting(options, kind);
  auto [items, left_out] = find_images(options, kind);
  std::vector<int> void_values = kind.void_values.value_or(std::vector<int>());
  if (!kind.void_values && options.void_value) void_values.push_back(*options.void_value);
  auto labelling = io_detail::make_labelling(options, kind.label_maps, void_values);
  constexpr int usual_void = 255;
  if (kind.void_values && options.void_value.value_or(usual_void) != usual_void &&
      std::ranges::find(void_values, *options.void_value) == void_values.end()) {
    labelling.note += std::string(labelling.note.empty() ? "" : "; ") + "dataset.void has no effect: " + kind.name +
                      " says itself which values are void";
  }
  std::optional<TruthReader> reader;
  if (find_truth(items, options, kind)) {
    const auto table = std::make_shared<const io_detail::LabelTable>(std::move(labelling.table));
    const auto classes = [table, values_in = kind.read_truth](const std::filesystem::path& path) {
      return io_detail::classes_of(values_in(path), *table, path);
    };
    reader = {.classes = classes, .header = kind.read_truth_header};
  }
  return std::make_unique<Dataset>(std::move(items), std::move(labelling.classes), std::move(reader),
                                   std::move(left_out), std::move(labelling.note), std::move(labelling.colours));
}

}  // namespace datus
