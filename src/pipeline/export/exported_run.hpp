// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/config/config.hpp"
#include "datus/core/image.hpp"
#include "datus/pipeline/run_directory.hpp"
#include "pipeline/files/image_list.hpp"
#include "pipeline/files/mask_record.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace datus {

/// A finished run whose masks of one K are read.
struct ExportedRun {
  RunDirectory directory;
  Config config;
  ImageList list;
  int k = 0;
  std::string provenance;  ///< that masks must have

  /// What the shard's masks are. Throws `InputError` when they are missing, or made from other clusters or settings.
  [[nodiscard]] MaskRecord record(ShardIndex shard) const;
  /// Reads a mask that the record names. Throws `InputError` when its bytes are not those that were written.
  [[nodiscard]] LabelMap mask(const MaskRecord& record, const std::string& name) const;
};

/// Opens it, with the only K that it has where none is given; changes nothing. Throws `InputError` for what is no run,
/// `UsageError` for a K that it does not have.
[[nodiscard]] ExportedRun open_exported_run(const std::filesystem::path& run, std::optional<int> k);

}  // namespace datus
