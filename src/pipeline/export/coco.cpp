// SPDX-License-Identifier: Apache-2.0
#include "datus/core/names.hpp"
#include "datus/io/image_writer.hpp"
#include "datus/io/label_runs.hpp"
#include "datus/io/streamed_file.hpp"
#include "pipeline/export/export_writer.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstddef>
#include <map>
#include <set>

#include <nlohmann/json.hpp>

namespace datus {
namespace {

using Json = nlohmann::ordered_json;

/// The number that a file of COCO has for a name: "val2017/000000000139.jpg" gives 139; -1 for any other.
std::int64_t number_in_name(const std::string& image) {
  const std::string stem = stem_of(image.substr(image.rfind('/') + 1));
  std::int64_t number = -1;
  const auto [end, problem] = std::from_chars(stem.data(), stem.data() + stem.size(), number);
  const bool is_number = problem == std::errc() && end == stem.data() + stem.size() && !stem.starts_with('-');
  return is_number ? number : -1;
}

/// The ids of all images: the numbers that are their names, so that they fit COCO's own annotations, else 1, 2, 3, ….
std::vector<std::int64_t> image_ids(const ImageList& list) {
  std::vector<std::int64_t> ids;
  std::set<std::int64_t> different;
  for (const ListedImage& image : list.images) {
    ids.push_back(number_in_name(image.name));
    different.insert(ids.back());
  }
  if (std::ssize(different) == list.size() && !different.contains(-1)) return ids;
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::int64_t>(i) + 1;
  return ids;
}

/// A JSON file of COCO's layout. What there is of each image comes first: it is written as it is made.
class CocoFile {
 public:
  CocoFile(const std::filesystem::path& path, std::string opening) : file_(path) { file_.append(opening); }

  void add(const std::string& entries) {
    if (entries.empty()) return;
    file_.append((is_first_ ? "\n" : ",\n") + entries);
    is_first_ = false;
  }
  void next(const std::string& text) {
    file_.append(text);
    is_first_ = true;
  }
  void close() { file_.close(); }

 private:
  StreamedFile file_;
  bool is_first_ = true;
};

/// What both forms have of the images and classes.
class CocoParts {
 public:
  explicit CocoParts(const ExportTask& task) : task_(task), ids_(image_ids(task.list)), written_(ids_.size(), false) {}

  [[nodiscard]] std::int64_t id(const ExportedImage& image) const {
    return ids_[static_cast<std::size_t>(image.position)];
  }
  void see(const ExportedImage& image) { written_[static_cast<std::size_t>(image.position)] = true; }

  void end_with_images(CocoFile& file, bool is_panoptic) const {
    file.next("],\n\"images\": [");
    for (std::size_t i = 0; i < ids_.size(); ++i) {
      const ListedImage& image = task_.list.images[i];
      if (!written_[i]) continue;
      const Json json = {{"id", ids_[i]}, {"file_name", image.name}, {"width", image.width}, {"height", image.height}};
      file.add(json.dump());
    }
    file.next("],\n\"categories\": " + categories(is_panoptic).dump() +
              ",\n\"info\": {\"description\": " + quoted(description_of(task_)) + "},\n\"licenses\": []}\n");
    file.close();
  }

 private:
  [[nodiscard]] Json categories(bool is_panoptic) const {
    const Palette palette = task_.classes.palette();
    Json list = Json::array();
    for (int i = 0; i < task_.classes.count(); ++i) {
      Json category = {{"id", i}, {"name", task_.classes.names[static_cast<std::size_t>(i)]}};
      if (is_panoptic) {
        const Colour colour = palette.of(i);
        category["isthing"] = 0;
        category["color"] = {colour.red, colour.green, colour.blue};
      }
      list.push_back(std::move(category));
    }
    return list;
  }

  ExportTask task_;
  std::vector<std::int64_t> ids_;
  std::vector<bool> written_;
};

/// results.json, a mask of each class in each image as COCO-Stuff's results have them, and images.json with what they
/// refer to.
class CocoRle : public ExportWriter {
 public:
  explicit CocoRle(const ExportTask& task)
      : parts_(task),
        results_(task.folder / "results.json", "["),
        images_(task.folder / "images.json", "{\"annotations\": [") {}

  std::string add(const ExportedImage& image, const ExportedLabels& labels) override {
    std::string text;
    for (const auto& [label, runs] : label_runs(labels.classes, PixelOrder::by_column)) {
      const Json json = {
          {"image_id", parts_.id(image)},
          {"category_id", label},
          {"segmentation", {{"size", {labels.classes.height, labels.classes.width}}, {"counts", coco_counts(runs)}}},
          {"score", 1.0}};
      text += (text.empty() ? "" : ",\n") + json.dump();
    }
    return text;
  }
  void append(const ExportedImage& image, const std::string& made) override {
    parts_.see(image);
    results_.add(made);
  }
  void finish(bool) override {
    results_.next("\n]\n");
    results_.close();
    parts_.end_with_images(images_, false);
  }

 private:
  CocoParts parts_;
  CocoFile results_;
  CocoFile images_;
};

/// What panoptic.json says of a class in an image.
struct PanopticSegment {
  std::int64_t area = 0;
  int left = 0, top = 0, right = 0, bottom = 0;
};

std::map<std::int32_t, PanopticSegment> segments_of(const LabelMap& map) {
  std::map<std::int32_t, PanopticSegment> segments;
  for (int y = 0; y < map.height; ++y) {
    for (int x = 0; x < map.width; ++x) {
      const std::int32_t label =
          map.labels[static_cast<std::size_t>(y) * static_cast<std::size_t>(map.width) + static_cast<std::size_t>(x)];
      if (label == no_label) continue;
      const auto [place, is_new] = segments.try_emplace(label, PanopticSegment{0, x, y, x, y});
      PanopticSegment& segment = place->second;
      ++segment.area;
      segment.left = std::min(segment.left, x);
      segment.right = std::max(segment.right, x);
      segment.bottom = y;
    }
  }
  return segments;
}

/// panoptic.json and PNGs whose colour is the number of a segment: one for each class of an image, 0 where there is
/// none.
class CocoPanoptic : public ExportWriter {
 public:
  explicit CocoPanoptic(const ExportTask& task)
      : parts_(task), folder_(task.folder), file_(task.folder / "panoptic.json", "{\"annotations\": [") {}

  std::string add(const ExportedImage& image, const ExportedLabels& labels) override {
    const LabelMap& map = labels.classes;
    const std::string name = mask_name(image.listed.name);
    write_png(with_folders(folder_ / "panoptic" / name), coloured(map));
    Json segments = Json::array();
    for (const auto& [label, segment] : segments_of(map)) {
      segments.push_back(
          {{"id", label + 1},
           {"category_id", label},
           {"area", segment.area},
           {"bbox", {segment.left, segment.top, segment.right - segment.left + 1, segment.bottom - segment.top + 1}},
           {"iscrowd", 0}});
    }
    return Json({{"image_id", parts_.id(image)}, {"file_name", name}, {"segments_info", std::move(segments)}}).dump();
  }
  void append(const ExportedImage& image, const std::string& made) override {
    parts_.see(image);
    file_.add(made);
  }
  void finish(bool) override { parts_.end_with_images(file_, true); }

 private:
  static Image coloured(const LabelMap& map) {
    Image image(map.height, map.width);
    for (std::size_t i = 0; i < map.labels.size(); ++i) {
      const int number = map.labels[i] + 1;
      image.pixels[3 * i] = static_cast<std::uint8_t>(number & 255);
      image.pixels[3 * i + 1] = static_cast<std::uint8_t>(number >> 8);
    }
    return image;
  }

  CocoParts parts_;
  std::filesystem::path folder_;
  CocoFile file_;
};

}  // namespace

std::unique_ptr<ExportWriter> make_coco_rle(const ExportTask& task) {
  return std::make_unique<CocoRle>(task);
}

std::unique_ptr<ExportWriter> make_coco_panoptic(const ExportTask& task) {
  return std::make_unique<CocoPanoptic>(task);
}

}  // namespace datus
