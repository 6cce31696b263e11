// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/io/hdf5_reader.hpp"
#include "datus/io/hdf5_writer.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace datus {

/// The images that a file holds results for: the readable ones of a shard (by their index in the frozen list) or of a
/// plain file (by name).
struct ImageKeys {
  std::vector<std::int64_t> image;       ///< [n] global index; empty in plain files
  std::vector<std::string> name;         ///< [n] names; empty in shards
  std::vector<std::int64_t> unreadable;  ///< global index of the images of the shard that could not be read
  /// [n] `Hash::hex` of the files' bytes, of which this was made; empty where they are not known
  std::vector<std::string> content = {};
  /// `Hash::hex` of the shard's part of the list that the indices are of, where there is `content`
  std::string listed = {};
};

/// Writes /name, or /image, /unreadable and, where it is known, /content with the attribute listed.
void write_image_keys(Hdf5Writer& writer, const ImageKeys& images);

/// The images of a file with `count` of them: names in plain files, indices in shards (`of_a_run`). A plain file may
/// have neither. Throws `InputError` naming the file when indices are not ascending, or another number than `count`.
[[nodiscard]] ImageKeys read_image_keys(const Hdf5Reader& reader, std::int64_t count, bool of_a_run);

}  // namespace datus
