// SPDX-License-Identifier: Apache-2.0
#include "io/datasets/coco_panoptic.hpp"

#include "datus/core/error.hpp"
#include "datus/io/image_reader.hpp"
#include "io/disk/file_bytes.hpp"

#include <algorithm>
#include <array>
#include <string_view>
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

/// Of a large file only what is needed is kept: names, ids and categories.
bool is_needed(int /*depth*/, json::parse_event_t event, json& parsed) {
  constexpr std::array<std::string_view, 7> unneeded = {"info", "licenses", "images", "categories",
                                                        "bbox", "area",     "iscrowd"};
  return event != json::parse_event_t::key ||
         std::ranges::find(unneeded, parsed.get_ref<const std::string&>()) == unneeded.end();
}

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
  auto annotations = std::make_unique<Annotations>();
  try {
    const auto bytes = read_file_bytes(path);
    const json all = json::parse(bytes.begin(), bytes.end(), is_needed);
    for (const json& annotation : all.at("annotations")) {
      Segments segments;
      for (const json& segment : annotation.at("segments_info")) {
        segments.emplace(segment.at("id").get<std::int64_t>(), segment.at("category_id").get<std::uint16_t>());
      }
      annotations->emplace(annotation.at("file_name").get<std::string>(), std::move(segments));
    }
  } catch (const json::exception& error) {
    throw InputError("Cannot use " + path.string(), error.what(),
                     "It should be COCO's panoptic JSON: annotations with file_name and segments_info.");
  }
  known = std::move(annotations);
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
  IndexImage categories{.height = ids.height, .width = ids.width, .values = {}};
  categories.values.reserve(ids.pixels.size() / 3);
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
    categories.values.push_back(id == 0 ? std::uint16_t{0} : segment->second);
  }
  return categories;
}

}  // namespace datus::io_detail
