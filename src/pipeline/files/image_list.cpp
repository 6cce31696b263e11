// SPDX-License-Identifier: Apache-2.0
#include "pipeline/files/image_list.hpp"

#include "datus/core/parallel.hpp"
#include "datus/io/atomic_hdf5.hpp"
#include "datus/io/hdf5.hpp"
#include "pipeline/files/dataset_checks.hpp"
#include "pipeline/inputs/load_images.hpp"

#include <algorithm>
#include <bit>
#include <iterator>
#include <span>

namespace datus {
namespace {

// Bytes, width, height, whether there are further pages, and the sign.
constexpr std::int64_t values_per_image = 6;

std::vector<std::int64_t> probe_slice(const Dataset& dataset, std::int64_t begin, std::int64_t end,
                                      Orientation orientation, int threads, const std::function<void()>& looked_at) {
  std::vector<std::int64_t> values(static_cast<std::size_t>((end - begin) * values_per_image));
  parallel_for(end - begin, threads, [&](std::int64_t i) {
    const auto slot = static_cast<std::size_t>(i * values_per_image);
    try {
      const auto header = read_image_header(dataset.items()[static_cast<std::size_t>(begin + i)].image, orientation);
      values[slot] = header.bytes;
      values[slot + 1] = header.width;
      values[slot + 2] = header.height;
      values[slot + 3] = header.has_more ? 1 : 0;
      values[slot + 4] = header.modified;
      values[slot + 5] = std::bit_cast<std::int64_t>(header.beginning);
    } catch (const InputError&) {
      // Listed with size 0 and reported when its shard is worked on, with the reason.
    }
    looked_at();
  });
  return values;
}

Hash hash_of_images(std::span<const ListedImage> images, int shard_size) {
  Hasher hasher;
  hasher.add(std::int64_t{shard_size}).add(static_cast<std::int64_t>(images.size()));
  for (const auto& image : images) hasher.add(image.name).add(image.bytes).add(image.width).add(image.height);
  return hasher.finish();
}

/// Lists of earlier versions have none.
void read_signs(const Hdf5Reader& reader, ImageList& list) {
  if (!reader.has("sign")) return;
  require_shape(reader, "sign", {list.size(), 2}, "one row per image");
  const auto signs = reader.read<std::int64_t>("sign");
  for (std::size_t i = 0; i < list.images.size(); ++i) {
    if (list.images[i].is_readable()) list.images[i].sign = {signs[2 * i], signs[2 * i + 1]};
  }
}

}  // namespace

std::pair<std::int64_t, std::int64_t> ImageList::range(ShardIndex shard) const {
  const std::int64_t begin = shard.value * shard_size;
  return {begin, std::min(begin + shard_size, size())};
}

ImageList ImageList::spread(std::int64_t count) const {
  ImageList other;
  other.shard_size = shard_size;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t from = count < size() ? i * size() / count : i % size();
    other.images.push_back(images[static_cast<std::size_t>(from)]);
  }
  return other;
}

Hash ImageList::hash() const {
  return hash_of_images(images, shard_size);
}

Hash ImageList::hash_of(ShardIndex shard) const {
  const auto [begin, end] = range(shard);
  return hash_of_images(
      std::span(images).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)), shard_size);
}

int default_shard_size(std::int64_t images) {
  constexpr std::int64_t wanted_shards = 16;
  return static_cast<int>(std::clamp<std::int64_t>((images + wanted_shards - 1) / wanted_shards, 8, 64));
}

std::int64_t image_count(const ImageList& list, const std::vector<ShardIndex>& shards) {
  std::int64_t images = 0;
  for (const ShardIndex shard : shards) {
    const auto [begin, end] = list.range(shard);
    images += end - begin;
  }
  return images;
}

ImageList list_images(const Dataset& dataset, int shard_size, Orientation orientation, int threads, Communicator& comm,
                      const std::function<void()>& looked_at) {
  ImageList list;
  list.shard_size = shard_size;
  Hasher names;
  for (const auto& item : dataset.items()) {
    list.images.push_back({item.name, 0, 0, 0});
    names.add(item.name).add(item.truth_name);
  }
  require_same_everywhere(comm, names.finish().hex(), "the list of image files");

  const Share mine = share_of(list.size(), comm);
  std::vector<std::int64_t> slice;
  collectively(comm, [&] { slice = probe_slice(dataset, mine.begin, mine.end, orientation, threads, looked_at); });
  const auto values = allgather_values(comm, slice);
  std::vector<std::string> with_further_pages;
  for (std::size_t i = 0; i < list.images.size(); ++i) {
    const auto first = i * values_per_image;
    list.images[i].bytes = values[first];
    list.images[i].width = static_cast<int>(values[first + 1]);
    list.images[i].height = static_cast<int>(values[first + 2]);
    if (list.images[i].is_readable()) list.images[i].sign = {values[first + 4], values[first + 5]};
    if (values[first + 3] != 0) with_further_pages.push_back(list.images[i].name);
  }
  log_further_pages(with_further_pages);
  return list;
}

void write_image_list(const std::filesystem::path& path, const ImageList& list, const WriteOptions& options) {
  std::vector<std::string> names;
  std::vector<std::int64_t> bytes;
  std::vector<std::int32_t> sizes;
  std::vector<std::int64_t> shards;
  std::vector<std::int64_t> signs;
  for (std::int64_t i = 0; i < list.size(); ++i) {
    const auto& image = list.images[static_cast<std::size_t>(i)];
    names.push_back(image.name);
    bytes.push_back(image.bytes);
    sizes.push_back(image.width);
    sizes.push_back(image.height);
    shards.push_back(i / list.shard_size);
    const FileSign sign = image.sign.value_or(FileSign());
    signs.insert(signs.end(), {sign.modified, sign.beginning});
  }
  AtomicHdf5 file(path, options);
  Hdf5Writer& writer = file.writer();
  const std::int64_t count = list.size();
  writer.write_names("name", names);
  writer.write<std::int64_t>("bytes", bytes, {count});
  writer.write<std::int32_t>("size", sizes, {count, 2});
  writer.write<std::int64_t>("shard", shards, {count});
  writer.write<std::int64_t>("sign", signs, {count, 2});
  writer.attribute("/", "shard_size", std::int64_t{list.shard_size});
  writer.attribute("/", "hash", list.hash().hex());
  file.commit();
}

ImageList read_image_list(const std::filesystem::path& path) {
  const Hdf5Reader reader(path);
  if (reader.verify() != VerifyResult::verified) {
    throw InputError(path.string() + " is not complete", "it has no record of what was written",
                     "Delete the file and make it anew.");
  }
  ImageList list;
  list.shard_size = int_attribute(reader, "/", "shard_size", 1);
  const auto names = reader.names("name");
  const std::int64_t count = std::ssize(names);
  require_shape(reader, "bytes", {count}, "one row per image");
  require_shape(reader, "size", {count, 2}, "one row per image");
  const auto bytes = reader.read<std::int64_t>("bytes");
  const auto sizes = reader.read<std::int32_t>("size");
  for (std::size_t i = 0; i < names.size(); ++i) {
    list.images.push_back({names[i], bytes[i], sizes[2 * i], sizes[2 * i + 1]});
  }
  read_signs(reader, list);
  if (reader.attribute<std::string>("/", "hash") != list.hash().hex()) {
    throw_inconsistent(reader, "its attribute hash is not that of its images");
  }
  return list;
}

std::string first_difference(const ImageList& frozen, const ImageList& current) {
  if (frozen.shard_size != current.shard_size) {
    return "dataset.shard_size was " + std::to_string(frozen.shard_size) + ", is " + std::to_string(current.shard_size);
  }
  const std::size_t common = std::min(frozen.images.size(), current.images.size());
  for (std::size_t i = 0; i < common; ++i) {
    const auto& old_image = frozen.images[i];
    const auto& new_image = current.images[i];
    if (old_image == new_image) continue;
    if (old_image.name != new_image.name) {
      return "image " + std::to_string(i) + " was " + old_image.name + ", is " + new_image.name;
    }
    return old_image.name + " had " + std::to_string(old_image.bytes) + " bytes, " + std::to_string(old_image.width) +
           "x" + std::to_string(old_image.height) + " pixels, has " + std::to_string(new_image.bytes) + ", " +
           std::to_string(new_image.width) + "x" + std::to_string(new_image.height);
  }
  if (frozen.images.size() != current.images.size()) {
    return "there were " + std::to_string(frozen.images.size()) + " images, are " +
           std::to_string(current.images.size());
  }
  return {};
}

}  // namespace datus
