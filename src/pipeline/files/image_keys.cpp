// SPDX-License-Identifier: Apache-2.0
#include "pipeline/files/image_keys.hpp"

#include "pipeline/files/dataset_checks.hpp"

#include <algorithm>
#include <iterator>

namespace datus {

void write_image_keys(Hdf5Writer& writer, const ImageKeys& images) {
  if (!images.name.empty()) {
    writer.write_names("name", images.name);
    return;
  }
  writer.write<std::int64_t>("image", images.image, {static_cast<std::int64_t>(images.image.size())});
  writer.write<std::int64_t>("unreadable", images.unreadable, {static_cast<std::int64_t>(images.unreadable.size())});
  if (images.listed.empty()) return;
  writer.write_names("content", images.content);
  writer.attribute("/", "listed", images.listed);
}

ImageKeys read_image_keys(const Hdf5Reader& reader, std::int64_t count, bool of_a_run) {
  ImageKeys images;
  if (reader.has("name")) {
    require_shape(reader, "name", {count}, "one row per image");
    images.name = reader.names("name");
  }
  if (!images.name.empty() || (!of_a_run && !reader.has("unreadable"))) return images;
  images.image = reader.read<std::int64_t>("image");
  images.unreadable = reader.read<std::int64_t>("unreadable");
  if (of_a_run || !images.image.empty()) require_shape(reader, "image", {count}, "one row per image");
  if (reader.has("content")) {
    require_shape(reader, "content", {count}, "one row per image");
    images.content = reader.names("content");
    images.listed = reader.attribute<std::string>("/", "listed");
  }
  require_ascending(reader, "image", images.image);
  require_ascending(reader, "unreadable", images.unreadable);
  std::vector<std::int64_t> both;
  std::ranges::set_intersection(images.image, images.unreadable, std::back_inserter(both));
  if (!both.empty()) {
    throw_inconsistent(reader, "image " + std::to_string(both.front()) + " is in /image and in /unreadable");
  }
  return images;
}

}  // namespace datus
