// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/core/patch_box.hpp"
#include "datus/core/types.hpp"
#include "datus/io/atomic_file.hpp"
#include "pipeline/files/image_keys.hpp"
#include "pipeline/files/provenance.hpp"
#include "pipeline/files/segment_tally.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

namespace datus {

/// Segments of n images: s segments in all; those of image i have rows offset[i] … offset[i+1]-1 of box and size.
struct SegmentsFile {
  ImageKeys images;
  GridSize grid;
  int patch = 0;                           ///< 0: not known (keys from elsewhere)
  std::vector<std::int16_t> segment;       ///< [n,P] id within the image, -1 invalid
  std::vector<std::int16_t> community;     ///< [n,P]
  std::vector<std::int64_t> offset = {0};  ///< [n+1]
  std::vector<PatchBox> box;               ///< [s]
  std::vector<std::int32_t> size;          ///< [s] patches
  SegmentTally tally;                      ///< written; `read_tally` reads it without the rest
  [[nodiscard]] std::int64_t image_count() const { return static_cast<std::int64_t>(offset.size()) - 1; }
};

/// The final name appears when the file is complete, flushed and read back. `provenance` is recorded in shards of a
/// run; plain files have none.
void write_segments(const std::filesystem::path& path, const SegmentsFile& file,
                    const std::optional<StageProvenance>& provenance, const WriteOptions& options = {});

/// Opens as `open_verified` does, and checks the parts of the file against each other: equal numbers of rows, indices
/// ascending, offsets from 0 to the last row, segments and boxes on the grid. Throws `InputError` naming the file.
[[nodiscard]] SegmentsFile read_segments(const std::filesystem::path& path,
                                         const std::optional<StageProvenance>& wanted);

}  // namespace datus
