// SPDX-License-Identifier: Apache-2.0
#include "io/datasets/coco_panoptic.hpp"

#include "datus/core/error.hpp"
#include "datus/io/image_reader.hpp"
#include "io/disk/file_bytes.hpp"

#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>

namespace datus::io_detail {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

fs::path segments_file(const fs::path& folder) {
  const fs::path itself = folder.has_filename() ? folder : folder.parent_path();
  return fs::path(itself) += ".json";
}

/// Reads the JSON file value by value, for it may have hundreds of megabytes: names, ids and categories are kept.
class AnnotationReader final : public nlohmann::json_sax<json> {
 public:
  using Segments = std::unordered_map<std::int64_t, std::uint16_t>;
  using Annotations = std::unordered_map<std::string, Segments>;

  explicit AnnotationReader(const fs::path& path) : path_(path) {}

  [[nodiscard]] Annotations take() {
    if (!has_annotations_) refuse("it has no annotations");
    return std::move(annotations_);
  }

  bool null() override { return true; }
  bool boolean(bool /*value*/) override { return true; }
  bool number_integer(number_integer_t value) override { return number(value); }
  bool number_unsigned(number_unsigned_t value) override {
    return number(std::in_range<std::int64_t>(value) ? static_cast<std::int64_t>(value) : -1);
  }
  bool number_float(number_float_t /*value*/, const string_t& /*text*/) override { return true; }
  bool binary(binary_t& /*value*/) override { return true; }
  bool string(string_t& value) override {
    if (is_at(Place::annotation) && key_ == "file_name") name_ = std::move(value);
    return true;
  }
  bool key(string_t& name) override {
    key_ = std::move(name);
    return true;
  }
  bool start_object(std::size_t /*size*/) override {
    const bool is_next = is_at(Place::outside) || is_at(Place::annotations) || is_at(Place::segments);
    open(is_next);
    if (is_at(Place::annotation)) {
      name_.reset();
      segments_.reset();
    }
    if (is_at(Place::segment)) id_ = category_ = std::nullopt;
    return true;
  }
  bool start_array(std::size_t /*size*/) override {
    open((is_at(Place::file) && key_ == "annotations") || (is_at(Place::annotation) && key_ == "segments_info"));
    if (is_at(Place::annotations)) has_annotations_ = true;
    if (is_at(Place::segments)) segments_.emplace();
    return true;
  }
  bool end_array() override { return close(); }
  bool end_object() override {
    if (is_at(Place::segment)) {
      if (!id_ || !category_) refuse("a segment has no id, or no category_id from 0 to 65535");
      segments_->emplace(*id_, *category_);
    }
    if (is_at(Place::annotation)) {
      if (!name_ || !segments_) refuse("an annotation has no file_name or segments_info");
      annotations_.emplace(*std::move(name_), *std::move(segments_));
    }
    return close();
  }
  bool parse_error(std::size_t /*place*/, const std::string& /*token*/, const json::exception& error) override {
    refuse(error.what());
  }

 private:
  /// What the reader is directly in, on the way to a segment.
  enum class Place { outside, file, annotations, annotation, segments, segment };

  [[noreturn]] void refuse(const std::string& why) const {
    throw InputError("Cannot use " + path_.string(), why,
                     "It should be COCO's panoptic JSON: annotations with file_name and segments_info.");
  }
  /// Whether it is there, and not in something else within.
  [[nodiscard]] bool is_at(Place place) const { return aside_ == 0 && place_ == static_cast<int>(place); }
  void open(bool is_on_the_way) {
    constexpr int deepest = 64;
    if (is_on_the_way) {
      ++place_;
    } else if (++aside_ > deepest) {
      refuse("it is nested too deeply");
    }
  }
  bool close() {
    --(aside_ > 0 ? aside_ : place_);
    return true;
  }
  bool number(std::int64_t value) {
    if (is_at(Place::segment) && key_ == "id") id_ = value;
    if (is_at(Place::segment) && key_ == "category_id" && std::in_range<std::uint16_t>(value)) {
      category_ = static_cast<std::uint16_t>(value);
    }
    return true;
  }

  const fs::path& path_;
  int place_ = 0;
  int aside_ = 0;
  std::string key_;
  bool has_annotations_ = false;
  Annotations annotations_;
  std::optional<std::string> name_;
  std::optional<Segments> segments_;
  std::optional<std::int64_t> id_;
  std::optional<std::uint16_t> category_;
};

}  // namespace

void require_segments_file(const fs::path& folder) {
  std::error_code unknown;
  const fs::path file = segments_file(folder);
  if (fs::is_regular_file(file, unknown)) return;
  throw InputError("No segments for the ground truth in " + folder.string(), "there is no file " + file.string(),
                   "Put COCO's JSON file there, which has the category of each segment.");
}

const CocoPanoptic::Annotations& CocoPanoptic::annotations_of(const fs::path& folder) {
  const std::lock_guard lock(mutex_);
  auto& known = folders_[folder];
  if (known) return *known;
  require_segments_file(folder);
  const fs::path path = segments_file(folder);
  const auto bytes = read_file_bytes(path);
  AnnotationReader reader(path);
  (void)json::sax_parse(bytes.begin(), bytes.end(), &reader);
  known = std::make_unique<const Annotations>(reader.take());
  return *known;
}

IndexImage CocoPanoptic::read(const fs::path& path) {
  const Annotations& annotations = annotations_of(path.parent_path());
  const auto found = annotations.find(path.filename().string());
  if (found == annotations.end()) {
    throw InputError("No segments for ground truth " + path.string(),
                     segments_file(path.parent_path()).string() + " does not name it",
                     "Take the JSON file of this split.");
  }
  const Image ids = read_image(path);
  std::vector<std::uint16_t> categories;
  categories.reserve(ids.pixels.size() / 3);
  for (std::size_t i = 0; i < ids.pixels.size(); i += 3) {
    const std::int64_t id = ids.pixels[i] + 256 * ids.pixels[i + 1] + 65536 * ids.pixels[i + 2];
    const auto segment = found->second.find(id);
    if (id != 0 && segment == found->second.end()) {
      const std::size_t pixel = i / 3;
      const auto columns = static_cast<std::size_t>(ids.width);
      throw InputError("Unknown segment in ground truth " + path.string(),
                       "id " + std::to_string(id) + " in row " + std::to_string(pixel / columns) + ", column " +
                           std::to_string(pixel % columns) + " is not in " + segments_file(path.parent_path()).string(),
                       "Take the JSON file of this split.");
    }
    categories.push_back(id == 0 ? std::uint16_t{0} : segment->second);
  }
  return {.height = ids.height, .width = ids.width, .values = std::move(categories)};
}

}  // namespace datus::io_detail
