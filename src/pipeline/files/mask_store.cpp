// SPDX-License-Identifier: Apache-2.0
#include "pipeline/files/mask_store.hpp"

#include "datus/core/error.hpp"
#include "pipeline/files/packed_mask_store.hpp"
#include "pipeline/files/png_masks.hpp"

#include <algorithm>

namespace datus {

void MaskStore::refuse(ShardIndex shard, const std::filesystem::path& place, const std::string& why) const {
  throw InputError("The masks of shard " + std::to_string(shard.value) + " in " + place.string() + " cannot be used",
                   why, "Run 'datus run' or 'datus apply' to its end first, or the stage 'mask'.");
}

std::unique_ptr<const MaskStore> make_mask_store(MaskConfig::Format format, MaskedRun run) {
  switch (format) {
    case MaskConfig::Format::png:
      return make_png_mask_store(std::move(run));
    case MaskConfig::Format::hdf5:
      break;
  }
  return make_packed_mask_store(std::move(run));
}

const char* mask_format_name(MaskConfig::Format format) {
  switch (format) {
    case MaskConfig::Format::png:
      return "png";
    case MaskConfig::Format::hdf5:
      break;
  }
  return "hdf5";
}

std::filesystem::path mask_marker(const RunDirectory& directory, MaskConfig::Format format, int k, ShardIndex shard) {
  switch (format) {
    case MaskConfig::Format::png:
      return directory.mask_record(k, shard);
    case MaskConfig::Format::hdf5:
      break;
  }
  return directory.packed_masks(k, shard);
}

bool has_mask_markers(const RunDirectory& directory, const MaskConfig& config, int k, ShardIndex shard) {
  return std::ranges::all_of(config.formats, [&](MaskConfig::Format format) {
    std::error_code problem;
    return std::filesystem::exists(mask_marker(directory, format, k, shard), problem);
  });
}

bool has_format(const MaskConfig& config, MaskConfig::Format format) {
  return std::ranges::find(config.formats, format) != config.formats.end();
}

}  // namespace datus
