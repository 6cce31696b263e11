// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "datus/io/atomic_file.hpp"
#include "pipeline/files/image_keys.hpp"
#include "pipeline/files/provenance.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

namespace datus {

/// One unit vector per segment: /descriptor [s,D], /image [s], /segment [s].
struct DescriptorsFile {
  ImageKeys images;
  int dim = 0;
  std::vector<float> descriptor;      ///< [s,D]
  std::vector<std::int64_t> image;    ///< [s] global index (shards), row in /name (plain files)
  std::vector<std::int32_t> segment;  ///< [s] id within the image
};

/// The final name appears when the file is complete, flushed and read back. `provenance` is recorded in shards of a
/// run; plain files have none.
void write_descriptors(const std::filesystem::path& path, const DescriptorsFile& file,
                       const std::optional<StageProvenance>& provenance, const WriteOptions& options = {});

}  // namespace datus
