// SPDX-License-Identifier: Apache-2.0
#include "pipeline/files/image_contents.hpp"

#include "datus/core/error.hpp"
#include "datus/io/hdf5_reader.hpp"

#include <cstddef>
#include <filesystem>

namespace datus {
namespace {

std::optional<ImageContents> contents_in(const std::filesystem::path& path, const std::string& listed) {
  const Hdf5Reader reader(path);
  if (!reader.has("content")) return ImageContents();
  if (reader.attribute<std::string>("/", "listed") != listed) return std::nullopt;
  ImageContents contents{.is_recorded = true, .hex = {}};
  const auto images = reader.read<std::int64_t>("image");
  const auto hashes = reader.names("content");
  for (std::size_t i = 0; i < images.size(); ++i) contents.hex.emplace(images[i], hashes.at(i));
  return contents;
}

}  // namespace

std::optional<ImageContents> image_contents(const RunDirectory& directory, const ImageList& list, ShardIndex shard) {
  const std::string listed = list.hash_of(shard).hex();
  for (const auto& path : {directory.segments(shard), directory.keys(shard)}) {
    if (!std::filesystem::exists(path)) continue;
    try {
      if (auto contents = contents_in(path, listed)) return contents;
    } catch (const InputError&) {
      // Damaged: it is made anew.
    }
  }
  return std::nullopt;
}

}  // namespace datus
