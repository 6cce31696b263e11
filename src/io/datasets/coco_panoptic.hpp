// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "io/images/png_decoder.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

namespace datus::io_detail {

/// Throws `InputError` unless FOLDER.json lies beside a folder of panoptic PNGs.
void require_segments_file(const std::filesystem::path& folder);

/// Ground truth in COCO's panoptic format (Kirillov et al., "Panoptic Segmentation", CVPR 2019): PNGs whose
/// R + 256 G + 256² B is the id of a segment, and a JSON file with the category of each.
class CocoPanoptic {
 public:
  /// The categories in one file, [height, width]; 0 where there is no segment. Its folder's JSON file is read by the
  /// first call. Safe to call from several threads. Throws `InputError` naming the file, and a segment that the JSON
  /// file does not have with its pixel.
  [[nodiscard]] IndexImage read(const std::filesystem::path& path);

 private:
  using Segments = std::unordered_map<std::int64_t, std::uint16_t>;  // id → category
  using Annotations = std::unordered_map<std::string, Segments>;     // by name of the PNG

  [[nodiscard]] const Annotations& annotations_of(const std::filesystem::path& folder);

  std::mutex mutex_;
  std::map<std::filesystem::path, std::unique_ptr<const Annotations>> folders_;
};

}  // namespace datus::io_detail
