// SPDX-License-Identifier: Apache-2.0
#include "datus/core/error.hpp"
#include "datus/io/mask_file.hpp"
#include "pipeline/export/export_writer.hpp"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

namespace datus {
namespace {

constexpr std::array formats = {
    ExportFormat{"grey", false, false, true, max_mask_clusters, make_grey_masks},
    ExportFormat{"class", false, false, true, max_mask_clusters, make_class_masks},
    ExportFormat{"coco-rle", false, true, false, max_mask_clusters, make_coco_rle},
    ExportFormat{"coco-panoptic", false, true, true, max_mask_clusters, make_coco_panoptic},
    ExportFormat{"mmseg", true, true, false, max_palette_clusters, make_mmseg},
    ExportFormat{"nnunet", true, true, false, max_palette_clusters - 2, make_nnunet},
    ExportFormat{"yolo-seg", true, true, false, max_mask_clusters, make_yolo_seg},
    ExportFormat{"label-studio", true, true, false, max_mask_clusters, make_label_studio},
    ExportFormat{"cvat", false, true, true, max_palette_clusters, make_cvat},
    ExportFormat{"hdf5", false, false, false, max_mask_clusters, make_packed_masks},
    ExportFormat{"one-vs-rest", false, false, true, max_mask_clusters, make_one_vs_rest},
};

}  // namespace

void ExportWriter::append(const ExportedImage&, const std::string&) {}
void ExportWriter::finish(bool) {}

std::vector<std::string> export_formats() {
  std::vector<std::string> names;
  for (const ExportFormat& format : formats) names.emplace_back(format.name);
  return names;
}

const ExportFormat& export_format(const std::string& name) {
  const auto found = std::ranges::find(formats, name, &ExportFormat::name);
  if (found != formats.end()) return *found;
  std::string names;
  for (const ExportFormat& format : formats) names += (names.empty() ? "" : ", ") + std::string(format.name);
  throw UsageError("There is no format '" + name + "' to export to", "there are " + names, "Choose one with --to.");
}

std::string quoted(const std::string& text) {
  return nlohmann::json(text).dump();
}

std::string description_of(const ExportTask& task) {
  return "masks of the run " + task.name + ", K = " + std::to_string(task.k) + "; classes: " + task.classes.source;
}

std::filesystem::path with_folders(const std::filesystem::path& path) {
  std::filesystem::create_directories(path.parent_path());
  return path;
}

}  // namespace datus
