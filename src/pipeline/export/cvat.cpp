// SPDX-License-Identifier: Apache-2.0
#include "datus/core/names.hpp"
#include "datus/io/mask_file.hpp"
#include "datus/io/streamed_file.hpp"
#include "pipeline/export/export_writer.hpp"

#include <algorithm>

namespace datus {
namespace {

/// "Segmentation mask 1.1": the layout of Pascal VOC, with the colours of the classes.
class Cvat : public ExportWriter {
 public:
  explicit Cvat(const ExportTask& task)
      : task_(task),
        palette_(task.classes.palette()),
        images_(with_folders(task.folder / "ImageSets/Segmentation/default.txt")) {}

  std::string add(const ExportedImage& image, const ExportedLabels& labels) override {
    write_mask_preview(with_folders(task_.folder / "SegmentationClass" / mask_name(image.listed.name)), labels.classes,
                       palette_);
    return stem_of(image.listed.name) + "\n";
  }
  void append(const ExportedImage&, const std::string& made) override { images_.append(made); }

  void finish(bool) override {
    images_.close();
    StreamedFile file(task_.folder / "labelmap.txt");
    file.append("# label:color_rgb:parts:actions\nbackground:0,0,0::\n");
    for (int i = 0; i < task_.classes.count(); ++i) {
      const Colour colour = palette_.of(i);
      file.append(line_name(task_.classes.names[static_cast<std::size_t>(i)]) + ":" + std::to_string(colour.red) + "," +
                  std::to_string(colour.green) + "," + std::to_string(colour.blue) + "::\n");
    }
    file.close();
  }

 private:
  /// A colon would end the name, and "background" is what has no class.
  static std::string line_name(std::string name) {
    std::ranges::replace_if(
        name, [](char c) { return c == ':' || c == '\n'; }, '_');
    return name == "background" ? "background_class" : name;
  }

  ExportTask task_;
  Palette palette_;
  StreamedFile images_;
};

}  // namespace

std::unique_ptr<ExportWriter> make_cvat(const ExportTask& task) {
  return std::make_unique<Cvat>(task);
}

}  // namespace datus
