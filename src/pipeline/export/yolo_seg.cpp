// SPDX-License-Identifier: Apache-2.0
#include "datus/core/names.hpp"
#include "datus/io/label_polygons.hpp"
#include "datus/io/streamed_file.hpp"
#include "pipeline/export/export_writer.hpp"
#include "pipeline/export/photo_placer.hpp"

#include <array>
#include <cstdio>

namespace datus {
namespace {

/// " 0.25 0.5": a corner in parts of the image.
std::string corner_text(const Corner& corner, const LabelMap& map) {
  std::array<char, 64> text{};
  (void)std::snprintf(text.data(), text.size(), " %.6g %.6g", static_cast<double>(corner.x) / map.width,
                      static_cast<double>(corner.y) / map.height);
  return text.data();
}

/// images, labels with a polygon a line, and data.yaml.
class YoloSeg : public ExportWriter {
 public:
  explicit YoloSeg(const ExportTask& task) : task_(task), photos_(task) {}

  std::string add(const ExportedImage& image, const ExportedLabels& labels) override {
    photos_.place(labels.photo, "images/train/" + image.listed.name);
    StreamedFile file(with_folders(task_.folder / "labels/train" / (stem_of(image.listed.name) + ".txt")));
    for (const LabelPolygon& polygon : label_polygons(labels.classes)) {
      std::string line = std::to_string(polygon.label);
      for (const Corner& corner : polygon.corners) line += corner_text(corner, labels.classes);
      file.append(line + "\n");
    }
    file.close();
    return {};
  }

  void finish(bool) override {
    StreamedFile file(task_.folder / "data.yaml");
    file.append(
        "# " + description_of(task_) + "\npath: " + quoted(task_.final_folder.string()) +
        "\ntrain: images/train\n# The photos that are trained on, for there are no others: give some of your own.\n"
        "val: images/train\nnames:\n");
    for (int i = 0; i < task_.classes.count(); ++i) {
      file.append("  " + std::to_string(i) + ": " + quoted(task_.classes.names[static_cast<std::size_t>(i)]) + "\n");
    }
    file.close();
  }

 private:
  ExportTask task_;
  PhotoPlacer photos_;
};

}  // namespace

std::unique_ptr<ExportWriter> make_yolo_seg(const ExportTask& task) {
  return std::make_unique<YoloSeg>(task);
}

}  // namespace datus
