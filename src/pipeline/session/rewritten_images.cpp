// SPDX-License-Identifier: Apache-2.0
#include "pipeline/session/rewritten_images.hpp"

#include "datus/core/error.hpp"
#include "datus/core/hash.hpp"
#include "datus/core/log.hpp"
#include "datus/core/parallel.hpp"
#include "datus/core/text.hpp"
#include "pipeline/files/image_contents.hpp"
#include "pipeline/session/progress.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>

namespace datus {
namespace {

/// What rank 0 finds in lists and shards.
struct Comparison {
  std::vector<std::int64_t> rewritten;  ///< places in the frozen list
  std::vector<std::int64_t> unproven;   ///< places of images of which nothing but the time is another
  /// Those to read, one for each: the place before, the place now, and the content before.
  std::vector<std::int64_t> before;
  std::vector<std::int64_t> now;
  std::vector<std::string> content;
};

/// Takes an image whose sign is not what it was, or was not known.
void compare(const ListedImage& old_image, const ListedImage& new_image, std::int64_t before, std::int64_t now,
             const std::optional<ImageContents>& contents, Comparison& found) {
  if (contents && contents->is_recorded) {
    const auto hex = contents->hex.find(before);
    // One that could not be read is tried again in any case.
    if (hex == contents->hex.end()) return;
    found.before.push_back(before);
    found.now.push_back(now);
    found.content.push_back(hex->second);
  } else if (old_image.sign && new_image.sign) {
    if (old_image.sign->beginning != new_image.sign->beginning) {
      found.rewritten.push_back(before);
    } else if (contents) {
      found.unproven.push_back(before);
    }
  }
}

/// `has_signs`: the signs of `frozen` are those of an earlier job.
Comparison compare_lists(const RunDirectory& directory, const ImageList& frozen, const ImageList& list,
                         bool has_signs) {
  std::unordered_map<std::string_view, std::int64_t> places;
  for (std::int64_t i = 0; i < list.size(); ++i) places.emplace(list.images[static_cast<std::size_t>(i)].name, i);
  Comparison found;
  ShardIndex shard{-1};
  std::optional<ImageContents> contents;
  for (std::int64_t i = 0; i < frozen.size(); ++i) {
    ListedImage before = frozen.images[static_cast<std::size_t>(i)];
    if (!has_signs) before.sign.reset();
    const auto place = places.find(before.name);
    if (place == places.end() || !before.is_readable()) continue;
    const ListedImage& now = list.images[static_cast<std::size_t>(place->second)];
    if (now != before || (before.sign && now.sign == before.sign)) continue;
    const ShardIndex its{i / frozen.shard_size};
    if (its.value != shard.value) contents = image_contents(directory, frozen, its);
    shard = its;
    compare(before, now, i, place->second, contents, found);
  }
  return found;
}

/// COLLECTIVE. The hashes of the files at these places, each rank a slice. One that cannot be read has that of nothing.
std::vector<Hash> hashes_of(const std::vector<std::int64_t>& places, const Dataset& dataset, int threads,
                            Communicator& comm) {
  const auto [begin, end] = share_of(std::ssize(places), comm);
  std::vector<Hash> hashes(static_cast<std::size_t>(end - begin));
  Progress progress("reading images that were written or copied", end - begin, comm.rank() != 0);
  parallel_for(end - begin, threads, [&, first = begin](std::int64_t i) {
    const auto place = static_cast<std::size_t>(places[static_cast<std::size_t>(first + i)]);
    try {
      hashes[static_cast<std::size_t>(i)] = hash_file(dataset.items()[place].image);
    } catch (const InputError&) {
      // Its shard is made anew, and says why.
    }
    progress.add(1);
  });
  return allgather_values(comm, hashes);
}

void say_what_is_unproven(const Comparison& found, const ImageList& frozen) {
  if (found.unproven.empty()) return;
  log::info(counted(std::ssize(found.unproven), "image") + " (" +
            frozen.images[static_cast<std::size_t>(found.unproven.front())].name +
            (found.unproven.size() > 1 ? ", …" : "") +
            "): written or copied since the last start; their shards are of a version that does not record what it "
            "read, so they are taken for the same");
}

}  // namespace

std::vector<std::int64_t> rewritten_images(const RunDirectory& directory, const std::optional<ImageList>& frozen,
                                           const ImageList& list, const Dataset& dataset, int threads,
                                           Communicator& comm) {
  Comparison found;
  on_root(comm, [&] {
    const ImageList& before = frozen ? *frozen : list;
    // Other shards are refused anyway.
    if (before.shard_size != list.shard_size) return;
    found = compare_lists(directory, before, list, frozen.has_value());
    say_what_is_unproven(found, before);
  });
  const auto places = allgather_values(comm, found.now);
  if (places.empty()) return found.rewritten;
  const auto hashes = hashes_of(places, dataset, threads, comm);
  for (std::size_t i = 0; i < found.before.size(); ++i) {
    if (hashes[i].hex() != found.content[i]) found.rewritten.push_back(found.before[i]);
  }
  std::ranges::sort(found.rewritten);
  return found.rewritten;
}

}  // namespace datus
