// SPDX-License-Identifier: Apache-2.0
#include "datus/io/label_runs.hpp"
#include "datus/io/streamed_file.hpp"
#include "pipeline/export/export_writer.hpp"
#include "pipeline/export/photo_placer.hpp"

#include <array>
#include <cstddef>
#include <cstdio>
#include <string_view>

#include <nlohmann/json.hpp>

namespace datus {
namespace {

using Json = nlohmann::ordered_json;

std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    constexpr std::string_view special = "&<>\"";
    constexpr std::array names = {"&amp;", "&lt;", "&gt;", "&quot;"};
    const auto at = special.find(c);
    result += at == std::string_view::npos ? std::string(1, c) : names.at(at);
  }
  return result;
}

/// A name as a part of an address.
std::string url_text(const std::string& name) {
  std::string text;
  for (const char c : name) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                          std::string_view("-_.~/").find(c) != std::string_view::npos;
    std::array<char, 8> hex{};
    (void)std::snprintf(hex.data(), hex.size(), "%%%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
    text += is_plain ? std::string(1, c) : std::string(hex.data());
  }
  return text;
}

/// tasks.json with a brush stroke for each class of an image, labels.xml for the project, and the photos, which Label
/// Studio serves as local files.
class LabelStudio : public ExportWriter {
 public:
  explicit LabelStudio(const ExportTask& task) : task_(task), photos_(task), tasks_(task.folder / "tasks.json") {
    tasks_.append("[");
  }

  std::string add(const ExportedImage& image, const ExportedLabels& labels) override {
    photos_.place(labels.photo, "images/" + image.listed.name);
    Json result = Json::array();
    for (const auto& [label, runs] : label_runs(labels.classes, PixelOrder::by_row)) {
      result.push_back({{"id", "class" + std::to_string(label)},
                        {"type", "brushlabels"},
                        {"from_name", "tag"},
                        {"to_name", "image"},
                        {"original_width", labels.classes.width},
                        {"original_height", labels.classes.height},
                        {"image_rotation", 0},
                        {"value",
                         {{"format", "rle"},
                          {"rle", label_studio_brush(runs)},
                          {"brushlabels", {task_.classes.names[static_cast<std::size_t>(label)]}}}}});
    }
    const std::string place = task_.final_folder.filename().string() + "/images/" + image.listed.name;
    return Json({{"data", {{"image", "/data/local-files/?d=" + url_text(place)}}},
                 {"predictions", {{{"model_version", "datus " + task_.name}, {"result", std::move(result)}}}}})
        .dump();
  }
  void append(const ExportedImage&, const std::string& made) override {
    tasks_.append((is_first_ ? "\n" : ",\n") + made);
    is_first_ = false;
  }

  void finish(bool) override {
    tasks_.append("\n]\n");
    tasks_.close();
    StreamedFile file(task_.folder / "labels.xml");
    file.append(
        "<View>\n  <Image name=\"image\" value=\"$image\" zoom=\"true\"/>\n  <BrushLabels name=\"tag\" "
        "toName=\"image\">\n");
    const Palette palette = task_.classes.palette();
    for (int i = 0; i < task_.classes.count(); ++i) {
      const Colour colour = palette.of(i);
      std::array<char, 8> hex{};
      (void)std::snprintf(hex.data(), hex.size(), "#%02x%02x%02x", static_cast<unsigned>(colour.red),
                          static_cast<unsigned>(colour.green), static_cast<unsigned>(colour.blue));
      file.append("    <Label value=\"" + escaped(task_.classes.names[static_cast<std::size_t>(i)]) +
                  "\" background=\"" + hex.data() + "\"/>\n");
    }
    file.append("  </BrushLabels>\n</View>\n");
    file.close();
  }

 private:
  ExportTask task_;
  PhotoPlacer photos_;
  StreamedFile tasks_;
  bool is_first_ = true;
};

}  // namespace

std::unique_ptr<ExportWriter> make_label_studio(const ExportTask& task) {
  return std::make_unique<LabelStudio>(task);
}

}  // namespace datus
