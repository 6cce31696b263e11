// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/comm/communicator.hpp"
#include "datus/core/hash.hpp"
#include "datus/core/types.hpp"
#include "datus/io/atomic_file.hpp"
#include "datus/io/dataset.hpp"
#include "datus/io/image_reader.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace datus {

/// By what a file tells, without being read as a whole, that it may hold something else than before.
struct FileSign {
  std::int64_t modified = 0;   ///< as in `ImageHeader`
  std::int64_t beginning = 0;  ///< the bits of that in `ImageHeader`
  friend bool operator==(const FileSign&, const FileSign&) = default;
};

/// One image of the frozen list. A file whose header cannot be read has width and height 0; it stays in the list, so
/// that shards never shift, and is reported as unreadable. Ground truth is no part of it: it may come when the masks
/// are there.
struct ListedImage {
  std::string name;        ///< UTF-8, relative to the images' root, with extension
  std::int64_t bytes = 0;  ///< size of the file
  int width = 0;           ///< pixels
  int height = 0;          ///< pixels
  /// None where the header cannot be read, and in lists of earlier versions.
  std::optional<FileSign> sign = {};
  [[nodiscard]] bool is_readable() const { return width > 0; }
  /// But for the sign: a file may be copied, and is the same.
  friend bool operator==(const ListedImage& a, const ListedImage& b) {
    return a.name == b.name && a.bytes == b.bytes && a.width == b.width && a.height == b.height;
  }
};

/// The images of a run in their final order, cut into shards of consecutive images. Neither depends on the ranks.
struct ImageList {
  std::vector<ListedImage> images;
  int shard_size = 64;

  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(images.size()); }
  [[nodiscard]] std::int64_t shards() const { return (size() + shard_size - 1) / shard_size; }
  /// First image of the shard, and one past its last.
  [[nodiscard]] std::pair<std::int64_t, std::int64_t> range(ShardIndex shard) const;
  /// Over the images of one shard, as `hash` is over all.
  [[nodiscard]] Hash hash_of(ShardIndex shard) const;
  /// `count` images like these: fewer of them, spread evenly, or all of them again and again.
  [[nodiscard]] ImageList spread(std::int64_t count) const;
  /// Over names, bytes, sizes and the shard size; not over places on the disk, nor signs.
  [[nodiscard]] Hash hash() const;
};

/// Images per shard where nobody says it: of 8 to 64, so that there are 16 shards where the images suffice. Small runs
/// can be shared among ranks like that; it never depends on them.
[[nodiscard]] int default_shard_size(std::int64_t images);

/// How many images these shards have.
[[nodiscard]] std::int64_t image_count(const ImageList& list, const std::vector<ShardIndex>& shards);

/// COLLECTIVE. Probes the headers of the data set's images, each rank a slice, and returns the same list everywhere.
/// `looked_at` is called for each image of this rank, from any thread; what it throws ends the listing. Throws
/// `AgreedError` when ranks see different files.
[[nodiscard]] ImageList list_images(
    const Dataset& dataset, int shard_size, Orientation orientation, int threads, Communicator& comm,
    const std::function<void()>& looked_at = [] {});

/// RUN/images.h5. Writing is atomic.
void write_image_list(const std::filesystem::path& path, const ImageList& list, const WriteOptions& options = {});
[[nodiscard]] ImageList read_image_list(const std::filesystem::path& path);

/// Empty when the lists are equal, else a phrase that names the first difference.
[[nodiscard]] std::string first_difference(const ImageList& frozen, const ImageList& current);

}  // namespace datus
