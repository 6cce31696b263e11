// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/types.hpp"
#include "datus/pipeline/run_directory.hpp"
#include "pipeline/files/image_list.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace datus {

/// The hashes of the bytes that a shard's files were made from.
struct ImageContents {
  bool is_recorded = false;                 ///< files of earlier versions do not say it
  std::map<std::int64_t, std::string> hex;  ///< `Hash::hex` by place in the list; of the readable images
};

/// Of a shard of `list`: from whichever of its files exists, since keys may not be kept and segments may not be made
/// yet. Nothing when there is none, or when it is damaged or of another list.
[[nodiscard]] std::optional<ImageContents> image_contents(const RunDirectory& directory, const ImageList& list,
                                                          ShardIndex shard);

}  // namespace datus
