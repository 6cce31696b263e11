// SPDX-License-Identifier: Apache-2.0
#include "datus/core/names.hpp"
#include "datus/io/image_writer.hpp"
#include "datus/io/mask_file.hpp"
#include "pipeline/export/export_writer.hpp"

#include <algorithm>
#include <cctype>
#include <cstddef>

namespace datus {
namespace {

/// One grey PNG for each image.
class GreyMasks : public ExportWriter {
 public:
  GreyMasks(const ExportTask& task, bool of_classes)
      : folder_(task.folder), of_classes_(of_classes), values_(of_classes ? task.classes.count() : task.k) {}

  std::string add(const ExportedImage& image, const ExportedLabels& labels) override {
    write_grey_mask(with_folders(folder_ / mask_name(image.listed.name)),
                    of_classes_ ? labels.classes : labels.clusters, values_);
    return {};
  }

 private:
  std::filesystem::path folder_;
  bool of_classes_;
  int values_;
};

/// A folder for each class: 255 where it is, 0 where another one is, 127 where there is none.
class OneVersusRest : public ExportWriter {
 public:
  explicit OneVersusRest(const ExportTask& task) {
    for (int i = 0; i < task.classes.count(); ++i) {
      folders_.push_back(task.folder / folder_name(i, task.classes.names[static_cast<std::size_t>(i)]));
    }
  }

  std::string add(const ExportedImage& image, const ExportedLabels& labels) override {
    constexpr std::uint8_t unknown = 127;
    const LabelMap& map = labels.classes;
    std::vector<std::uint8_t> levels(map.labels.size());
    for (std::size_t index = 0; index < folders_.size(); ++index) {
      std::ranges::transform(map.labels, levels.begin(), [&](std::int32_t label) {
        return label == no_label ? unknown : static_cast<std::uint8_t>(label == static_cast<int>(index) ? 255 : 0);
      });
      write_grey_png(with_folders(folders_[index] / mask_name(image.listed.name)), levels, map.height, map.width);
    }
    return {};
  }

 private:
  /// "003-sea_floor": the number tells classes apart whose names differ by what a folder's name should not have.
  static std::string folder_name(int index, std::string name) {
    std::ranges::replace_if(
        name, [](unsigned char c) { return c < 128 && std::isalnum(c) == 0 && c != '-' && c != '.'; }, '_');
    return zero_padded(index, 3) + "-" + name;
  }

  std::vector<std::filesystem::path> folders_;
};

}  // namespace

std::unique_ptr<ExportWriter> make_grey_masks(const ExportTask& task) {
  return std::make_unique<GreyMasks>(task, false);
}

std::unique_ptr<ExportWriter> make_class_masks(const ExportTask& task) {
  return std::make_unique<GreyMasks>(task, true);
}

std::unique_ptr<ExportWriter> make_one_vs_rest(const ExportTask& task) {
  return std::make_unique<OneVersusRest>(task);
}

}  // namespace datus
