// SPDX-License-Identifier: Apache-2.0
#include "pipeline/files/mask_record.hpp"

#include <nlohmann/json.hpp>

namespace datus {

std::string to_text(const MaskRecord& record) {
  const nlohmann::json json = {{"provenance", record.provenance},
                               {"shard", record.shard},
                               {"masks", record.masks},
                               {"previews", record.previews}};
  return json.dump(1) + "\n";
}

std::optional<MaskRecord> mask_record_from(const std::string& text) {
  try {
    const auto json = nlohmann::json::parse(text);
    MaskRecord record;
    record.provenance = json.at("provenance").get<std::string>();
    record.shard = json.at("shard").get<std::int64_t>();
    record.masks = json.at("masks").get<MaskRecord::Hashes>();
    record.previews = json.at("previews").get<MaskRecord::Hashes>();
    return to_text(record) == text ? std::optional(record) : std::nullopt;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

std::filesystem::path preview_folder(const std::filesystem::path& masks) {
  return masks.string() + "-preview";
}

}  // namespace datus
