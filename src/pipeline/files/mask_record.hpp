// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace datus {

/// RUN/masks/.done/kNNN/SHARD.json: what a shard's masks were made from, and the hash of each file, so that a resume
/// can tell finished ones.
struct MaskRecord {
  using Hashes = std::map<std::string, std::string>;  ///< by the name of the file
  std::string provenance;
  std::int64_t shard = 0;
  Hashes masks;
  Hashes previews;
};

/// The text of the file, and back: nothing when a text is not just as a record is written, for every byte of it counts.
[[nodiscard]] std::string to_text(const MaskRecord& record);
[[nodiscard]] std::optional<MaskRecord> mask_record_from(const std::string& text);

/// The folder of the previews beside the masks in `masks`: one of its own, so that `masks` holds nothing but masks.
[[nodiscard]] std::filesystem::path preview_folder(const std::filesystem::path& masks);

}  // namespace datus
